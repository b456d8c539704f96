"""Keys that are typed ahead of the next command: kept for a while, and nobody else's."""

import asyncio
from pathlib import Path

from engine.calls.hangup_cause import BY_COMMAND
from engine.calls.keys.gather import GatherSettings
from engine.calls.keys.gathers import Gathers
from engine.calls.leg import Leg
from media.sources import Prompt
from tests.engine.calls.keys.test_gathers import press, said, with_two
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene


def test_keys_between_two_gatherings_are_kept_for_the_second(tmp_path: Path) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        call = stage.services.registry.call_of(None, leg.id)
        settings = GatherSettings(max_digits=1, secret=False, type_ahead_s=5.0)
        gathering = asyncio.ensure_future(gathers.run(call, leg, settings))
        await press(leg, "1#47")  # the terminator belongs to what is over
        assert (await gathering).digits == "1"
        await press(leg, "11")
        pressed = said(stage, "leg.dtmf")
        assert ['"digit"' in str(one) for one in pressed] == [True] + [False] * 5
        assert stage.media.blocked[-1] == (leg.id, True)
        pin = GatherSettings(max_digits=4)
        result = await gathers.run(call, leg, pin, Prompt("pin.wav"))
        assert (result.digits, result.ended) == ("4711", "max_digits")
        assert not any(source == Prompt("pin.wav") for _l, source, *_ in stage.media.announced)
        # It has kept none for a third.
        await press(leg, "9")
        assert stage.last("leg.dtmf")["digit"] == "9"
        assert stage.media.blocked[-1] == (leg.id, False)

    with_two(tmp_path, script)


def test_keys_typed_ahead_are_forgotten_in_time_and_with_the_leg(tmp_path: Path) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        call = stage.services.registry.call_of(None, leg.id)
        settings = GatherSettings(max_digits=1, first_digit_s=1.0, type_ahead_s=5.0)
        assert (await gathers.run(call, leg, settings)).ended == "first_digit"
        await press(leg, "12")
        await asyncio.sleep(6.0)
        await press(leg, "3")
        assert stage.last("leg.dtmf")["digit"] == "3"
        gathering = asyncio.ensure_future(gathers.run(call, leg, settings))
        await press(leg, "4")
        assert (await gathering).digits == "4"
        leg.hang_up(BY_COMMAND)
        told = list(stage.media.blocked)
        await asyncio.sleep(6.0)
        assert stage.media.blocked == told  # the leg is gone, and with it what was kept for it

    with_two(tmp_path, script)
