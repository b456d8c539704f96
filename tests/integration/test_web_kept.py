"""What an agent's page keeps when it is loaded again, or when another tab goes on with its call.

Needs chromium (Debian package) and playwright (`pip install 'ringback[browser]'`).
"""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import copy_of
from tests.support.engines.process import StartEngine
from tests.support.talk_stage import (
    EARS,
    MICROPHONE,
    VISITOR_HZ,
    WAY,
    TalkStage,
    heard,
    not_heard,
    not_heard_since,
    talk_stage,
)

HOLDS_BACK = """() => {
  const send = line.send.bind(line), held = [];
  line.send = (text) => JSON.parse(text).method === "agent.get" ? held.push(text) : send(text);
  window.goesOn = () => { line.send = send; held.forEach(send); };
}"""
"""What the page is does not come to it."""
VOICE_HZ = 2600
"""A tone that music on hold has not."""
MUTED, HELD = "#mute[aria-pressed=true]", "#hold[aria-pressed=true]"


@pytest.fixture
async def stage(stack: AsyncExitStack, own_engine: StartEngine, tmp_path: Path) -> TalkStage:
    return await talk_stage(stack, own_engine, tmp_path)


async def idle_copy_of(page: Any) -> Any:
    """A copy of a tab, which says that the phone is in the first."""
    for script in (EARS, MICROPHONE % VOICE_HZ):
        await page.context.add_init_script(script)
    copy = await copy_of(page)
    await copy.get_by_text("This phone is open in another tab.").wait_for()
    return copy


async def test_who_is_muted_or_holds_the_call_is_not_heard_after_a_reload(
    stage: TalkStage,
) -> None:
    agent = await stage.agent("anna", MICROPHONE % VOICE_HZ)
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").click()
    await heard(visitor, VOICE_HZ)
    copy = await idle_copy_of(agent)

    async def loaded_again() -> None:
        await agent.reload()
        await agent.evaluate(WAY, [1, ""])
        await heard(agent, VISITOR_HZ)
        await agent.locator(MUTED).wait_for()

    async def used_in_the_copy() -> None:
        await copy.get_by_role("button", name="Use it here").click()
        await copy.evaluate(WAY, [1, ""])
        await heard(copy, VISITOR_HZ)
        await copy.locator(MUTED).wait_for()

    async def held_and_loaded_again() -> None:
        await copy.reload()
        await copy.locator(HELD).wait_for()
        await copy.get_by_role("button", name="Mute").click()
        await copy.get_by_role("button", name="Mute").click()

    await agent.get_by_role("button", name="Mute").click()
    await not_heard(visitor, VOICE_HZ)
    await not_heard_since(visitor, VOICE_HZ, loaded_again)
    await not_heard_since(visitor, VOICE_HZ, used_in_the_copy)
    await copy.get_by_role("button", name="Mute").click()
    await heard(visitor, VOICE_HZ)
    await copy.get_by_role("button", name="Hold").click()
    await copy.locator(HELD).wait_for()
    await not_heard(visitor, VOICE_HZ)
    await not_heard_since(visitor, VOICE_HZ, held_and_loaded_again)
    await copy.get_by_role("button", name="Hold").click()
    await heard(visitor, VOICE_HZ)
    await heard(copy, VISITOR_HZ)
    assert agent.faults == [] and visitor.faults == []


async def test_a_note_that_is_half_written_stays_with_its_call(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").click()
    await agent.get_by_label("Outcome").fill("sold")
    await agent.get_by_label("Note").fill("A green h")
    await agent.reload()
    note = agent.get_by_label("Note")
    await note.wait_for()
    assert await note.input_value() == "A green h"
    assert await agent.get_by_label("Outcome").input_value() == "sold"
    await note.press("End")
    await note.press("a")
    copy = await idle_copy_of(agent)
    await note.press("t")
    await copy.get_by_role("button", name="Use it here").click()
    await copy.get_by_label("Note").wait_for()
    assert await copy.get_by_label("Note").input_value() == "A green hat"
    await copy.get_by_role("button", name="Save").click()
    await copy.wait_for_function("() => document.forms.outcome.elements.note.value === ''")
    (call,) = (await stage.engine.line.call("call.list"))["calls"]
    (anna,) = (await stage.engine.line.call("agent.list"))["agents"]
    assert (anna["state"], anna["work"]) == ("talking", call["call"])
    await copy.reload()
    await copy.get_by_label("Note").wait_for()
    assert await copy.get_by_label("Note").input_value() == ""  # it is written
    await copy.get_by_label("Note").fill("They ask for")
    await copy.get_by_role("button", name="Hang up").click()
    await stage.engine.line.events.wait_for(
        lambda event: event["type"] == "call.ended" and event["call"] == call["call"],
        timeout_s=60.0,
    )
    # It stays while the next call comes, and is written of the one that it is of.
    await copy.locator("[data-state=available]").wait_for()
    assert await copy.get_by_label("Note").input_value() == "They ask for"
    await visitor.get_by_role("button", name="Ask for another call").click()
    await visitor.get_by_role("button", name="Speak now").click()
    await copy.get_by_role("button", name="Answer").click()
    await copy.locator("#whose").get_by_text("Ann").wait_for()
    assert await copy.get_by_label("Note").input_value() == "They ask for"
    await copy.get_by_role("button", name="Save").click()
    written = await stage.engine.line.events.wait_for(
        lambda event: event["type"] == "callback.annotated" and "They ask for" in str(event),
        timeout_s=60.0,
    )
    assert call["call"] in written.values()
    await copy.wait_for_function("() => document.forms.outcome.elements.note.value === ''")
    await copy.locator("#whose:empty").wait_for(state="attached")
    assert await copy.get_by_label("Note").is_visible()  # that of the call that is up
    assert agent.faults == [] and visitor.faults == []


async def test_what_is_typed_at_once_after_a_save_is_of_the_same_call(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    await stage.visitor()
    await agent.get_by_role("button", name="Answer").click()
    note, save = agent.get_by_label("Note"), agent.get_by_role("button", name="Save")
    await note.fill("A green hat")
    await agent.evaluate(HOLDS_BACK)
    await save.click()
    await agent.wait_for_function("() => document.forms.outcome.elements.note.value === ''")
    await note.fill("A red hat")
    await agent.evaluate("() => goesOn()")
    await save.click()
    written = await stage.engine.line.events.wait_for(
        lambda event: event["type"] == "callback.annotated" and "A red hat" in str(event),
        timeout_s=60.0,
    )
    (call,) = (await stage.engine.line.call("call.list"))["calls"]
    assert call["call"] in written.values()
    assert agent.faults == []


async def test_a_note_that_another_tab_has_saved_does_not_come_back(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    await stage.visitor()
    await agent.get_by_role("button", name="Answer").click()
    await agent.get_by_label("Note").fill("A green hat")
    copy = await idle_copy_of(agent)
    await copy.get_by_role("button", name="Use it here").click()
    await copy.wait_for_function("() => document.forms.outcome.elements.note.value !== ''")
    await copy.get_by_role("button", name="Save").click()
    await copy.wait_for_function("() => document.forms.outcome.elements.note.value === ''")
    await copy.close()
    note = agent.get_by_label("Note")
    await note.wait_for()
    assert await note.input_value() == ""
    await note.fill("A red hat")
    await agent.get_by_role("button", name="Save").click()
    await stage.engine.line.events.wait_for(
        lambda event: event["type"] == "callback.annotated" and "A red hat" in str(event),
        timeout_s=60.0,
    )
    assert agent.faults == []
