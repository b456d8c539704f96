"""Every language has every text, and a visitor gets the language that they read."""

import re
from pathlib import Path
from typing import get_args

import pytest

import web.texts
from config.sites import LANGUAGES
from engine.acd.agent import AgentState
from engine.calls.hangup_cause import Result
from ringback_client.errors import Kind
from web import agent_desk
from web.texts import chosen_language, moment_text, sentence, texts

_PHONE = ("phone.html", "phone.js", "ring.js")
SECTIONS = ("refusal", "stage", "form", "kept", "phone", "state", "fact", "problem", "result")
_FIELDS = re.compile(r"\{\w*\}")


def flat(language: str) -> dict[str, str]:
    found = texts(language)
    return {
        f"{section}.{key}": text for section in SECTIONS for key, text in found[section].items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_text_with_the_same_fields(language: str) -> None:
    english, other = flat("en"), flat(language)
    assert other.keys() == english.keys()
    assert {key: _FIELDS.findall(text) for key, text in other.items()} == {
        key: _FIELDS.findall(text) for key, text in english.items()
    }
    assert all(text.strip() for text in other.values())
    assert texts(language)["direction"] == ("rtl" if language == "ar" else "ltr")


def test_every_text_of_the_form_is_shown() -> None:
    snippet = (Path(web.texts.__file__).parents[1] / "static" / "ringback.js").read_text("utf-8")
    assert [key for key in texts("en")["form"] if f"form.{key}" not in snippet] == []


def test_every_text_of_the_phone_is_shown() -> None:
    folder = Path(web.texts.__file__).parents[1] / "static"
    shown = "".join((folder / name).read_text("utf-8") for name in _PHONE)
    shown += (folder.parent / "agent_desk.py").read_text("utf-8")
    english = texts("en")["phone"]
    assert [key for key in english if f'"{key}"' not in shown] == []
    written = re.findall(r'data-(?:text|label)="(\w+)"', shown)
    assert set(written) <= english.keys()
    assert set(get_args(AgentState)) == texts("en")["state"].keys()


def test_every_problem_of_the_phone_has_a_sentence_and_is_met() -> None:
    told = texts("en")["problem"].keys()
    codes = {*get_args(Kind), "bad_request", "too_many", "lost"}
    for table in (agent_desk._BY_DATA, agent_desk._BY_REASON, agent_desk._BY_POLICY):
        codes |= set(table.values())
    codes |= set(agent_desk._BY_FIELD.values())
    phone = (Path(web.texts.__file__).parents[1] / "static" / "phone.js").read_text("utf-8")
    codes |= set(re.findall(r'"(microphone_\w+)"', phone))
    assert codes - told == {"lost"}  # that is among the texts of the phone already
    assert told - codes == set()
    assert texts("en")["result"].keys() <= {*get_args(Result), "refused"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_set_as_in_print(language: str) -> None:
    for key, text in flat(language).items():
        assert "'" not in text and '"' not in text and "  " not in text, key
        assert not re.search(r" [!?:;]", text), key  # French has a space that does not break there


def test_no_language_is_a_copy_of_english() -> None:
    for language in LANGUAGES[1:]:
        same = sum(flat(language)[key] == text for key, text in flat("en").items())
        assert same < 5, language


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("de", "fr", "de"),
        ("de-AT", "", "de"),
        ("xx", "fr;q=0.5, pl;q=0.9", "pl"),
        (None, "sv, ja;q=0.1", "ja"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "pl;q=0", "lt"),
        (None, "*;q=x,,;;", "lt"),
        (None, "", "lt"),
    ],
)
def test_the_language_of_a_visitor(wanted: str | None, accepted: str, language: str) -> None:
    assert chosen_language(wanted, accepted, "lt") == language


def test_the_language_of_a_visitor_is_one_of_those_that_are_offered() -> None:
    assert chosen_language("fr", "pl, de;q=0.5", "en", ("en", "de")) == "de"
    assert chosen_language("fr", "pl", "en", ("en", "de")) == "en"


def test_a_sentence_is_filled_in() -> None:
    when = moment_text(1_795_968_640.0, "Europe/Berlin", "de")
    assert "29." in when and "17:10" in when
    assert sentence("de", "refusal", "closed", opens_at=when).endswith(f"{when}.")
    assert sentence("tlh", "stage", "talking") == "You are talking."
