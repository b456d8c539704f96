"""The lines of the live screen as a whole."""

from engine.cli.live.agent_lines import Choices
from engine.cli.live.top_view import screen

from .live_view import agent, texts, view


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
