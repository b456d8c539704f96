"""The register of numbers that are not to be called."""

from pathlib import Path

from engine.routing.blocking.do_not_call import Blocked, DoNotCall
from engine.store.event_log import EventLog
from engine.store.store import Store

NUMBER = "+442079460123"


def entry(number: str = NUMBER, until: float | None = None, reason: str = "asked") -> Blocked:
    return Blocked(number=number, reason=reason, since=10.0, until=until)


async def test_a_number_is_blocked_until_it_expires() -> None:
    register = DoNotCall()
    await register.block(entry(until=100.0))
    found = register.find(NUMBER, 99.0)
    assert found is not None
    assert found.reason == "asked"
    assert register.find(NUMBER, 100.0) is None
    assert register.find(NUMBER, 99.0) is None  # forgotten
    assert len(register) == 0


async def test_for_good_until_unblocked() -> None:
    register = DoNotCall()
    await register.block(entry())
    assert register.find(NUMBER, 1e12) is not None
    assert await register.unblock(NUMBER, 20.0) == entry()
    assert await register.unblock(NUMBER, 20.0) is None
    assert register.find(NUMBER, 20.0) is None


async def test_blocking_and_unblocking_are_published() -> None:
    events = EventLog()
    register = DoNotCall(events=events)
    await register.block(entry())
    await register.unblock(NUMBER, 20.0)
    assert [event.type for event in events.after(0)] == ["number.blocked", "number.unblocked"]


async def test_they_are_listed_in_the_order_of_numbers() -> None:
    register = DoNotCall()
    for number in ("+3", "+1", "+22", "+21"):
        await register.block(entry(number))
    await register.block(entry("+0", until=5.0))

    def numbers(**wanted: str) -> list[str]:
        return [one.number for one in register.in_order(20.0, **wanted)]

    assert numbers() == ["+1", "+21", "+22", "+3"]
    assert numbers(after="+21") == ["+22", "+3"]
    assert numbers(prefix="+2") == ["+21", "+22"]
    assert numbers(prefix="+2", after="+21") == ["+22"]
    assert numbers(prefix="+4") == []
    await register.block(entry("+20"))
    await register.unblock("+22", 20.0)
    assert numbers(prefix="+2") == ["+20", "+21"]
    in_order = register.in_order(20.0)
    assert next(in_order).number == "+1"
    await register.unblock("+20", 20.0)
    assert [one.number for one in in_order] == ["+21", "+3"]


async def test_it_survives_a_restart_without_what_expired(tmp_path: Path) -> None:
    store = Store(tmp_path / "ringback.db")
    await store.open()
    register = DoNotCall(store)
    await register.block(entry("+1", until=100.0))
    await register.block(entry("+2", until=1000.0, reason="complained"))
    await register.block(entry("+3"))
    await register.unblock("+3", 20.0)
    await store.close()

    store = Store(tmp_path / "ringback.db")
    await store.open()
    try:
        after = DoNotCall(store)
        await after.load(now=500.0)
        assert after.find("+2", 500.0) == entry("+2", until=1000.0, reason="complained")
        assert len(after) == 1
        await store.flush()
        assert set(await store.load("do_not_call", Blocked)) == {"+2"}
    finally:
        await store.close()
