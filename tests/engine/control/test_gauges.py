"""The delay of the event loop, as it is measured."""

import asyncio

from engine.control.gauges import LOOP_PERIOD_S, LoopDelay
from tests.support.virtual_loop import run


def test_a_loop_that_is_not_held_up_has_no_delay() -> None:
    async def idle() -> float:
        delay = LoopDelay()
        delay.start()
        await asyncio.sleep(10 * LOOP_PERIOD_S)
        delay.stop()
        await asyncio.sleep(10 * LOOP_PERIOD_S)
        return delay.take()

    assert run(idle()) < 1e-6


async def test_what_holds_the_loop_up_is_told_once() -> None:
    loop = asyncio.get_running_loop()
    delay = LoopDelay()
    delay.start()
    began = loop.time()
    while loop.time() - began < LOOP_PERIOD_S + 0.1:  # nothing else has its turn
        pass
    await asyncio.sleep(0.01)
    assert 0.05 < delay.take() < 5.0
    assert delay.take() == 0.0
    delay.stop()
