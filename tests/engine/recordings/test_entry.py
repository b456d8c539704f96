"""What a recording says of itself."""

import typing

import msgspec

from engine.recordings.entry import RecordingEntry, RecordingView


def test_a_view_has_every_member_that_is_described() -> None:
    entry = RecordingEntry(id="rec-1", call="call-1", path="talks/a.b.opus", started=1.0)
    assert set(entry.view()) == set(typing.get_type_hints(RecordingView))
    assert entry.written.name == "a.b.wav"
    stored = msgspec.json.decode(msgspec.json.encode(entry), type=RecordingEntry)
    assert stored == entry


def test_an_event_has_what_is_known_of_its_call() -> None:
    entry = RecordingEntry(
        id="rec-1", call="call-1", path="a.wav", started=1.0, site="shop.example", agent="alice"
    )
    assert entry.about() == {
        "call": "call-1", "site": "shop.example", "agent": "alice",
        "context": {"site": "shop.example"}, "recording": "rec-1", "path": "a.wav",
    }  # fmt: skip
