"""[web] and [[sites]]: what they must say."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.sites import LANGUAGES, Web
from tests.support.sites import site


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"key": "a b"}, "a key has 4 to 64"),
        ({"origins": []}, "at least 1"),
        ({"origins": ["https://shop.example/"]}, "without a path"),
        ({"origins": ["*"]}, "not an origin"),
        ({"origins": ["https://a.example", "https://a.example"]}, "stands twice"),
        ({"agent": "alice"}, "give one of queue and agent"),
        ({"queue": ""}, "give one of queue and agent"),
        ({"speak": True, "queue": "", "agent": "alice"}, "needs a queue"),
        ({"language": "tlh"}, "'en'"),
        ({"context": ["Page!"]}, "not the name of a field"),
        ({"look": {"colour": "blue"}}, "not a colour"),
        ({"time_zone": "Mars/Olympus"}, "not a time zone"),
        ({"captcha": {"verify_url": "ftp://x", "secret": "s"}}, "http"),
        ({"consent": {"en": "I agree.", "xx": "?"}}, "no such language; there are en, de, fr"),
        ({"consent": {"de": "Ich stimme zu."}}, "none in en, the language of the site"),
        ({"consent": {"en": "I agree.", "de": " "}}, "there is no text"),
        ({"consent": {"en": "x" * 2001}}, "at most 2000"),
        ({"consent": "x" * 2001}, "at most 2000"),
        ({"consent": {}}, "in any language"),
        ({"consent": 7}, "a text, or one a language"),
        ({"consent": {"en": 7}}, "must be a text"),
        ({"texts": {"xx": {"title": "?"}}}, "no such language"),
        ({"texts": {"de": {"title": "x" * 501}}}, "at most 500"),
        ({"texts": {"title": "x" * 501}}, "at most 500"),
        ({"texts": {"title": 7}}, "a text, or one a language"),
        (
            {"consent": {"en": "I agree."}, "texts": {"de": {"title": "Wir"}, "fr": {}}},
            "there is none in de, fr, and there are texts",
        ),
        ({"limits": {"per_address": -1}}, "greater than or equal to 0"),
    ],
)
def test_what_a_site_must_say(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        site(**more)


def test_one_wording_is_for_all_languages() -> None:
    one = site(consent="I agree.", texts={"title": "Talk to us"}, language="de")
    assert one.languages == LANGUAGES
    assert (one.consents, one.consent_in("fr")) == (("I agree.",), "I agree.")
    assert one.texts_in("fr") == {"title": "Talk to us"}
    assert site().consents == ()


def test_a_wording_for_each_language_is_that_of_the_visitor() -> None:
    texts = {"title": "Talk to us", "de": {"title": "Reden wir", "cancel": "Halt"}}
    own = site(consent={"en": "I agree.", "de": "Ich stimme zu."}, texts=texts)
    assert own.languages == ("en", "de")
    assert own.consents == ("I agree.", "Ich stimme zu.")
    assert [own.consent_in(one) for one in ("de", "fr")] == ["Ich stimme zu.", "I agree."]
    assert own.texts_in("de") == {"title": "Reden wir", "cancel": "Halt"}
    assert own.texts_in("en") == {"title": "Talk to us"}


def test_origins_may_have_ports_and_literal_addresses() -> None:
    origins = ["http://localhost:8000", "https://[2001:db8::1]:8443", "http://127.0.0.1"]
    assert site(origins=origins).origins == origins


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(ValidationError, match="needed with"):
        Web(tls_cert="a.pem")
    with pytest.raises(ValidationError, match="needed with"):
        Web(tls_key="a.pem")
