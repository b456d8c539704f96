"""The store of an earlier engine is opened, and its jobs go on.

The file holds jobs in every state, as a kill -9 left them: some that end with the crash, some that
wait for their time, an agent, a retry or a decision; agents, queues, blocked numbers, records and
an audit log. The session was recorded from the earlier engine, which went on with the same file.
"""

import contextlib
import gzip
import itertools
import sqlite3
from pathlib import Path

from tests.support.engines.virtual import world

from .compare import CLOSED_QUEUE, Comparison, Intended
from .session import Session, Turn, read

HERE = Path(__file__).resolve().parent
TURNS = read(HERE / "store_session.jsonl.gz")
RECORDED_IN = "/tmp/ringback-recorded"
"""The directory of the earlier engine: the file names its recordings."""

FIRST_NEW_ID = 0x1000

INTENDED = (
    *CLOSED_QUEUE,
    Intended(
        r"watch",
        "a callback for a closed queue has its time at once, not with a second event",
        lambda before, now: set(before) - set(now) == {"event callback.rescheduled"},
    ),
)

STATES = {
    "queued",
    "dialing_agent",
    "whispering",
    "dialing_customer",
    "holding",
    "bridged",
    "completed",
    "failed",
    "cancelled",
    "expired",
}
"""Every state that a job had in that engine."""

COUNTED = {
    name: f"SELECT COUNT(*) FROM {name}"
    for name in (
        "jobs",
        "events",
        "documents",
        "records",
        "annotations",
        "queue_stays",
        "customer_answers",
        "agent_periods",
        "audit",
    )
}
"""The tables of the file."""


def unpack(directory: Path) -> Path:
    """The file, where an engine with its files in `directory` looks for it."""
    file = directory / "ringback.db"
    file.write_bytes(gzip.decompress((HERE / "store.db.gz").read_bytes()))
    return file


def types_of(turns: list[Turn]) -> frozenset[str]:
    lines = [line["got"] for turn in turns for line in turn.got]
    return frozenset(line["params"]["type"] for line in lines if "params" in line)


def test_its_jobs_go_on_as_they_did(tmp_path: Path) -> None:
    unpack(tmp_path)
    comparison = Comparison(types_of(TURNS), RECORDED_IN)
    with world(tmp_path) as here:
        here.ids = itertools.count(FIRST_NEW_ID)
        here.clock.move_to(TURNS[0].step["time"], tick=False)
        Session(here, (HERE / "session.toml").read_text()).play(TURNS, comparison)
    unintended = [
        one for one in comparison.differences if not any(kind.covers(one) for kind in INTENDED)
    ]
    assert not unintended, "\n".join(map(str, unintended))


def test_the_file_has_jobs_in_every_state(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(unpack(tmp_path))) as file:
        states = {state for (state,) in file.execute("SELECT DISTINCT state FROM jobs")}
        assert states == STATES
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
        filled = {
            name for name in tables if name in COUNTED and file.execute(COUNTED[name]).fetchone()[0]
        }
    assert filled == COUNTED.keys()


def test_the_session_has_what_follows_each_kind_of_crash() -> None:
    assert {
        "callback.completed", "callback.failed", "callback.decided", "leg.ringing",
        "queue.joined", "queue.offered", "snapshot.job", "snapshot.number", "call.ended",
    } <= types_of(TURNS)  # fmt: skip
