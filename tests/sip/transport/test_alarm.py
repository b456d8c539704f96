"""One wake-up of the loop for many deadlines."""

import asyncio

from sip.transport.alarm import Alarm
from tests.support.virtual_loop import run


def test_it_goes_off_once_at_the_first_deadline() -> None:
    run(first_of_three())


async def first_of_three() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    seen: list[float] = []
    alarm = Alarm(lambda: seen.append(loop.time() - began))
    alarm.set(began + 5.0)
    alarm.set(began + 2.0)
    alarm.set(began + 9.0)
    await asyncio.sleep(20)
    assert len(seen) == 1 and 2.0 <= seen[0] < 2.2


def test_it_can_be_called_off() -> None:
    run(called_off())


async def called_off() -> None:
    seen: list[int] = []
    alarm = Alarm(lambda: seen.append(1))
    alarm.set(asyncio.get_running_loop().time() + 1.0)
    alarm.cancel()
    alarm.cancel()
    await asyncio.sleep(5)
    assert not seen
