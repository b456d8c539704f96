"""`while_up`: the body ends with the leg, and with nothing else's cancellation mistaken for it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.calls.leg import Caller, Leg, LegEnded
from engine.calls.while_up import while_up
from tests.support.switchboard import Phone, Scene, scene
from tests.support.virtual_loop import run

Script = Callable[[Leg, Phone], Awaitable[None]]


def play(tmp_path: Path, script: Script) -> None:
    """Run a script with one leg that bob's phone has answered."""

    async def main() -> None:
        stage: Scene = scene(tmp_path)
        leg = Leg(
            leg_id="leg-1",
            role="customer",
            destination=stage.services.dialplan.destination("sip:bob@127.0.0.1", field="to"),
            sip=stage.services.sip,
            media=stage.services.media,
            publish=lambda *_args, **_fields: None,
        )
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        phone = await stage.phone()
        phone.answers()
        await dialling
        await script(leg, phone)
        await leg.release()

    run(main())


def test_it_ends_the_body_when_the_leg_ends(tmp_path: Path) -> None:
    async def script(leg: Leg, phone: Phone) -> None:
        asyncio.get_running_loop().call_later(5.0, phone.hangs_up)
        with pytest.raises(LegEnded) as caught:
            async with while_up(leg):
                await asyncio.sleep(100)
        assert caught.value.leg is leg
        assert asyncio.get_running_loop().time() == pytest.approx(5.0)
        with pytest.raises(LegEnded):
            async with while_up(leg):
                raise AssertionError("the body must not run")

    play(tmp_path, script)


def test_it_leaves_a_cancellation_from_outside_alone(tmp_path: Path) -> None:
    async def script(leg: Leg, phone: Phone) -> None:
        async def flow() -> None:
            async with while_up(leg):
                await asyncio.sleep(100)

        task = asyncio.create_task(flow())
        await asyncio.sleep(1)
        task.cancel()
        phone.hangs_up()
        with pytest.raises(asyncio.CancelledError):
            await task

    play(tmp_path, script)


def test_it_does_nothing_when_the_leg_stays(tmp_path: Path) -> None:
    async def script(leg: Leg, phone: Phone) -> None:
        async with while_up(leg):
            await asyncio.sleep(1)
        phone.hangs_up()
        await asyncio.sleep(1)

    play(tmp_path, script)
