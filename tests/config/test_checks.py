"""Checks across sections: a name that is used must be there, and nothing hides or stands twice."""

from pathlib import Path
from typing import Any

import pytest

from config.all_sections import AllSections
from config.checks import Known, faults_of

BASE: dict[str, Any] = {
    "trunks": [{"name": "pbx", "uri": "sip:192.0.2.1"}],
    "routes": [{"prefix": "+", "trunks": ["pbx"]}],
    "agents": [{"name": "alice", "uri": "sip:alice@192.0.2.2", "skills": {"german": 5}}],
    "queues": [{"name": "sales", "agents": ["alice"]}],
}


def faults(**changes: Any) -> list[tuple[str, str]]:
    draft = AllSections(**{**BASE, **changes})
    return [(one.key, one.reason) for one in faults_of(draft)]


def test_a_configuration_that_fits_together_has_no_fault() -> None:
    inbound = [{"name": "a", "queue": "sales", "trunks": ["pbx"], "room": "vip"}]
    rooms = [{"name": "vip"}, {"name": "sales"}, {"name": "default"}]
    assert faults(inbound=inbound, rooms=rooms) == []


@pytest.mark.parametrize(
    ("section", "entry", "key", "reason"),
    [
        ("inbound", {"name": "a", "queue": "x"}, "inbound[0].queue", "no queue named 'x'"),
        ("inbound", {"name": "a", "queue": "sales", "trunks": ["x"]}, "inbound[0].trunks", "'x'"),
        ("inbound", {"name": "a", "queue": "sales", "room": "x"}, "inbound[0].room", "'x'"),
        ("inbound", {"name": "a", "queue": "sales", "skills": {"german": 6}}, "inbound[0].skills",
         "no agent has german = 6"),
        ("inbound", {"name": "a", "handler": "client", "fallback": "x"}, "inbound[0].fallback",
         "no [[inbound]] named 'x'"),
        ("inbound", {"name": "a", "handler": "client", "fallback": "a"}, "inbound[0].fallback",
         "hands its calls to clients too"),
        ("inbound", {"name": "a", "queue": "sales", "language": "fr"}, "inbound[0].language",
         "the room 'default' has no texts in 'fr'"),
        ("webhooks", {"name": "w", "url": "http://x", "secret": "s" * 16, "queues": ["x"]},
         "webhooks[0].queues", "no queue named 'x'"),
        ("rules", {"name": "r", "set": {"known_agent": "x"}}, "rules[0].set.known_agent", "'x'"),
        ("rules", {"name": "r", "set": {"skills": {"french": 1}}}, "rules[0].set.skills",
         "no agent has french = 1"),
        ("rules", {"name": "r", "match": {"trunk": ["x"]}}, "rules[0].match.trunk", "'x'"),
        ("rules", {"name": "r", "match": {"prefix": ["0044"]}}, "rules[0].match.prefix",
         "'0044' must begin with '+'"),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_meant(
    section: str, entry: dict[str, Any], key: str, reason: str
) -> None:
    ((found, why),) = faults(**{section: [entry]})
    assert found == key
    assert reason in why


def test_a_user_name_says_which_trunk_calls() -> None:
    auth = {"username": "a", "password": "b"}
    trunks = [
        {"name": name, "uri": "sip:192.0.2.1", "inbound_auth": auth} for name in ("pbx", "edge")
    ]
    assert faults(trunks=trunks) == [
        ("trunks[1].inbound_auth.username", "the user name 'a' stands twice")
    ]
    assert faults(trunks=[{**one, "inbound_auth": {}} for one in trunks]) == []


def test_media_at_every_address_needs_one_that_phones_reach() -> None:
    ((key, why),) = faults(media={"address": "0.0.0.0"})
    assert key == "media.address" and "media.advertise" in why
    assert faults(media={"address": "::", "advertise": "192.0.2.5"}) == []


def test_a_route_that_an_earlier_one_hides() -> None:
    routes = [{"prefix": one, "trunks": ["pbx"]} for one in ("+1", "+", "+44", "+1")]
    assert [key for key, _why in faults(routes=routes)] == ["routes[2].prefix", "routes[3].prefix"]
    assert faults(routes=routes[:2]) == []


def test_skills_that_a_later_tier_no_longer_needs_are_no_fault() -> None:
    tiers = [{"after_s": 1.0, "lower_skills": 2}, {"after_s": 2.0, "lower_skills": 2}]
    queue = {"name": "sales", "agents": ["alice"], "skills": {"german": 9}}
    assert faults(queues=[{**queue, "tiers": tiers}]) == []
    assert faults(queues=[queue]) == [
        ("queues[0].skills", "no agent has german = 9, so nobody could be offered it")
    ]
    # Agents may be added by command where none is configured.
    assert faults(queues=[{**queue, "agents": []}], agents=[]) == []


def test_short_codes_may_be_the_beginnings_of_what_rules_match() -> None:
    rules = [{"name": "r", "match": {"prefix": ["118"]}}]
    assert faults(rules=rules, numbering={"short_codes": ["118118"]}) == []


def test_every_fault_is_told_and_each_name_that_stands_twice() -> None:
    found = faults(
        agents=[*BASE["agents"], *BASE["agents"]],
        queues=[{"name": "sales", "agents": ["x", "y"]}],
    )
    assert [key for key, _why in found] == [
        "agents[1].name",
        "queues[0].agents",
        "queues[0].agents",
    ]


def test_entries_with_a_fault_are_known_by_name() -> None:
    known = Known.in_data({"agents": [{"name": "bob", "uri": 5}], "queues": [{"name": "?"}]})
    assert list(known.missing("k", "agents", ["bob"])) == []
    assert [one.reason for one in known.missing("k", "agents", ["eve"])] == [
        "there is no agent named 'eve'"
    ]
    assert list(known.missing("k", "queues", ["sales"])) == []


def test_sounds_that_requests_may_have_played_are_not_the_recordings(tmp_path: Path) -> None:
    media = {"sounds": [str(tmp_path)], "recordings": str(tmp_path / "recordings")}
    ((key, why),) = faults(media=media)
    assert key == "media.sounds[0]" and "media.recordings" in why
    (tmp_path / "sounds").mkdir()
    assert faults(media=media | {"sounds": [str(tmp_path / "sounds")]}) == []


def test_sounds_of_rooms_are_looked_for_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    room = {
        "name": "sales", "music": "a.wav", "welcome": "file:b.wav",
        "periodic_announce": ["file:c.wav"], "texts": {"thanks": "file:a.wav"},
    }  # fmt: skip
    own = {"key": "*9", "key_announcement": "file:d.wav"}
    found = faults(rooms=[room], do_not_call=own, media={"sounds": [str(tmp_path)]})
    assert [key for key, _why in found] == [
        "rooms[0].welcome", "rooms[0].periodic_announce[0]", "do_not_call.key_announcement",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"hosts": ["192.0.2.1", "sips:192.0.2.2"]}, "trunks[0].hosts[1]"),
        ({"hosts": [{"host": "192.0.2.2;transport=tls"}]}, "trunks[0].hosts[0]"),
        ({"outbound_proxy": "192.0.2.2;transport=tls"}, "trunks[0].outbound_proxy"),
        ({"route": ["sip:a;lr", "<sips:b;lr>"]}, "trunks[0].route[1]"),
    ],
)
def test_tls_to_a_trunk_needs_a_tls_address(more: dict[str, Any], key: str) -> None:
    trunk = {"name": "pbx", "uri": "sip:192.0.2.1", **more}
    assert [found for found, _ in faults(trunks=[trunk])] == [key]
    own = {**trunk, "listen": ["tls:127.0.0.1:5061"], "tls_cert": "/etc/cert.pem"}
    assert faults(trunks=[own]) == []


