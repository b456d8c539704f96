"""A visitor who speaks from a web page, in a real browser, with an agent whose phone is a browser.

Needs chromium (Debian package) and playwright (`pip install 'ringback[browser]'`).
"""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.browser import copy_of
from tests.support.engines.process import StartEngine
from tests.support.phones.real.coturn import SECRET, Coturn
from tests.support.talk_stage import (
    AGENT_HZ,
    CONSENT,
    EARS,
    MICROPHONE,
    REFUSED,
    RELAY_ALONE,
    VISITOR_HZ,
    WAY,
    WAYS,
    TalkStage,
    both_heard,
    heard,
    not_heard,
    talk_stage,
)

SUPERVISOR_HZ = 1500
TWICE = "(button) => { button.click(); button.click(); }"


@pytest.fixture
async def stage(stack: AsyncExitStack, own_engine: StartEngine, tmp_path: Path) -> TalkStage:
    """A shop with one agent for its visitors, and another beside."""
    return await talk_stage(stack, own_engine, tmp_path, ("anna", "boss"))


async def over(stage: TalkStage, call: dict[str, Any]) -> None:
    """The engine has ended this call: the phones may know it before."""
    await stage.engine.line.events.wait_for(
        lambda event: event["type"] == "call.ended" and event["call"] == call["call"],
        timeout_s=60.0,
    )


