"""Each source has its turn, and each turn of the loop its end."""

from sip.transport.turns import KNOWN_S, UNKNOWN_S, Turns


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Work:
    """So many pieces, each of which takes `takes_s`; done ones are noted in `log`."""

    def __init__(
        self,
        clock: Clock,
        log: list[str],
        source: str,
        pieces: int,
        *,
        is_known: bool = False,
        takes_s: float = 0.0001,
    ) -> None:
        self.clock, self.log = clock, log
        self.source, self.is_known = source, is_known
        self.pieces, self.takes_s = pieces, takes_s

    def work(self) -> bool:
        self.log.append(self.source)
        self.clock.now += self.takes_s
        self.pieces -= 1
        return self.pieces > 0


def test_sources_take_turns_whatever_they_have() -> None:
    clock, log = Clock(), list[str]()
    turns = Turns(clock)
    for work in (Work(clock, log, "a", 100), Work(clock, log, "a", 100), Work(clock, log, "b", 2)):
        turns.add_worker(work)
    while turns:
        turns.run()
    assert log[:4] == ["a", "b", "a", "b"]
    assert (log.count("a"), log.count("b")) == (200, 2)


def test_a_turn_ends_in_time_and_the_rest_waits() -> None:
    clock, log = Clock(), list[str]()
    turns = Turns(clock)
    turns.add_worker(Work(clock, log, "a", 10_000))
    done = turns.run()
    assert clock.now <= UNKNOWN_S + 0.0002
    assert done == len(log)
    assert turns


def test_nobody_uses_the_time_of_configured_peers() -> None:
    clock, log = Clock(), list[str]()
    turns = Turns(clock)
    for number in range(500):
        turns.add_worker(Work(clock, log, f"other{number}", 1_000))
    turns.add_worker(Work(clock, log, "trunk", 30, is_known=True))
    turns.run()
    assert log[:30] == ["trunk"] * 30
    assert clock.now <= KNOWN_S + UNKNOWN_S + 0.0002


def test_one_piece_is_done_however_long_it_takes() -> None:
    clock, log = Clock(), list[str]()
    turns = Turns(clock)
    turns.add_worker(Work(clock, log, "slow", 2, takes_s=1.0))
    assert turns.run() == 1
    assert turns.run() == 1
    assert not turns


def test_what_is_added_meanwhile_is_not_lost() -> None:
    clock, log = Clock(), list[str]()
    turns = Turns(clock)

    class Adding(Work):
        def work(self) -> bool:
            turns.add_worker(Work(clock, log, "a", 1))
            return super().work()

    turns.add_worker(Adding(clock, log, "a", 3))
    while turns:
        turns.run()
    assert log == ["a"] * 6


def test_nothing_is_left_after_clearing() -> None:
    turns = Turns(Clock())
    turns.add_worker(Work(Clock(), [], "a", 3))
    turns.clear()
    assert not turns