def test_tls_to_any_address_of_an_agent_needs_a_tls_address() -> None:
    uris = ("sip:a@192.0.2.3", "sip:a@192.0.2.3;transport=tls", "sips:a@192.0.2.4")
    agent = {"name": "alice", "addresses": [{"uri": uri} for uri in uris]}
    found = [key for key, _ in faults(agents=[agent])]
    assert found == ["agents[0].addresses[1].uri", "agents[0].addresses[2].uri"]
    sip = {"listen": ["tls:127.0.0.1:5061"], "tls": {"cert": "c.pem", "key": "k.pem"}}
    assert faults(agents=[agent], sip=sip) == []


def test_tls_to_places_outside_needs_a_tls_address() -> None:
    queue = {
        "name": "sales",
        "overflow": [{"when": "nobody", "number": "sip:1@one.example;transport=tls"}],
    }
    sections: dict[str, Any] = {
        "dial": {"allow_hosts": ["two.example;transport=tls"]},
        "queues": [queue],
        "trunks": [{"name": "pbx", "uri": "sip:one.example"}],
    }
    found = [key for key, _ in faults(**sections)]
    assert found == ["queues[0].overflow[0].number", "dial.allow_hosts[0]"]
    own = {"listen": ["tls:127.0.0.1:5061"], "tls_cert": "/etc/cert.pem"}
    assert faults(**sections | {"trunks": [sections["trunks"][0] | own]}) == []


def test_an_outside_number_may_be_at_any_host_of_a_trunk() -> None:
    trunk = {"name": "pbx", "uri": "sip:example.com", "hosts": ["one.example"]}
    centres = [{"name": "north", "number": "sip:desk@one.example"}]
    assert faults(trunks=[trunk], centres=centres) == []
    ((key, _reason),) = faults(
        trunks=[trunk], centres=[{"name": "north", "number": "sip:desk@two.example"}]
    )
    assert key == "centres[0].number"


def test_calendar_of_an_agent_is_there() -> None:
    carol = {"name": "carol", "uri": "sip:carol@127.0.0.1:5080", "calendar": "late"}
    agents = [*BASE["agents"], carol]
    assert faults(agents=agents) == [("agents[1].calendar", "there is no calendar named 'late'")]
    late = [{"name": "late", "zone": "UTC", "hours": ["mon 09:00-17:00"]}]
    assert faults(agents=agents, calendars=late) == []
