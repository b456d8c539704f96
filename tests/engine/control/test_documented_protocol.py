"""The pages of the protocol have every method, parameter and event there is, and no other."""

import re
from pathlib import Path

import msgspec

from engine.control.method_roles import METHODS
from engine.control.params import Subscribe
from tests.support.engines.in_process import running, settings_in
from tests.support.protocol_pages import EVENT, PAGES, documented_events, words_of_the_engine


def sections() -> dict[str, str]:
    """The text about each method; one heading may be of several."""
    found: dict[str, str] = {}
    for heading, text in re.findall(r"^### (.+)\n((?:(?!##? |### ).*\n)*)", PAGES, re.MULTILINE):
        found |= dict.fromkeys(heading.split(", "), text)
    return found


AS_REQUEST = ("route.explain", "callback.feign")


async def test_every_method_and_parameter_is_documented(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, _client):
        taken = {name: method.params for name, method in daemon.control.methods.items()}
    taken["events.subscribe"] = Subscribe
    text = sections()
    missing = {
        f"{name}: {field.encode_name}"
        for name, params in taken.items()
        for field in msgspec.structs.fields(params)
        # They take what callback.request takes, besides their own.
        if not re.search(
            rf'[`"]{field.encode_name}[`"]',
            text.get(name, "") + (text["callback.request"] if name in AS_REQUEST else ""),
        )
    }
    assert missing == set()
    assert taken.keys() <= text.keys()
    assert {name for name in text if EVENT.fullmatch(name)} <= METHODS.keys()


def test_every_event_is_documented() -> None:
    words, _beginnings = words_of_the_engine()
    events = {word for word in words if EVENT.fullmatch(word)} - METHODS.keys()
    seen = documented_events()
    groups_told = {name.removesuffix("*") for name in seen if name.endswith("*")}
    assert {name for name in events - seen if not name.startswith(tuple(groups_told))} == set()


def test_no_other_event_is_documented() -> None:
    words, beginnings = words_of_the_engine()
    states = words | {word.partition(".")[2] for word in words if EVENT.fullmatch(word)}
    unknown = set()
    for name in documented_events() - words:
        group, _, state = name.partition(".")
        # Its type is put together: either `agent.` and a state, or a kind of call and `.callback`.
        if f"{group}." in beginnings and (state in states or state == "*"):
            continue
        if group in words and state in states:
            continue
        unknown.add(name)
    assert unknown == set()
