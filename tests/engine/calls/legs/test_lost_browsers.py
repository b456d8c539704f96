"""Legs of browsers whose connection was lost end after a while, unless they were taken over."""

import asyncio
from pathlib import Path

from engine.calls.legs.lost_browsers import LostBrowsers
from sip.hop import Hop
from tests.support.leg_owner import LegOwner
from tests.support.legs import dial, leg_to
from tests.support.scene import Scene, run_scene

BROWSER, AGAIN, SLEEPER = (Hop("wss", "192.0.2.7", port) for port in (50000, 50001, 50002))


def test_a_leg_ends_that_nobody_took_over(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        registry = scene.services.registry
        lost = LostBrowsers(registry, 10.0, 60.0)
        gone, back, asleep = (leg_to(scene, owner=LegOwner()) for _ in range(3))
        for number, leg in enumerate((gone, back, asleep)):
            registry.legs[f"browser-{number}"] = leg
            (await dial(scene, leg)).peer_hop = BROWSER
        assert asleep.session is not None and back.session is not None
        asleep.session.peer_hop = SLEEPER  # type: ignore[misc]
        lost.lost(AGAIN, False)  # of no call
        lost.lost(BROWSER, False)
        lost.lost(SLEEPER, True)
        back.session.peer_hop = AGAIN  # type: ignore[misc]
        await asyncio.sleep(9.9)
        assert gone.hangup_cause is None
        await asyncio.sleep(0.2)
        assert gone.hangup_cause is not None
        assert gone.hangup_cause.phrase == "the browser is gone for 10 s"
        assert back.hangup_cause is None
        await asyncio.sleep(49.8)
        assert asleep.hangup_cause is None
        await asyncio.sleep(0.2)
        assert asleep.hangup_cause.phrase == "the browser is gone for 60 s"
        await asleep.release()
        await gone.release()
        await back.release()
        registry.legs.clear()

    run_scene(tmp_path, script)
