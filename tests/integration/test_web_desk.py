"""What an agent does at their page, button by button, in a real browser with voices that are heard.

Needs chromium (Debian package) and playwright (`pip install 'ringback[browser]'`).
"""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import sign_in
from tests.support.engines.process import StartEngine
from tests.support.phones.real.softphone import StartPhone
from tests.support.talk_stage import (
    AGENT_HZ,
    MICROPHONE,
    VISITOR_HZ,
    TalkStage,
    both_heard,
    heard,
    not_heard,
    talk_stage,
    token_of,
)

COLLEAGUE_HZ = 1500


@pytest.fixture
async def stage(stack: AsyncExitStack, own_engine: StartEngine, tmp_path: Path) -> TalkStage:
    """Anna serves the visitors of the shop, and the boss a queue of their own."""
    return await talk_stage(
        stack, own_engine, tmp_path, ("anna", "boss"), serves={"boss": "complaints"},
        queues=[{"name": "sales"}, {"name": "complaints"}],
    )  # fmt: skip


async def talking(stage: TalkStage) -> tuple[Any, Any]:
    """A visitor and an agent who hear each other."""
    agent = await stage.agent("anna")
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").click()
    await both_heard(visitor, agent)
    return agent, visitor


async def transferred(agent: Any, whom: str, to: str) -> None:
    await agent.get_by_label("Whom").select_option(whom)
    await agent.get_by_label("Transfer to").fill(to)
    await agent.get_by_role("button", name="Transfer").click()


async def pressed(stage: TalkStage, key: str) -> None:
    """The engine has been sent this key."""
    await stage.engine.line.events.wait_for(
        lambda event: event["type"] == "leg.dtmf" and event["digit"] == key, timeout_s=60.0
    )


async def state_of(stage: TalkStage, agent: str) -> str:
    view = await stage.engine.line.call("agent.get", agent=agent)
    return str(view["state"])


async def test_ready_ends_a_pause_and_is_how_a_day_begins(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    await agent.get_by_role("button", name="Pause").click()
    await agent.locator("[data-state=paused]").wait_for()
    assert await state_of(stage, "anna") == "paused"
    await agent.get_by_role("button", name="Ready").click()
    await agent.locator("[data-state=available]").wait_for()
    assert await state_of(stage, "anna") == "available"
    await stage.engine.line.call("agent.logout", agent="anna")
    await agent.get_by_text("signed out").wait_for()
    await agent.get_by_role("button", name="Ready").press("Enter")
    await agent.locator("[data-state=available]").wait_for()
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").click()
    await heard(visitor, AGENT_HZ)
    assert agent.faults == [] and visitor.faults == []


async def test_who_signs_out_leaves_nothing_in_the_browser(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    await agent.get_by_role("button", name="Sign out").click()
    await agent.get_by_label("Token").wait_for()
    assert await agent.get_by_role("button", name="Ready").is_hidden()
    assert await agent.evaluate("JSON.stringify([sessionStorage, localStorage])") == "[{},{}]"
    assert await state_of(stage, "anna") == "logged_out"
    await agent.reload()
    await sign_in(agent, token_of("anna"))
    await agent.get_by_text("signed out").wait_for()  # until they are ready
    await agent.get_by_role("button", name="Ready").click()
    await agent.locator("[data-state=available]").wait_for()
    assert agent.faults == []


async def test_a_transfer_to_a_number(
    stack: AsyncExitStack, own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    colleague = await softphone(
        user="colleague", tone=COLLEAGUE_HZ, answer_after=0.2, record=tmp_path / "colleague.wav"
    )
    stage = await talk_stage(
        stack, own_engine, tmp_path,
        trunks=[{"name": "wire", "uri": colleague.uri.replace("colleague@", "")}],
        routes=[{"prefix": "+", "trunks": ["wire"]}],
    )  # fmt: skip
    agent, visitor = await talking(stage)
    await transferred(agent, "Number", "+442079460123")
    await heard(visitor, COLLEAGUE_HZ)
    await not_heard(visitor, AGENT_HZ)
    await agent.get_by_role("button", name="Hang up").wait_for(state="hidden")
    await agent.locator("[data-state=available]").wait_for()
    await visitor.get_by_role("button", name="Hang up").click()
    await colleague.stop()
    assert colleague.heard(tmp_path / "colleague.wav").hears(VISITOR_HZ, for_s=0.3)
    assert agent.faults == [] and visitor.faults == []


async def test_a_transfer_to_a_queue(stage: TalkStage) -> None:
    boss = await stage.agent("boss", MICROPHONE % COLLEAGUE_HZ)
    agent, visitor = await talking(stage)
    await transferred(agent, "Queue", "complaints")
    await boss.get_by_role("button", name="Answer").click()
    await heard(visitor, COLLEAGUE_HZ)
    await heard(boss, VISITOR_HZ)
    await agent.get_by_role("button", name="Hang up").wait_for(state="hidden")
    await not_heard(visitor, AGENT_HZ)
    assert await state_of(stage, "boss") == "talking"
    assert agent.faults == [] and boss.faults == [] and visitor.faults == []


async def test_an_agent_speaks_with_whom_they_transfer_to_first(stage: TalkStage) -> None:
    boss = await stage.agent("boss", MICROPHONE % COLLEAGUE_HZ)
    agent, visitor = await talking(stage)
    await agent.get_by_label("Speak with them first").check()
    await transferred(agent, "Agent", "boss")
    await boss.get_by_role("button", name="Answer").click()
    await heard(agent, COLLEAGUE_HZ)
    await heard(boss, AGENT_HZ)
    await not_heard(visitor, AGENT_HZ)
    await not_heard(boss, VISITOR_HZ)
    await agent.get_by_role("button", name="Hang up").click()
    await heard(visitor, COLLEAGUE_HZ)
    await heard(boss, VISITOR_HZ)
    await agent.locator("[data-state=available]").wait_for()
    assert agent.faults == [] and boss.faults == [] and visitor.faults == []


async def test_the_keypad_sends_what_is_pressed(stage: TalkStage) -> None:
    agent, visitor = await talking(stage)
    keypad = agent.get_by_role("group", name="Keypad")
    for key in ("5", "*", "#"):
        await keypad.get_by_role("button", name=key, exact=True).click()
        await pressed(stage, key)
    await keypad.get_by_role("button", name="0", exact=True).press("Enter")
    await pressed(stage, "0")
    assert agent.faults == [] and visitor.faults == []
