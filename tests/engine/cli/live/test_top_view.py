"""The lines of the live screen."""

from typing import Any

import pytest

from engine.cli.live.top_view import SORTS, Choices, alerts, screen

NOW = 100_000.0


def agent(name: str, state: str, since: float, **more: Any) -> dict[str, Any]:
    return {"agent": name, "state": state, "since": NOW - since, "reason": None, "work": None,
            "calls": 0, "talk_s": 0.0, "queues": ["sales"]} | more  # fmt: skip


def view(agents: list[dict[str, Any]] | None = None, **engine: Any) -> dict[str, Any]:
    queue = {
        "queue": "sales", "waiting": 3, "longest_wait_s": 75.0, "expected_wait_s": 125.0,
        "offered": 40, "answered": 30, "abandoned": 4, "expired": 1, "overflowed": 2, "asa_s": 12.0,
        "paused": False, "open": True, "service_level_percent": 83.3,
    }  # fmt: skip
    empty = queue | {
        "queue": "help", "waiting": 0, "open": False, "service_level_percent": None,
        "expected_wait_s": None,
    }  # fmt: skip
    return {
        "time": NOW,
        "queues": [queue, empty],
        "agents": agents or [],
        "jobs_today": {"completed": 17, "failed": 2},
        "engine": {
            "version": "1.2.3", "uptime_s": 3700.0, "draining": False, "calls": 5, "talking": 4,
            "legs": 9, "open_jobs": 11, "media_workers": 1, "webhooks": [],
            "trunks": [{"name": "pbx", "state": "failed", "reason": "403 Forbidden"}],
            "store": {"pending": 0, "last_error": None},
        } | engine,
    }  # fmt: skip


def texts(
    view: Any, trouble: str | None, choices: Choices, *, width: int = 120, height: int = 30
) -> list[str]:
    lines = screen(view, trouble, choices, width, height)
    assert len(lines) <= height
    return ["".join(text for text, _style in line) for line in lines]


def test_everything_is_on_it() -> None:
    shown = texts(view([agent("alice", "talking", 65.0, work="j1", calls=7, talk_s=600.0)]), None,
                  Choices())  # fmt: skip
    assert shown[0].startswith("ringback 1.2.3   up 1:01:40")
    head = "\n".join(shown[:2])
    assert "calls 5 (4 talking)" in head and "jobs 11 open" in head
    assert "17 completed  2 failed  0 expired  0 cancelled" in head
    assert "trunks 0/1" in head
    assert shown[2] == "! trunk pbx failed: 403 Forbidden"
    sales = next(line for line in shown if line.startswith("sales"))
    assert sales.split() == [
        "sales", "3", "1:15", "2:05", "40", "30", "4", "1", "2", "0:12", "83", "%",
    ]  # fmt: skip
    assert next(line for line in shown if "(closed)" in line).startswith("help (closed)")
    alice = next(line for line in shown if line.startswith("alice"))
    assert alice.split() == ["alice", "talking", "1:05", "7", "10:00", "j1"]
    assert "sorted by state" in shown[-1]


def test_agents_are_sorted_paged_and_left_out() -> None:
    agents = [
        agent("carol", "available", 10.0, calls=2),
        agent("bob", "talking", 20.0, calls=1),
        agent("dave", "logged_out", 30.0),
        agent("alice", "available", 40.0, calls=3),
    ]
    choices = Choices()

    def names(height: int = 30) -> list[str]:
        firsts = [line.split()[0] for line in texts(view(agents), None, choices, height=height)
                  if line.strip()]  # fmt: skip
        return [name for name in firsts if name in ("alice", "bob", "carol", "dave")]

    assert names() == ["bob", "alice", "carol"]
    choices.key("l")
    assert names() == ["bob", "alice", "carol", "dave"]
    found = {}
    for sort in SORTS[1:]:
        choices.key("s")
        assert choices.sort == sort
        found[sort] = names()
    assert found == {
        "name": ["alice", "bob", "carol", "dave"],
        "since": ["alice", "dave", "bob", "carol"],
        "calls": ["alice", "carol", "bob", "dave"],
    }
    choices.key("s")
    assert choices.sort == "state"
    height = 13  # room for two
    assert names(height) == ["bob", "alice"]
    choices.key(" ")
    assert names(height) == ["carol", "dave"]
    assert "page 2 of 2" in "\n".join(texts(view(agents), None, choices, height=height))
    choices.key(" ")
    assert names(height) == ["carol", "dave"]
    choices.key("b")
    assert names(height) == ["bob", "alice"]


