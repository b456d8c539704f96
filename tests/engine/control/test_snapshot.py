"""A snapshot: the views of each source, for those who asked for its events."""

import json
from collections.abc import Iterator
from typing import Any

from engine.control.snapshot import SnapshotSources, lines, views_of


class Thing:
    def __init__(self, name: str) -> None:
        self.name = name

    def view(self) -> dict[str, Any]:
        return {"name": self.name}


SOURCES: SnapshotSources = {
    "agent": lambda: [{"agent": "alice"}, {"agent": "bob"}],
    "job": lambda: [{"id": "j1"}],
    "call": list,
}


def told(*types: str, sources: SnapshotSources = SOURCES, **more: Any) -> list[dict[str, Any]]:
    made = lines(sources, "e1", types, more.get("sees"), 7)
    return [json.loads(line)["params"] for line in made]


def test_everything_and_how_many_there_were() -> None:
    *views, end = told()
    assert [(one["type"], one["view"]) for one in views] == [
        ("snapshot.agent", {"agent": "alice"}),
        ("snapshot.agent", {"agent": "bob"}),
        ("snapshot.job", {"id": "j1"}),
    ]
    assert end["type"] == "snapshot.end" and end["counts"] == {"agent": 2, "job": 1, "call": 0}
    assert {(one["seq"], one["epoch"]) for one in (*views, end)} == {(7, "e1")}


def test_those_whose_events_are_asked_for() -> None:
    assert told("callback.")[-1]["counts"] == {"job": 1}
    assert told("callback.queued")[-1]["counts"] == {"job": 1}
    assert told("leg.dtmf", "agent.")[-1]["counts"] == {"agent": 2, "call": 0}
    assert told("engine.")[-1]["counts"] == {}


def test_only_what_the_reader_may_see_is_told_and_counted() -> None:
    *views, end = told(sees=lambda _name, view: view.get("agent") != "bob")
    assert {"agent": "bob"} not in [one["view"] for one in views]
    assert end["counts"]["agent"] == 1


def test_a_source_with_a_defect_does_not_keep_the_rest_back() -> None:
    def breaks() -> Iterator[dict[str, Any]]:
        yield {"id": "j1"}
        raise KeyError("defect")

    *views, end = told(sources={"job": breaks, "agent": SOURCES["agent"]})
    assert [one["type"] for one in views] == ["snapshot.job", "snapshot.agent", "snapshot.agent"]
    assert end["counts"] == {"job": 1, "agent": 2}


def test_a_table_may_change_while_it_is_read() -> None:
    table = {"a": Thing("a"), "b": Thing("b"), "c": Thing("c")}
    found = views_of(table, Thing.view)
    assert next(found) == {"name": "a"}
    del table["b"]
    table["d"] = Thing("d")
    assert list(found) == [{"name": "c"}]
