"""`while_up` and `until_key`: the body ends with the leg, or at the press of the key."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.calls.cancel_scope import KeyPressed, until_key, while_up
from engine.calls.hangup_cause import HangupCause
from engine.calls.leg import Leg, LegEnded
from media.protocol.messages import Dtmf
from tests.support.legs import dial, leg_to
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, run_scene

Script = Callable[[Leg, ScriptedPhone], Awaitable[None]]


def run_answered(tmp_path: Path, script: Script) -> None:
    """Run a script with one leg that bob's phone has answered."""

    async def with_leg(stage: Scene) -> None:
        leg = leg_to(stage)
        await script(leg, await dial(stage, leg))
        await leg.release()
        stage.services.registry.legs.clear()

    run_scene(tmp_path, with_leg)


def test_it_ends_the_body_when_the_leg_ends(tmp_path: Path) -> None:
    async def script(leg: Leg, phone: ScriptedPhone) -> None:
        asyncio.get_running_loop().call_later(5.0, phone.hangs_up)
        with pytest.raises(LegEnded) as caught:
            async with while_up(leg):
                await asyncio.sleep(100)
        assert caught.value.leg is leg
        assert asyncio.get_running_loop().time() == pytest.approx(5.0)
        with pytest.raises(LegEnded):
            async with while_up(leg):
                raise AssertionError("the body must not run")

    run_answered(tmp_path, script)


def test_it_leaves_a_cancellation_from_outside_alone(tmp_path: Path) -> None:
    async def script(leg: Leg, phone: ScriptedPhone) -> None:
        async def flow() -> None:
            async with while_up(leg):
                await asyncio.sleep(100)

        task = asyncio.create_task(flow())
        await asyncio.sleep(1)
        task.cancel()
        phone.hangs_up()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_answered(tmp_path, script)


def test_it_does_nothing_when_the_leg_stays(tmp_path: Path) -> None:
    async def script(leg: Leg, phone: ScriptedPhone) -> None:
        async with while_up(leg):
            await asyncio.sleep(1)
        phone.hangs_up()
        await asyncio.sleep(1)

    run_answered(tmp_path, script)


@pytest.mark.parametrize("is_left_by_error", [False, True])
def test_a_body_that_hangs_up_and_leaves_at_once_cancels_nothing_after_it(
    tmp_path: Path, is_left_by_error: bool
) -> None:
    async def script(leg: Leg, _phone: ScriptedPhone) -> None:
        try:
            async with while_up(leg):
                leg.hang_up(HangupCause("completed", "enough"))
                if is_left_by_error:
                    raise ValueError("of the body")
        except ValueError as error:
            assert is_left_by_error and str(error) == "of the body"
        await asyncio.sleep(1)

    run_answered(tmp_path, script)


def test_a_body_that_hangs_up_is_cancelled_from_outside_all_the_same(tmp_path: Path) -> None:
    async def script(leg: Leg, _phone: ScriptedPhone) -> None:
        async def flow() -> None:
            async with while_up(leg):
                leg.hang_up(HangupCause("completed", "enough"))
                task.cancel()
            raise AssertionError("nothing after it runs")

        task = asyncio.create_task(flow())
        with pytest.raises(asyncio.CancelledError):
            await task

    run_answered(tmp_path, script)


# -- until_key -----------------------------------------------------------------------------------


def press(leg: Leg, digit: str) -> None:
    leg.on_media(Dtmf(leg.id, digit, 100))


def test_the_key_ends_the_body(tmp_path: Path) -> None:
    async def script(leg: Leg, _phone: ScriptedPhone) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(2.0, press, leg, "2")
        loop.call_later(5.0, press, leg, "1")
        loop.call_later(5.0, press, leg, "1")
        with pytest.raises(KeyPressed):
            async with until_key(leg, "1"):
                await asyncio.sleep(100)
        assert loop.time() == pytest.approx(5.0)
        press(leg, "1")
        await asyncio.sleep(1)  # comes too late

    run_answered(tmp_path, script)


def test_a_press_may_not_count(tmp_path: Path) -> None:
    async def script(leg: Leg, _phone: ScriptedPhone) -> None:
        asked: list[str] = []

        def may() -> bool:
            asked.append("1")
            return False

        asyncio.get_running_loop().call_later(2.0, press, leg, "1")
        async with until_key(leg, "1", may):
            await asyncio.sleep(10)
        assert asked == ["1"]

    run_answered(tmp_path, script)


def test_no_digit_is_no_key(tmp_path: Path) -> None:
    async def script(leg: Leg, _phone: ScriptedPhone) -> None:
        asyncio.get_running_loop().call_later(2.0, press, leg, "1")
        async with until_key(leg, ""):
            await asyncio.sleep(10)

    run_answered(tmp_path, script)


def test_a_party_that_presses_and_hangs_up_at_once_has_hung_up(tmp_path: Path) -> None:
    async def script(leg: Leg, phone: ScriptedPhone) -> None:
        def both() -> None:
            press(leg, "1")
            phone.hangs_up()

        asyncio.get_running_loop().call_later(2.0, both)
        with pytest.raises(LegEnded):
            async with while_up(leg), until_key(leg, "1"):
                await asyncio.sleep(100)

    run_answered(tmp_path, script)


def test_a_cancellation_from_outside_is_no_key(tmp_path: Path) -> None:
    async def script(leg: Leg, _phone: ScriptedPhone) -> None:
        async def flow() -> None:
            async with until_key(leg, "1"):
                await asyncio.sleep(100)

        task = asyncio.create_task(flow())
        await asyncio.sleep(1)
        task.cancel()
        press(leg, "1")
        with pytest.raises(asyncio.CancelledError):
            await task

    run_answered(tmp_path, script)
