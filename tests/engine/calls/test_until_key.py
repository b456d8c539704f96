"""`until_key`: a key ends the body, unless it does not count or comes too late."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.calls.leg import Leg, LegEnded
from engine.calls.until_key import KeyPressed, until_key
from engine.calls.while_up import while_up
from media.messages import Dtmf
from tests.engine.calls.test_waiting_room import answered
from tests.support.switchboard import Phone, scene
from tests.support.virtual_loop import run

Script = Callable[[Leg, Phone], Awaitable[None]]


def play(tmp_path: Path, script: Script) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        leg, phone = await answered(stage)
        await script(leg, phone)
        await leg.release()

    run(main())


def press(leg: Leg, digit: str) -> None:
    leg.on_media(Dtmf(leg.id, digit, 100))


def test_the_key_ends_the_body(tmp_path: Path) -> None:
    async def script(leg: Leg, _phone: Phone) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(2.0, press, leg, "2")
        loop.call_later(5.0, press, leg, "1")
        loop.call_later(5.0, press, leg, "1")
        with pytest.raises(KeyPressed):
            async with until_key(leg, "1"):
                await asyncio.sleep(100)
        assert loop.time() == pytest.approx(5.0)
        press(leg, "1")
        await asyncio.sleep(1)  # nobody listens any more

    play(tmp_path, script)


def test_a_press_may_not_count(tmp_path: Path) -> None:
    async def script(leg: Leg, _phone: Phone) -> None:
        asked: list[str] = []

        def may() -> bool:
            asked.append("1")
            return False

        asyncio.get_running_loop().call_later(2.0, press, leg, "1")
        async with until_key(leg, "1", may):
            await asyncio.sleep(10)
        assert asked == ["1"]

    play(tmp_path, script)


def test_no_digit_is_no_key(tmp_path: Path) -> None:
    async def script(leg: Leg, _phone: Phone) -> None:
        asyncio.get_running_loop().call_later(2.0, press, leg, "1")
        async with until_key(leg, ""):
            await asyncio.sleep(10)

    play(tmp_path, script)


def test_who_presses_and_hangs_up_at_once_has_hung_up(tmp_path: Path) -> None:
    async def script(leg: Leg, phone: Phone) -> None:
        def both() -> None:
            press(leg, "1")
            phone.hangs_up()

        asyncio.get_running_loop().call_later(2.0, both)
        with pytest.raises(LegEnded):
            async with while_up(leg), until_key(leg, "1"):
                await asyncio.sleep(100)

    play(tmp_path, script)


def test_a_cancellation_from_outside_stays_one(tmp_path: Path) -> None:
    async def script(leg: Leg, _phone: Phone) -> None:
        async def flow() -> None:
            async with until_key(leg, "1"):
                await asyncio.sleep(100)

        task = asyncio.create_task(flow())
        await asyncio.sleep(1)
        task.cancel()
        press(leg, "1")
        with pytest.raises(asyncio.CancelledError):
            await task

    play(tmp_path, script)