def test_trouble_is_shown_above_what_was_last_seen() -> None:
    shown = texts(view(), "no engine at run/control.sock", Choices())
    assert shown[0] == "no engine at run/control.sock"
    assert shown[1].startswith("ringback")
    assert texts(None, "no engine", Choices()) == ["no engine"]
    assert texts(None, None, Choices()) == []


def test_no_screen_is_too_small() -> None:
    agents = [agent(f"a{number}", "available", 1.0) for number in range(20)]
    for height in range(1, 12):
        assert len(screen(view(agents), "trouble", Choices(), 80, height)) <= height + 1


def test_many_alerts_leave_room_for_the_rest() -> None:
    trunks = [{"name": f"t{number}", "state": "failed", "reason": "x"} for number in range(9)]
    shown = texts(view(trunks=trunks), None, Choices())
    assert sum(line.startswith("! trunk") for line in shown) == 4
    assert "! and 6 more" in shown  # nobody is at work besides


def test_at_80_by_24_nothing_is_cut_off_that_a_manager_looks_at() -> None:
    customer = {"number": "+442079460001", "queue": "sales", "site": "shop"}
    talker = agent("alice", "talking", 65.0, work="cb-1", talk_s=600.0, customer=customer)
    shown = texts(view([talker]), None, Choices(), width=80, height=24)
    assert all(len(line.rstrip()) <= 80 for line in shown)
    whole = "\n".join(shown)
    assert "0 cancelled" in whole and "trunks 0/1" in whole and "level" in whole
    assert next(line for line in shown if line.startswith("sales")).rstrip().endswith("83 %")
    assert next(line for line in shown if line.startswith("alice")).rstrip().endswith("sales shop")


def test_a_narrow_screen_keeps_who_waits_and_the_service_level() -> None:
    shown = texts(view(), None, Choices(), width=40)
    heads = next(line for line in shown if line.startswith("queue"))
    assert heads.split() == ["queue", "waiting", "abandoned", "level"]


def test_more_queues_than_there_is_room_for_leave_half_of_it_to_the_agents() -> None:
    crowded = view([agent(f"a{number}", "available", 1.0) for number in range(30)])
    queues = [crowded["queues"][1] | {"queue": f"q{number}"} for number in range(40)]
    queues[33] |= {"waiting": 2, "longest_wait_s": 9.0}
    queues[35] |= {"waiting": 1, "longest_wait_s": 60.0}
    shown = texts(crowded | {"queues": queues}, None, Choices(), width=80, height=24)
    named = [line.split()[0] for line in shown if line.startswith("q") and line[1].isdigit()]
    assert named[:3] == ["q33", "q35", "q0"] and len(named) > 4
    assert f"and {40 - len(named)} more, nobody waits there" in shown
    assert sum(line.startswith("a") and line[1].isdigit() for line in shown) > 4


def test_long_names_keep_the_end_that_differs() -> None:
    queue = view()["queues"][0] | {"queue": "customer-service-in-french-21"}
    for is_open, shown_as in ((True, "custome…rench-21 "), (False, "cus…-21 (closed)")):
        crowd = view() | {"queues": [queue | {"open": is_open}]}
        assert shown_as in "\n".join(texts(crowd, None, Choices(), width=80))


def alerting_view(**changed: Any) -> dict[str, Any]:
    engine = {
        "draining": False, "media_workers": 1, "webhooks": [], "trunks": [],
        "store": {"pending": 0, "last_error": None},
    }  # fmt: skip
    whole: dict[str, Any] = {"time": 1000.0, "queues": [], "agents": []}
    whole["engine"] = engine | changed.pop("engine", {})
    return whole | changed


def waiting_queue(**changed: Any) -> dict[str, Any]:
    return {"queue": "sales", "waiting": 3, "paused": False} | changed


def agent_who(state: str, queue: str = "sales") -> dict[str, Any]:
    return {"state": state, "queues": [queue]}