async def test_a_talk_from_the_page_to_the_browser_of_an_agent(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    visitor = await stage.page(f"{stage.shop}/page", MICROPHONE % VISITOR_HZ)
    await visitor.get_by_role("button", name="Call me now").click()
    await visitor.get_by_label("Name").fill("Ann")
    speak = visitor.get_by_role("button", name="Speak now")
    await speak.click()
    await visitor.get_by_role("alert").get_by_text("Please agree first.").wait_for()
    await visitor.get_by_label(CONSENT).check()
    await visitor.evaluate(f"() => {{ {REFUSED} }}")
    await speak.click()
    await visitor.get_by_role("alert").get_by_text("Your microphone cannot be used.").wait_for()
    assert await visitor.get_by_label("Telephone number").is_visible()
    await visitor.evaluate(f"() => {{ {MICROPHONE % VISITOR_HZ} }}")
    await speak.click()
    await visitor.get_by_role("status").get_by_text("You are connected.").wait_for()
    await agent.get_by_role("button", name="Answer").click()
    await both_heard(visitor, agent)
    # The network is another one; and the page was frozen, or the machine has slept.
    for page, woken in (
        (visitor, "document.dispatchEvent(new Event('resume'))"),
        (agent, "phone.beaten = 0"),
    ):
        before = await page.evaluate(WAY, [1, ""])
        await page.context.set_offline(True)
        await page.context.set_offline(False)
        before = await page.evaluate(WAY, [1, before])
        await page.evaluate(woken)
        await page.evaluate(WAY, [1, before])
        assert await page.evaluate("peers.length") == 1
        await both_heard(visitor, agent)
    await agent.evaluate("phone.register()")  # as every some minutes: the call stays as it is
    assert await agent.evaluate("peers.length") == 1
    for page in (visitor, agent):  # the connection is lost
        await page.evaluate("sockets.at(-1).close()")
        await page.evaluate(WAY, [2, ""])
        await both_heard(visitor, agent)
    for page in (visitor, agent):
        await page.reload()
        await page.evaluate(WAY, [1, ""])
        await both_heard(visitor, agent)
    (call,) = (await stage.engine.line.call("call.list"))["calls"]
    assert (call["site"], call["queue"], call["trunk"]) == ("shop.example", "sales", None)
    assert call["context"]["name"] == "Ann"
    assert call["context"]["page"] == f"{stage.shop}/page"
    assert call["context"]["consent"]["text"] == CONSENT
    stage.engine.process.rewrite_config(webrtc={"rejoin_s": 0.5})
    await stage.engine.line.call("engine.reload")
    await visitor.close()
    await agent.get_by_role("button", name="Hang up").wait_for(state="hidden")
    await over(stage, call)
    assert agent.faults == [] and visitor.faults == []


async def test_a_talk_is_rated_and_what_is_kept_of_it_seen_and_erased(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").click()
    await both_heard(visitor, agent)
    await visitor.reload()  # the link stays with the talk
    await visitor.evaluate(WAY, [1, ""])
    (call,) = (await stage.engine.line.call("call.list"))["calls"]
    await visitor.get_by_role("button", name="Hang up").click()
    await over(stage, call)
    await visitor.get_by_role("button", name="4 / 5").click()
    await visitor.get_by_role("status").get_by_text("Thank you!", exact=True).wait_for()
    record = await stage.engine.line.call("record.get", id=call["call"])
    assert (record["rating"], record["context"]["name"]) == (8, "Ann")
    link = await visitor.get_by_role("link", name="What we keep").get_attribute("href")
    data = str(link).replace("?", "/data?")
    async with aiohttp.ClientSession() as session, session.get(data) as reply:
        kept = await reply.json()
    assert (kept["to"], kept["state"], kept["rating"]) == (None, "completed", 8)
    assert kept["context"]["name"] == "Ann" and kept["context"]["consent"]["text"] == CONSENT
    assert "call.bridged" in [one["type"] for one in kept["events"]]
    await visitor.get_by_role("button", name="Erase it").click()
    await visitor.get_by_role("status").get_by_text("erased").wait_for()
    record = await stage.engine.line.call("record.get", id=call["call"])
    assert (record["context"], record["erased"], record["rating"]) == ({}, True, 8)
    audit = (await stage.engine.line.call("audit.list", limit=100))["entries"]
    (admitted,) = (one for one in audit if one["method"] == "browser.admit")
    assert admitted["params"] == {"erased": True}
    assert agent.faults == [] and visitor.faults == []


async def test_a_copy_of_the_tab_takes_the_talk_over_when_it_is_told_to(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").click()
    await both_heard(visitor, agent)
    for script in (EARS, MICROPHONE % VISITOR_HZ):
        await visitor.context.add_init_script(script)
    copy = await copy_of(visitor)
    await copy.get_by_role("status").get_by_text("You are speaking in another tab.").wait_for()
    await both_heard(visitor, agent)
    # What the copy was given is not how the talk is kept by now.
    await visitor.evaluate("sockets.at(-1).close()")
    await visitor.evaluate(WAY, [2, ""])
    await both_heard(visitor, agent)
    await copy.get_by_role("button", name="Speak here").click()
    await both_heard(copy, agent)
    await visitor.get_by_role("status").get_by_text("in another tab").wait_for()
    (call,) = (await stage.engine.line.call("call.list"))["calls"]
    await copy.get_by_role("button", name="Hang up").click()
    await over(stage, call)
    await visitor.get_by_role("button", name="Speak here").click()
    await visitor.get_by_role("status").get_by_text("The call is over.").wait_for()
    await visitor.get_by_role("button", name="Ask for another call").click()
    await visitor.get_by_label("Telephone number").wait_for()
    assert agent.faults == [] and visitor.faults == []


async def test_hold_barge_and_transfer_in_a_talk_from_the_page(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    boss = await stage.agent("boss", MICROPHONE % SUPERVISOR_HZ)
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").evaluate(TWICE)
    await both_heard(visitor, agent)
    assert await agent.evaluate("peers.length") == 1
    await agent.get_by_role("button", name="Hold").evaluate(TWICE)
    await agent.locator("#hold[aria-pressed=true]").wait_for()
    await not_heard(visitor, AGENT_HZ)
    await agent.get_by_role("button", name="Hold").click()
    await both_heard(visitor, agent)
    (call,) = (await stage.engine.line.call("call.list"))["calls"]
    await stage.engine.line.call("call.supervise", call=call["call"], agent="boss", mode="barge")
    await boss.get_by_role("button", name="Answer").click()
    for page in (visitor, agent):
        await heard(page, SUPERVISOR_HZ)
    await heard(boss, VISITOR_HZ)
    await heard(boss, AGENT_HZ)
    await boss.get_by_role("button", name="Hang up").click()
    await not_heard(visitor, SUPERVISOR_HZ)
    await both_heard(visitor, agent)
    await agent.get_by_label("Transfer to").fill("boss")
    await agent.get_by_label("Whom").select_option("agent")
    await agent.get_by_role("button", name="Transfer").click()
    await boss.get_by_role("button", name="Answer").click()
    await heard(visitor, SUPERVISOR_HZ)
    await heard(boss, VISITOR_HZ)
    await agent.get_by_role("button", name="Hang up").wait_for(state="hidden")
    stage.engine.process.rewrite_config(webrtc={"rejoin_s": 0.5})
    await stage.engine.line.call("engine.reload")
    await boss.close()  # the tab
    await visitor.get_by_role("status").get_by_text("The call is over").wait_for()
    await over(stage, call)
    assert agent.faults == [] and boss.faults == [] and visitor.faults == []


async def test_a_talk_whose_sound_goes_through_a_turn_server_alone(
    stack: AsyncExitStack, own_engine: StartEngine, tmp_path: Path
) -> None:
    turn = await stack.enter_async_context(Coturn(tmp_path))
    stage = await talk_stage(
        stack, own_engine, tmp_path,
        webrtc={"turn": turn.uri, "turn_secret": SECRET, "relay_only": True},
    )  # fmt: skip
    agent = await stage.agent("anna", RELAY_ALONE)
    visitor = await stage.visitor(RELAY_ALONE)
    await agent.get_by_role("button", name="Answer").click()
    await both_heard(visitor, agent)
    for page in (visitor, agent):
        assert await page.evaluate(WAYS) == ["relay relay"]
    assert agent.faults == [] and visitor.faults == []
