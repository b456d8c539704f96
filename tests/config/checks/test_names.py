"""Names that one section uses of another, and sound files."""

from pathlib import Path
from typing import Any

import pytest

from .all_faults import BASE, faults


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
    left = {"voicemail": "message", "message": "file:e.wav"}
    sounds = {"sounds": [str(tmp_path)]}
    found = faults(rooms=[room], do_not_call=own, detection=left, media=sounds)
    assert [key for key, _why in found] == [
        "rooms[0].welcome", "rooms[0].periodic_announce[0]", "do_not_call.key_announcement",
        "detection.message",
    ]  # fmt: skip


def test_calendar_of_an_agent_is_there() -> None:
    carol = {"name": "carol", "uri": "sip:carol@127.0.0.1:5080", "calendar": "late"}
    agents = [*BASE["agents"], carol]
    assert faults(agents=agents) == [("agents[1].calendar", "there is no calendar named 'late'")]
    late = [{"name": "late", "zone": "UTC", "hours": ["mon 09:00-17:00"]}]
    assert faults(agents=agents, calendars=late) == []
