"""What a page sends: what of it is read, what is kept, what is refused."""

import time
from typing import Any

import pytest

from tests.support.sites import site
from web.errors import Refusal
from web.visitor_request import (
    CallbackForm,
    RatingForm,
    kept_context,
    read_form,
    slot_time,
    with_consent,
)


def form(**more: Any) -> CallbackForm:
    return CallbackForm(number="020 7946 0123", key="k" * 16, **more)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"\xff\xfe", ""),
        (b'{"number": "1"}', ""),
        (b'{"number": 17, "key": "kkkkkkkk"}', "number"),
        (b'{"number": "1", "key": "k"}', "key"),
        (b'{"number": "1", "key": "kkkkkkkk", "region": "Germany"}', "region"),
        (b'{"number": "1", "key": "kkkkkkkk", "admin": true}', ""),
        (b"[" * 10_000, ""),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_form(CallbackForm, body)
    assert (caught.value.reason, caught.value.field) == ("bad_request", field)


@pytest.mark.parametrize("number", [b"", b"1" * 65])
def test_an_empty_field_and_a_pasted_text_are_no_numbers(number: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        read_form(CallbackForm, b'{"number": "' + number + b'", "key": "kkkkkkkk"}')
    assert (caught.value.status, caught.value.reason) == (422, "invalid_number")
    assert caught.value.field == "number"


def test_a_form_is_read() -> None:
    read = read_form(CallbackForm, b'{"number": "020 7946 0123", "key": "kkkkkkkk"}')
    assert (read.number, read.when, read.context, read.consent) == (
        "020 7946 0123", "now", {}, False
    )  # fmt: skip
    assert read_form(RatingForm, b'{"rating": 5}').rating == 5
    with pytest.raises(Refusal):
        read_form(RatingForm, b'{"rating": 11}')


def test_a_slot_is_a_time_with_its_zone() -> None:
    now = time.time()
    assert slot_time("now", now + 100) is None
    assert slot_time(now + 50, now + 100) == now + 50
    assert slot_time("2100-01-01T10:00:00+01:00", 5e9) == 4102477200.0
    for when in ("soon", "2100-01-01T10:00:00", now - 3600, now + 200, float("nan")):
        with pytest.raises(Refusal) as caught:
            slot_time(when, now + 100)
        assert caught.value.field == "when"


def test_the_context_is_what_the_site_lists_and_nothing_else() -> None:
    given = form(name=" Ann\n", context={"page": "/prices", "secret": 1, "basket": 17.5})
    assert kept_context(site(), given, "192.0.2.1", 5.0) == {
        "page": "/prices", "basket": 17.5, "site": "shop.example", "name": "Ann"
    }  # fmt: skip
    assert kept_context(site(context=["secret"]), given, "", 5.0)["secret"] == 1


def test_the_consent_is_kept_with_text_time_and_address() -> None:
    kept = kept_context(site(consent="I agree"), form(consent="I agree"), "192.0.2.1", 5.0)
    assert kept["consent"] == {"text": "I agree", "at": 5.0, "address": "192.0.2.1"}


def test_who_agrees_agrees_to_the_text_in_their_language() -> None:
    shop = site(consent={"en": "I agree", "de": "Ich stimme zu"})
    assert with_consent(form(consent=True), shop, "de").consent == "Ich stimme zu"
    assert with_consent(form(consent="I agree"), shop, "de").consent == "I agree"
    assert with_consent(form(), shop, "de").consent is False
    assert with_consent(form(consent=True), site(consent="Yes"), "de").consent == "Yes"
    assert with_consent(form(consent=True), site(), "de").consent == ""


def test_a_page_cannot_forge_site_name_or_consent() -> None:
    given = form(context={"site": "bank", "name": "Eve", "consent": "all"}, consent="I agree")
    everything = site(context=["site", "name", "consent"], consent="I agree")
    kept = kept_context(everything, given, "192.0.2.1", 5.0)
    assert kept["site"] == "shop.example"
    assert kept["consent"]["text"] == "I agree"


def test_what_is_kept_is_bounded_plain_text() -> None:
    deep = {
        "a": {"b": {"c": 1}},
        "list": list(range(100)),
        "text": "x" * 9999,
        "\u202eevil": "\x1b[2J",
    }
    kept = kept_context(site(context=["pages"]), form(context={"pages": deep}), "", 0.0)["pages"]
    assert kept["a"] == {"b": None}
    assert kept["list"] == list(range(80, 100))
    assert len(kept["text"]) == 500
    assert kept["evil"] == "[2J"


def test_what_is_no_plain_data_is_left_out_of_the_context() -> None:
    given = form(context={"page": object()})
    assert kept_context(site(context=["page"]), given, "", 0.0)["page"] is None


def test_the_longest_of_too_much_context_is_left_out() -> None:
    given = form(
        context={"page": "/a", "title": "t" * 400, "pages": ["é" * 400] * 14}, consent="I agree"
    )
    kept = kept_context(site(consent="I agree"), given, "192.0.2.1", 5.0)
    assert kept.keys() == {"page", "title", "site", "consent"}