HOOK = {"webhook": "crm", "pending": 7, "last_error": "500", "last_error_at": 990.0}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, None),
        ({"engine": {"draining": True}}, "draining"),
        ({"engine": {"media_workers": 0}}, "no media worker runs"),
        ({"engine": {"trunks": [{"name": "pbx", "state": "failed", "reason": "403"}]}}, "403"),
        ({"engine": {"trunks": [{"name": "pbx", "state": "registered", "reason": None}]}}, None),
        ({"engine": {"store": {"pending": 20_000, "last_error": None}}}, "is behind: 20000"),
        ({"engine": {"store": {"last_error": {"time": 990.0, "message": "full"}}}}, "full"),
        ({"engine": {"store": {"last_error": {"time": 900.0, "message": "full"}}}}, None),
        ({"engine": {"webhooks": [HOOK]}}, "webhook crm: 7 wait; 500"),
        ({"engine": {"webhooks": [HOOK | {"pending": 0}]}}, None),
        ({"queues": [waiting_queue()]}, "sales: 3 wait, and no agent who serves it"),
        (
            {"queues": [waiting_queue()], "agents": [agent_who("paused")]},
            "no agent who serves it is at work",
        ),
        ({"queues": [waiting_queue()], "agents": [agent_who("talking")]}, None),
        (
            {"queues": [waiting_queue()], "agents": [agent_who("talking", "help")]},
            "no agent who serves it",
        ),
        ({"queues": [waiting_queue(waiting=0)]}, None),
        (
            {
                "queues": [waiting_queue(why_waiting="c-1 waits although an agent is free: …")],
                "agents": [agent_who("available")],
            },
            "queue sales: c-1 waits although an agent is free",
        ),
        ({"queues": [waiting_queue(paused=True)], "agents": [agent_who("available")]}, "is paused"),
    ],
)
def test_alerts(changed: dict[str, Any], expected: str | None) -> None:
    found = alerts(alerting_view(**changed))
    assert len(found) == (0 if expected is None else 1)
    if expected is not None:
        assert expected in found[0]


def test_without_queues_there_are_agents_alone() -> None:
    found = view([agent("alice", "available", 5.0)]) | {"queues": []}
    shown = texts(found, None, Choices())
    assert not any(line.startswith("queue") for line in shown)
    assert any(line.startswith("alice") for line in shown)


def test_a_wide_screen_has_more_of_agents_and_those_who_wait() -> None:
    agents = [
        agent("alice", "wrap_up", 5.0, calls=4, aht_s=90.0, occupancy_percent=62.4,
              centre="leeds", customer={"number": "+442079460001", "queue": "sales", "site": None}),
        agent("bob", "available", 70.0),
    ]  # fmt: skip
    shown = view(agents)
    shown["queues"][0]["why_waiting"] = "nobody free has the skill polish"
    shown["first_waiting"] = [
        {"id": "c1", "kind": "call", "queue": "sales", "waited_s": 75.0, "priority": 5,
         "customer": {"number": "+442079460002", "queue": "sales", "site": None}},
        {"id": "j9", "kind": "callback", "queue": "help", "waited_s": 12.0, "priority": 0,
         "customer": None},
    ]  # fmt: skip
    lines = texts(shown, None, Choices(), width=180)
    alice = next(line for line in lines if line.startswith("alice"))
    assert alice.split() == [
        "alice", "wrap", "up", "0:05", "leeds", "4", "1:30", "62", "%", "+442079460001", "sales",
        "+442079460002", "sales", "1:15", "5",
    ]  # fmt: skip
    bob = next(line for line in lines if line.startswith("bob"))
    assert "nobody free has the skill polish" in bob and "j9" in bob
    head = next(line for line in lines if "who waits" in line)
    for word in ("centre", "AHT", "busy", "prio"):
        assert word in head
    narrow = texts(shown, None, Choices(), width=120)
    assert not any("+442079460002" in line for line in narrow)


def test_why_a_free_agent_has_no_call_while_somebody_waits() -> None:
    shown = view([
        agent("alice", "available", 5.0),
        agent("bob", "paused", 5.0),
        agent("carol", "available", 5.0, queues=["help"]),
    ])  # fmt: skip
    shown["queues"][0]["why_waiting"] = "no agent has german = 5"
    wide = texts(shown, None, Choices(), width=200)
    lines = {
        name: next(line for line in wide if line.startswith(name))
        for name in ("alice", "bob", "carol")
    }
    assert "no agent has german" in lines["alice"]
    assert all("no agent has german" not in lines[name] for name in ("bob", "carol"))
