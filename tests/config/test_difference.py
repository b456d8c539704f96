"""The difference between two configurations: what is shown, and what never is."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.difference import Change, compare, effective, needs_restart
from config.settings import Settings

TRUNK = {"name": "pbx", "uri": "sip:127.0.0.1:5070"}
AGENT = {"name": "alice", "uri": "sip:alice@127.0.0.1:5080"}


def settings(**sections: Any) -> Settings:
    return Settings.model_validate(sections)


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    return compare(settings(**old), settings(**new))


def words(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [change.words for change in changes(old, new)]


def test_nothing() -> None:
    same = {"trunks": [TRUNK], "dial": {"ring_s": 5.0}}
    assert changes(same, same) == []


def test_a_key_of_a_section() -> None:
    assert words({"dial": {"ring_s": 5.0}}, {}) == ["dial.ring_s: 5.0 → 30.0"]
    assert words({}, {"hours": {"regions": {"DE": {"closed": ["12-24"]}}}}) == [
        "hours.regions.DE: added"
    ]
    assert words({}, {"limits": {"number": {"per_day": 3}}}) == ["limits.number.per_day: 0 → 3"]


def test_entries_are_matched_by_their_names() -> None:
    second = {"name": "two", "uri": "sip:192.0.2.1"}
    moved = TRUNK | {"uri": "sip:127.0.0.1:5071"}
    assert words({"trunks": [TRUNK]}, {"trunks": [second, moved]}) == [
        'trunks.pbx.uri: "sip:127.0.0.1:5070" → "sip:127.0.0.1:5071"',
        "trunks.two: added",
    ]
    assert words({"trunks": [TRUNK, second]}, {"trunks": [TRUNK]}) == ["trunks.two: removed"]


def test_an_order_that_matters() -> None:
    one, two = {"name": "a", "set": {"priority": 1}}, {"name": "b", "set": {"priority": 2}}
    (change,) = changes({"rules": [one, two]}, {"rules": [two, one]})
    assert (change.what, change.old, change.new) == ("reordered", ["a", "b"], ["b", "a"])
    assert change.words == "rules: reordered"


def test_keys_are_those_of_the_file() -> None:
    login = TRUNK | {"register": True, "username": "u"}
    rule = {"name": "a", "set": {"priority": 1}}
    assert words({"trunks": [TRUNK]}, {"trunks": [login]}) == [
        'trunks.pbx.username: "" → "u"',
        "trunks.pbx.register: false → true",
    ]
    assert words({"rules": [rule]}, {"rules": [rule | {"continue": True}]}) == [
        "rules.a.continue: false → true"
    ]


def test_secrets_are_never_shown() -> None:
    old = {"trunks": [TRUNK | {"password": "geheim-1"}], "control": {"token": "geheim-" * 3}}
    hook = {"name": "h", "url": "http://x?t=geheim", "secret": "geheim-und-lang-genug"}
    new = {"trunks": [TRUNK | {"password": "geheim-2"}], "webhooks": [hook]}
    found = changes(old, new)
    assert [change.key for change in found] == [
        "control.token", "webhooks.h", "trunks.pbx.password"
    ]  # fmt: skip
    assert "geheim" not in str(found)
    assert found[2].words == 'trunks.pbx.password: "***" → "***"'
    moved = changes({"webhooks": [hook]}, {"webhooks": [hook | {"url": "http://geheim@y/z"}]})
    assert [change.words for change in moved] == ['webhooks.h.url: "http://x" → "http://y/z"']


def test_an_entry_is_shown_as_it_was_written() -> None:
    (change,) = changes({}, {"agents": [AGENT | {"skills": {"german": 3}}]})
    assert (change.key, change.what, change.new) == (
        "agents.alice", "added", AGENT | {"skills": {"german": 3}},
    )  # fmt: skip


def test_long_values_are_cut_in_words_alone() -> None:
    hosts = [f"host{number}.example" for number in range(50)]
    (change,) = changes({}, {"dial": {"allow_hosts": hosts}})
    assert len(change.words) < 300
    assert change.new == hosts


@pytest.mark.parametrize(
    ("key", "restart"),
    [
        ("sip.listen", True), ("media.workers", True), ("control.socket", True),
        ("store.path", True), ("log.format", True), ("whisper.voice", True),
        ("metrics.listen", True), ("control.allow_users", False), ("trunks.pbx.uri", False),
        ("log.level", False), ("whisper.default", False), ("store.keep_days", False),
        ("agents.sip", False), ("rules.media.set", False),
    ],
)  # fmt: skip
def test_what_needs_a_restart(key: str, restart: bool) -> None:
    assert needs_restart(key) is restart


def test_what_needs_a_restart_stays_and_the_rest_holds() -> None:
    running = settings(sip={"listen": ["udp:127.0.0.1:5060"]}, dial={"ring_s": 5.0})
    wanted = settings(
        sip={"listen": ["udp:127.0.0.1:5062"]},
        dial={"ring_s": 6.0},
        control={"socket": "other.sock", "allow_users": [12]},
    )
    now = effective(running, wanted)
    assert now.sip == running.sip
    assert now.dial.ring_s == 6.0
    assert (now.control.socket, now.control.allow_users) == (running.control.socket, [12])
    left = compare(now, wanted)
    assert {change.key for change in left} == {"sip.listen", "control.socket"}
    assert all(not change.live and "restart" in change.words for change in left)


def test_what_makes_no_sense_together_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "room.wav").touch()
    room = {"name": "default", "music": "room.wav"}
    wanted = settings(media={"sounds": [tmp_path]}, rooms=[room])
    with pytest.raises(ValidationError):
        effective(settings(), wanted)  # the directory needs a restart
