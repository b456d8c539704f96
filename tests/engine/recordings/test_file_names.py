"""Names of the files of recordings: made of what is known of a call, and never outside."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.recordings.entry import RecordedCall
from engine.recordings.file_names import free_path, relative_name, safe

CALL = RecordedCall(
    call="call-1",
    job="job-1",
    site="shop.example",
    queue="sales",
    agent="alice",
    number="+442079460123",
    context={"order": 17, "page": "../../etc/passwd", "empty": ""},
)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()


def name(template: str, call: RecordedCall = CALL) -> str:
    return relative_name(template, "rec-1", call, NOON, UTC)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{call}", "call-1"),
        ("{year}/{month}/{day}/{hour}-{time}-{queue}-{agent}", "2026/11/23/12-120000-sales-alice"),
        ("{date} {job} {recording} {site}", "2026-11-23 job-1 rec-1 shop.example"),
        ("{number}-{direction}-{context.order}", "+442079460123-outbound-17"),
        ("{context.page}", "_.._etc_passwd"),
        ("{context.unknown}/{context.empty}", "none/none"),
    ],
)
def test_a_template_is_filled(template: str, expected: str) -> None:
    assert name(template) == expected


@pytest.mark.parametrize("value", ["..", "/etc/passwd", "a/../../b", "\x00", ".hidden", "", "…/…"])
def test_no_value_leads_out_of_the_directory(value: str, tmp_path: Path) -> None:
    call = RecordedCall(call="call-1", site=value, context={"key": value})
    for template in ("{site}", "{context.key}/{site}", "x/{site}/y"):
        made = name(template, call)
        path = (tmp_path / f"{made}.wav").resolve()
        assert path.is_relative_to(tmp_path.resolve())
        assert not any(part.startswith(".") for part in made.split("/"))


def test_no_part_is_longer_than_a_file_name_may_be() -> None:
    assert len(safe("x" * 500)) == 80
    long = RecordedCall(call="call-1", context={"a": "ß" * 500})
    made = name("{context.a}{context.a}{context.a}", long)
    assert len(made.encode()) <= 200


def test_no_file_is_written_over(tmp_path: Path) -> None:
    first = free_path(tmp_path, "talk", "flac", lambda _path: False)
    assert first == tmp_path / "talk.flac"
    first.with_suffix(".wav").touch()  # it is being written
    second = free_path(tmp_path, "talk", "flac", lambda _path: False)
    assert second == tmp_path / "talk-2.flac"
    taken = {str(second.with_suffix(".wav"))}
    assert free_path(tmp_path, "talk", "wav", taken.__contains__).name == "talk-3.wav"
