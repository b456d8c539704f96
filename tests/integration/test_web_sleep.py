"""A machine that sleeps in mid-talk: all processes of its browser are stopped for a while.

Needs chromium (Debian package) and playwright (`pip install 'ringback[browser]'`).
"""

import asyncio
import signal
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import psutil

from tests.support.browser import browser_with_microphone
from tests.support.engines.process import StartEngine
from tests.support.talk_stage import (
    AGENT_HZ,
    WAY,
    TalkStage,
    both_heard,
    not_heard,
    talk_stage,
)

SLEPT_S = 12.0
"""Longer than what the page takes for a pause, and than chromium waits for its microphone."""
LOSES_ITS_MICROPHONE = """async () => {
  const [track] = phone.call.microphone.getTracks();
  track.stop();
  track.dispatchEvent(new Event("ended"));
  while (phone.call.microphone.getTracks()[0].readyState !== "live")
    await new Promise((resolve) => setTimeout(resolve, 20));
}"""
DEAD = "sockets.at(-1).send = () => {}; phone.renew(); sockets.at(-1).close()"


def browsers() -> set[psutil.Process]:
    """The first process of each browser that runs here, also those of other tests."""
    found = set()
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "chromium" in one.name() and "chromium" not in one.parent().name():
                found.add(one)
    return found


def signalled(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for one in processes:
        with suppress(psutil.Error):
            one.send_signal(number)


async def asleep(browser: psutil.Process, duration_s: float) -> None:
    """The machine of a browser sleeps for so long."""
    processes = [browser, *browser.children(recursive=True)]
    signalled(processes, signal.SIGSTOP)
    try:
        await asyncio.sleep(duration_s)
    finally:
        signalled(processes, signal.SIGCONT)


async def test_a_talk_of_an_agent_whose_machine_sleeps_goes_on(
    own_engine: StartEngine, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        others = browsers()
        stage = await talk_stage(stack, own_engine, tmp_path)
        (machine,) = browsers() - others
        other = await browser_with_microphone(stack, tmp_path / "microphone.wav")
        visitor = await TalkStage(
            stage.engine, stage.url, stage.shop, stage.server, other
        ).visitor()
        agent = await stage.agent("anna")
        await agent.get_by_role("button", name="Answer").click()
        await both_heard(visitor, agent)
        (call,) = (await stage.engine.line.call("call.list"))["calls"]
        await asleep(machine, SLEPT_S)
        await asyncio.sleep(2.0)  # what was said before has been heard by then
        await both_heard(visitor, agent)
        # A headset is pulled out while the agent is muted, and another is there.
        await agent.get_by_role("button", name="Mute").click()
        await agent.evaluate(LOSES_ITS_MICROPHONE)
        await not_heard(visitor, AGENT_HZ)
        await agent.get_by_role("button", name="Mute").click()
        await both_heard(visitor, agent)
        # Something is sent on a dead connection; by the time that is seen there is another.
        ways = await agent.evaluate("peers.length")
        await agent.evaluate(DEAD)
        await agent.evaluate(WAY, [ways + 1, ""])
        connections = await agent.evaluate("sockets.length")
        await asyncio.sleep(5.0)  # longer than the answer of a request is waited for
        assert await agent.evaluate("[sockets.length, peers.length]") == [connections, ways + 1]
        await both_heard(visitor, agent)
        (still,) = (await stage.engine.line.call("call.list"))["calls"]
        assert still["call"] == call["call"]
        assert agent.faults == [] and visitor.faults == []


async def test_a_talk_of_a_visitor_whose_machine_sleeps_goes_on(
    own_engine: StartEngine, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        stage = await talk_stage(stack, own_engine, tmp_path)
        others = browsers()
        other = await browser_with_microphone(stack, tmp_path / "microphone.wav")
        (machine,) = browsers() - others
        own = TalkStage(stage.engine, stage.url, stage.shop, stage.server, other)
        visitor = await own.visitor()
        agent = await stage.agent("anna")
        await agent.get_by_role("button", name="Answer").click()
        await both_heard(visitor, agent)
        (call,) = (await stage.engine.line.call("call.list"))["calls"]
        await asleep(machine, SLEPT_S)
        await asyncio.sleep(2.0)  # what was said before has been heard by then
        await both_heard(visitor, agent)
        (still,) = (await stage.engine.line.call("call.list"))["calls"]
        assert still["call"] == call["call"]
        assert agent.faults == [] and visitor.faults == []
