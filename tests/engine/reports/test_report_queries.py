"""What is made of rows before anything is counted."""

import json
import sqlite3
from collections.abc import Iterator, Mapping

import msgspec
import pytest

from engine.job import AttemptRecord, LegRecord
from engine.reports import report_queries as rows
from engine.reports.measures import SoundFault
from engine.store.schema import migrate
from tests.support.jobs import callback_job


@pytest.fixture
def store() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    yield connection
    connection.close()


def period(store: sqlite3.Connection, agent: str, state: str, since: float, work: str = "") -> None:
    store.execute(
        "INSERT INTO agent_periods (agent, state, since, work) VALUES (?, ?, ?, ?)",
        (agent, state, since, work or None),
    )


def test_the_last_state_of_each_agent(store: sqlite3.Connection) -> None:
    assert store.execute(rows.LAST_STATES).fetchall() == []
    period(store, "bob", "available", 10.0)
    period(store, "alice", "available", 10.0)
    period(store, "alice", "paused", 20.0)
    period(store, "alice", "talking", 20.0)  # of two at one moment, the later row
    assert store.execute(rows.LAST_STATES).fetchall() == [
        ("alice", "talking"),
        ("bob", "available"),
    ]


def test_periods_begin_with_the_one_that_the_span_falls_into(store: sqlite3.Connection) -> None:
    for since, state in ((10.0, "available"), (20.0, "paused"), (30.0, "available")):
        period(store, "alice", state, since)
    period(store, "bob", "available", 29.0)
    found = store.execute(*rows.periods(25.0, 28.0, None)).fetchall()
    read = rows.read_periods(found, now=100.0)
    assert [(p.state, p.since, p.until) for p in read["alice"]] == [
        ("paused", 20.0, 30.0), ("available", 30.0, 100.0),
    ]  # fmt: skip
    assert [(p.since, p.until) for p in read["bob"]] == [(29.0, 100.0)]
    only = store.execute(*rows.periods(25.0, 28.0, "bob")).fetchall()
    assert {row[0] for row in only} == {"bob"}


def test_handling_that_is_not_over_counts_when_it_is(store: sqlite3.Connection) -> None:
    period(store, "alice", "talking", 10.0, "c1")
    period(store, "alice", "wrap_up", 40.0, "c1")
    assert store.execute(*rows.handles(0.0, 100.0)).fetchall() == [("c1", 10.0, 40.0)]
    period(store, "alice", "available", 55.0)
    assert store.execute(*rows.handles(0.0, 100.0)).fetchall() == [
        ("c1", 10.0, 40.0), ("c1", 40.0, 55.0),
    ]  # fmt: skip


def test_handling_belongs_to_the_stay_that_it_follows() -> None:
    found = [
        ("c1", "sales", 10.0, "answered", 5.0, 30.0, "call"),
        ("c1", "help", 100.0, "answered", 2.0, 10.0, "call"),
        ("c2", "help", 100.0, None, None, None, "callback"),
    ]
    handled = [("c1", 15.0, 45.0), ("c1", 45.0, 60.0), ("c1", 102.0, 112.0), ("c1", 5.0, 9.0),
               ("c2", 100.0, 200.0)]  # fmt: skip
    stays = rows.read_stays(found, handled, now=150.0)
    assert [(stay.handle_s, stay.waited_s) for stay in stays] == [
        (45.0, 5.0), (10.0, 2.0), (None, 50.0),
    ]  # fmt: skip


def test_the_earlier_of_two_promises_holds() -> None:
    row = ("j1", "", 0.0, 100.0, "completed", 150.0, *[None] * 6, 1, None, None, None)
    ((_key, without),) = rows.read_jobs([row], [], "all", 0.0)
    ((_key, early),) = rows.read_jobs([row], [], "all", 20.0)
    ((_key, late),) = rows.read_jobs([row], [], "all", 90.0)
    assert (without.promised_by, early.promised_by, late.promised_by) == (150.0, 120.0, 150.0)


@pytest.mark.parametrize(
    ("kind", "found"), [("queue", 4), ("agent", 2), ("job", 0), ("site", 1), ("call", 0)]
)
def test_how_many_rows_a_report_would_read(
    store: sqlite3.Connection, kind: str, found: int
) -> None:
    for since in (10.0, 20.0):
        period(store, "alice", "available", since)
    store.execute(
        "INSERT INTO queue_stays (id, entry, kind, queue, joined_at) VALUES ('s','c','call','q',15)"
    )
    store.execute("INSERT INTO customer_answers VALUES ('l', 'j', NULL, 15.0, 0.0)")
    query, values = rows.how_many(kind, 10.0, 21.0, 100)
    assert store.execute(query, values).fetchall() == [(found,)]
    query, values = rows.how_many(kind, 10.0, 21.0, 1)
    assert store.execute(query, values).fetchall() == [(min(found, 1),)]


