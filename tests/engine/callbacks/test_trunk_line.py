"""Who waits for a trunk, and who comes next."""

from config.sections import Trunk
from engine.callbacks.trunk_line import PASS_S, TrunkLine
from engine.job import Job, Request
from engine.routing.capacity.trunk_load import TrunkLoad

NOW = 1000.0


class Line:
    """A line for a trunk that carries one call; `at` moves the time of its pace."""

    def __init__(self, *, max_calls: int = 1, per_s: float = 0.0) -> None:
        self.at = 0.0
        one = Trunk(name="pbx", uri="sip:127.0.0.1", max_calls=max_calls, max_calls_per_s=per_s)
        self.load = TrunkLoad([one], lambda: self.at)
        self.line = TrunkLine(self.load)

    def job(self, name: str, queue: str | None = None, priority: int = 0) -> Job:
        request = Request(to="x", queue=queue, priority=priority)
        return Job(id=name, request=request, created=float(len(name)))

    def wait(self, *jobs: Job) -> None:
        for job in jobs:
            self.line.wait(job, ["pbx"])

    def released(self, now: float = NOW) -> list[str]:
        return list(self.line.release(now))


def test_one_is_released_for_each_free_line_and_queues_take_turns() -> None:
    desk = Line()
    desk.load.enter("c", "customer", "leg", "pbx")
    a, aa, aaa = (desk.job("a" * n, "large") for n in (1, 2, 3))
    b, urgent = desk.job("b", "small"), desk.job("urgent", "large", priority=9)
    desk.wait(a, aa, aaa, b, urgent)
    assert desk.released() == [] and desk.line.is_used
    order = []
    for _ in range(5):
        desk.load.leave("leg")
        (job_id,) = desk.released()
        order.append(job_id)
        assert desk.released() == [], "its room is promised"
        job = next(one for one in (a, aa, aaa, b, urgent) if one.id == job_id)
        assert job.next_attempt_at == NOW
        desk.load.enter("c", "customer", "leg", "pbx")
        desk.line.leave(job)
    assert order == ["urgent", "b", "a", "aa", "aaa"]
    assert not desk.line.is_used


def test_who_comes_later_does_not_take_the_place_of_who_waits() -> None:
    desk = Line()
    first, later = desk.job("first"), desk.job("later")
    assert not desk.line.is_behind(later, ["pbx"], NOW)
    desk.wait(first)
    assert desk.line.is_behind(later, ["pbx"], NOW)
    assert not desk.line.is_behind(first, ["pbx"], NOW)
    assert not desk.line.is_behind(later, ["pbx", "other"], NOW)
    assert not desk.line.is_behind(later, [], NOW)
    assert desk.released() == ["first"]
    assert desk.line.is_behind(later, ["pbx"], NOW), "the room is promised to who was released"
    assert not desk.line.is_behind(first, ["pbx"], NOW)
    assert not desk.line.is_behind(later, ["pbx"], NOW + PASS_S), "and not for ever"


def test_who_waits_for_something_else_leaves_the_line() -> None:
    desk = Line()
    one, two = desk.job("one"), desk.job("two")
    desk.wait(one, two, one)
    assert one in desk.line and "one" not in desk.line
    desk.line.wait(one, [])
    desk.line.go_on(two)
    assert desk.released() == [] and not desk.line.is_used


def test_when_to_look_again() -> None:
    desk = Line(max_calls=0, per_s=1.0)
    assert desk.line.next_at(NOW, None) is None
    desk.load.enter("c", "customer", "leg", "pbx")
    desk.wait(desk.job("one"))
    assert desk.line.next_at(NOW, None) == NOW + 1.0
    assert desk.line.next_at(NOW, NOW + 0.5) == NOW + 0.5
    desk.at = 0.75
    assert desk.line.next_at(NOW, NOW + 0.5) == NOW + 0.25
    desk.at = 1.0
    assert desk.released() == ["one"]
    assert desk.line.next_at(NOW, None) is None


def test_a_trunk_without_a_limit_releases_all() -> None:
    desk = Line(max_calls=0)
    desk.wait(desk.job("a"), desk.job("bb"))
    assert desk.released() == ["a", "bb"]
