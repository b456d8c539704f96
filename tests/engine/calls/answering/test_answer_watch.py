"""Waits for a verdict and for a beep, with a leg in virtual time."""

import asyncio
from typing import Any, cast

from engine.calls.answering.answer_watch import AnswerWatch
from engine.calls.leg import Leg
from engine.calls.legs.leg_listener import LegListener
from media.protocol.messages import BeepHeard, Detected, MachineSuspected
from tests.support.detection_limits import usual_limits
from tests.support.virtual_loop import run


class ScriptedLeg:
    def __init__(self) -> None:
        self.listeners: list[LegListener] = []
        self.is_detecting = True

    def listen(self, listener: LegListener) -> None:
        self.listeners.append(listener)

    def forget(self, listener: LegListener) -> None:
        self.listeners.remove(listener)

    def stop_detecting(self) -> None:
        self.is_detecting = False

    def report(self, event: Any) -> None:
        for listener in self.listeners:
            listener.answer_found(cast(Any, self), event)


def watched() -> tuple[ScriptedLeg, AnswerWatch]:
    leg = ScriptedLeg()
    return leg, AnswerWatch(cast(Leg, leg), usual_limits())


def test_it_waits_for_the_label_and_ends() -> None:
    async def story() -> None:
        leg, watch = watched()
        loop = asyncio.get_running_loop()
        loop.call_later(2.0, leg.report, MachineSuspected("l", 2000, "long_greeting"))
        loop.call_later(5.0, leg.report, Detected("l", "ivr", 5000, "many_phrases"))
        assert await watch.until_known(machine_is_enough=False) == "ivr"
        watch.end()
        assert not leg.is_detecting and not leg.listeners

    run(story())


def test_a_machine_may_be_enough() -> None:
    async def story() -> None:
        leg, watch = watched()
        loop = asyncio.get_running_loop()
        loop.call_later(2.0, leg.report, MachineSuspected("l", 2000, "long_greeting"))
        assert await watch.until_known(machine_is_enough=True) == "unknown"
        assert loop.time() < 5

    run(story())


def test_a_worker_that_says_nothing_is_not_waited_for_without_end() -> None:
    async def story() -> None:
        _leg, watch = watched()
        began = asyncio.get_running_loop().time()
        assert await watch.until_known(machine_is_enough=False) == "unknown"
        assert asyncio.get_running_loop().time() - began < 40
        assert not await watch.until_beep()

    run(story())


def test_a_beep_that_was_heard_is_not_waited_for() -> None:
    async def story() -> None:
        leg, watch = watched()
        leg.report(BeepHeard("l", 4000, 500, 1000))
        assert await watch.until_beep()

    run(story())