def test_the_score_of_a_call_is_that_of_the_worse_direction_of_the_callers_leg(
    store: sqlite3.Connection,
) -> None:
    def ended(id: str, *legs: Mapping[str, object]) -> None:
        body = json.dumps({"trunk": "pbx", "legs": list(legs)})
        store.execute(
            "INSERT INTO records (id, kind, state, attempts, created, due_at, ended_at, body)"
            " VALUES (?, 'call', 'ended', 1, 10, 10, 20, ?)",
            (id, body.encode()),
        )

    agent = {"role": "agent", "media": {"mos": 1.5}}
    ended("both", {"role": "customer", "media": {"mos": 4.2, "remote_mos": 3.9}}, agent)
    ended("one", {"role": "customer", "media": {"mos": 4.1, "remote_mos": None}}, agent)
    ended("none", {"role": "customer", "media": None}, agent)
    found = store.execute(*rows.ended_calls(0.0, 100.0, "trunk")).fetchall()
    assert sorted((row[0], row[-2]) for row in found if row[-2] is not None) == [
        ("pbx", 3.9), ("pbx", 4.1),
    ]  # fmt: skip
    assert len(found) == 3


def test_the_faults_of_the_sound_are_those_of_the_customers_leg(store: sqlite3.Connection) -> None:
    agent = {"role": "agent", "media": {"one_way": "no_packets"}}
    echo = {"role": "customer", "media": {"one_way": None, "echo_ms": 220, "echo_db": -3.0}}
    silent = {"role": "customer", "media": {"one_way": "no_packets", "clipped": 0.2}}
    rung = {"role": "customer", "media": None}
    legs = {"a": [agent, echo], "b": [rung, silent], "c": [rung, agent], "d": []}
    for id, known in legs.items():
        for kind, body in (
            ("call", {"legs": known}),
            ("callback", {"attempts": [{"legs": [silent]}, {"legs": known}]}),
        ):
            store.execute(
                "INSERT INTO records (id, kind, state, attempts, created, due_at, ended_at, body)"
                " VALUES (?, ?, 'ended', 1, 10, 10, ?, ?)",
                (f"{kind}-{id}", kind, 20 + ord(id), json.dumps(body).encode()),
            )
    faults = {"a": SoundFault.ECHO, "b": SoundFault.ONE_WAY | SoundFault.CLIPPING, "c": 0}
    jobs = store.execute(*rows.ended_jobs(0.0, 100.0, "all")).fetchall()
    assert {row[0]: row[-2] for row in jobs} == {f"callback-{id}": faults.get(id) for id in legs}
    calls = store.execute(*rows.ended_calls(0.0, 100.0, "all")).fetchall()
    assert sorted(row[-1] or 0 for row in calls) == [0, 0, 3, 4]


def test_callbacks_by_the_trunk_and_the_label_of_the_customers_last_leg(
    store: sqlite3.Connection,
) -> None:
    def ended(id: str, *attempts: list[Mapping[str, object]]) -> None:
        body = json.dumps({"attempts": [{"legs": legs} for legs in attempts]})
        store.execute(
            "INSERT INTO records (id, kind, state, attempts, created, due_at, ended_at, body)"
            " VALUES (?, 'callback', 'completed', 1, 10, 10, 20, ?)",
            (id, body.encode()),
        )

    def leg(role: str, trunk: str, label: str | None, mos: float | None) -> Mapping[str, object]:
        media = None if mos is None else {"mos": mos, "remote_mos": 4.4}
        return {"role": role, "trunk": trunk, "answered_by": label, "media": media}

    agent = leg("agent", "pbx", None, 1.1)
    ended(
        "a",
        [agent, leg("customer", "one", "voicemail", 2.0)],
        [agent, leg("customer", "two", None, None), leg("customer", "three", "human", 3.5)],
    )
    ended("b", [agent, leg("customer", "one", "voicemail", 4.0)])
    ended("c", [agent])
    ended("d")

    def found(by: str) -> dict[str, str]:
        read = store.execute(*rows.ended_jobs(0.0, 100.0, by)).fetchall()
        assert {row[0]: row[-4:-2] for row in read} == {
            "a": (3.5, "human"), "b": (4.0, "voicemail"), "c": (None, None), "d": (None, None),
        }  # fmt: skip
        return {row[0]: row[1] for row in read}

    assert found("trunk") == {"a": "three", "b": "one", "c": "", "d": ""}
    assert found("answered_by") == {"a": "human", "b": "voicemail", "c": "", "d": ""}


def test_callbacks_that_are_open_are_grouped_by_the_same(store: sqlite3.Connection) -> None:
    job = callback_job(to="+442079461111")
    store.execute("INSERT INTO jobs (id, state, created, body) VALUES ('job-1', 'queued', 10, ?)",
                  (msgspec.json.encode(job),))  # fmt: skip
    still_open = store.execute(*rows.open_jobs(0.0, 100.0)).fetchall()

    def keys(by: str) -> list[str]:
        return [key for key, _row in rows.read_jobs([], still_open, by, 0.0)]

    assert (keys("trunk"), keys("answered_by")) == ([""], [""])
    record = LegRecord(leg="leg-1", role="customer", uri="sip:x@192.0.2.1", started=1.0)
    record.trunk, record.answered_by = "one", "human"
    job.attempts = [AttemptRecord(call="call-1", legs=[record])]
    still_open = [(msgspec.json.encode(job),)]
    assert (keys("trunk"), keys("answered_by")) == (["one"], ["human"])
