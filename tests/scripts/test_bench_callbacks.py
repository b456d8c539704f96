import asyncio
import time

from scripts.bench.callbacks import Followed, spread


async def test_a_followed_callback_gives_the_events_that_came_and_those_to_come() -> None:
    callback = Followed("job")
    callback.take({"type": "callback.bridged", "call": "c"})
    assert (await callback.event("bridged"))["call"] == "c"
    waiting = asyncio.create_task(callback.ended())
    await asyncio.sleep(0)
    callback.take({"type": "callback.completed", "cause": "agent hung up"})
    assert await waiting == ("completed", "agent hung up")


async def test_work_is_spread_evenly_and_never_waits_for_its_own_end() -> None:
    begun: list[float] = []
    release = asyncio.Event()

    async def work(index: int) -> int:
        begun.append(time.monotonic())
        if index == 4:
            release.set()
        await release.wait()
        return index

    started = time.monotonic()
    assert await spread(5, 100.0, work) == [0, 1, 2, 3, 4]
    assert begun == sorted(begun)
    assert begun[-1] - started >= 0.04
