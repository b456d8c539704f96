"""The queues on the live screen."""

from engine.cli.live.agent_lines import Choices

from .live_view import agent, texts, view


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
