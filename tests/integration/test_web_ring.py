"""How an agent learns that their phone rings, who looks at something else or types.

Needs chromium (Debian package) and playwright (`pip install 'ringback[browser]'`).
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines.process import StartEngine
from tests.support.talk_stage import AGENT_HZ, TalkStage, both_heard, heard, talk_stage

# Until the ring tone is heard, where it is played.
RINGS = """async () => {
  const context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(document.getElementById("ring-tone").captureStream()).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  for (let level = -Infinity; !(level > -60);) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    analyser.getFloatFrequencyData(bins);
    level = bins[Math.round(440 * analyser.fftSize / context.sampleRate)];
  }
  await context.close();
}"""
STATE = """() => {
  const tone = document.getElementById("ring-tone");
  return [!tone.paused, document.title, document.getElementById("rings").textContent];
}"""
SILENT = [False, "Ringback: Phone", ""]
# The answer is pressed; the rest is what is so at that moment.
ANSWERED = f"() => {{ document.getElementById('answer').click(); return ({STATE})(); }}"
# Notifications, as a browser has them whose user looks at another page.
NOTIFICATIONS = """window.shown = [];
window.askedFor = 0;
window.Notification = class {
  static permission = "default";
  static async requestPermission() { askedFor += 1; return this.permission = "granted"; }
  constructor(text) { Object.assign(this, { text, isOpen: true }); shown.push(this); }
  close() { this.isOpen = false; }
};
document.hasFocus = () => false;"""
SHOWN = "() => shown.filter(({ isOpen }) => isOpen).map(({ text }) => text)"


@pytest.fixture
async def stage(own_engine: StartEngine, tmp_path: Path) -> AsyncIterator[TalkStage]:
    async with AsyncExitStack() as stack:
        yield await talk_stage(stack, own_engine, tmp_path)


async def given_up(visitor: Any, agent: Any) -> None:
    await visitor.get_by_role("button", name="Hang up").click()
    await agent.get_by_role("button", name="Answer").wait_for(state="hidden")
    await agent.locator("[data-state=available]").wait_for()


async def test_it_rings_aloud_where_it_is_told_to_until_it_is_answered(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    await agent.get_by_label("Volume of the ring tone").fill("30")
    await agent.get_by_role("button", name="Test microphone").click()
    where = agent.get_by_label("Loudspeaker that rings")
    other = where.locator("option").nth(1)  # it has a name once the microphone is allowed
    await other.wait_for(state="attached")
    chosen = await other.get_attribute("value")
    await where.select_option(chosen)
    await agent.get_by_role("button", name="Test ring tone").click()
    await agent.evaluate(RINGS)
    await agent.wait_for_function("() => document.getElementById('ring-tone').paused")
    visitor = await stage.visitor()
    await agent.get_by_text("Incoming call: Ann").wait_for()
    await agent.evaluate(RINGS)
    for title in ("\N{BLACK TELEPHONE} Incoming call: Ann", "Ringback: Phone") * 2:
        await agent.wait_for_function("(title) => document.title === title", arg=title)
    played = "() => [ring.tone.sinkId, ring.tone.volume]"
    assert await agent.evaluate(played) == [chosen, 0.3]
    await given_up(visitor, agent)
    assert await agent.evaluate(STATE) == SILENT
    await agent.reload()
    await agent.get_by_text("phone connected").wait_for()
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").wait_for()
    await agent.evaluate(RINGS)
    assert await agent.evaluate(played) == [chosen, 0.3]
    assert await agent.evaluate(ANSWERED) == SILENT
    await both_heard(visitor, agent)
    assert agent.faults == [] and visitor.faults == []


async def test_a_notification_is_shown_once_that_was_asked_for(stage: TalkStage) -> None:
    agent = await stage.agent("anna", NOTIFICATIONS)
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").wait_for()
    assert await agent.evaluate("[askedFor, shown.length]") == [0, 0]
    await given_up(visitor, agent)
    allow = agent.get_by_role("button", name="Show calls as notifications")
    await allow.click()
    await allow.wait_for(state="hidden")
    assert await agent.evaluate("askedFor") == 1
    visitor = await stage.visitor()
    await agent.get_by_text("Incoming call: Ann").wait_for()
    assert "Incoming call: Ann" in await agent.evaluate(SHOWN)
    await given_up(visitor, agent)
    assert await agent.evaluate(SHOWN) == []
    assert agent.faults == [] and visitor.faults == []


async def test_who_writes_a_note_goes_on_writing_and_answers_by_keys(stage: TalkStage) -> None:
    agent = await stage.agent("anna")
    keys = agent.keyboard
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").wait_for()
    await keys.press("Space")  # nobody typed: the button has the focus
    await heard(visitor, AGENT_HZ)
    await agent.get_by_label("Note").focus()
    await keys.type("Wants a")
    await visitor.get_by_role("button", name="Hang up").click()
    await agent.locator("[data-state=available]").wait_for()  # the wrap-up is over
    visitor = await stage.visitor()
    await agent.get_by_role("button", name="Answer").wait_for()
    await keys.type(" hat")
    await keys.press("Enter")
    await keys.type("and a scarf")
    assert await agent.get_by_label("Note").input_value() == "Wants a hat\nand a scarf"
    told = agent.locator("[aria-live=assertive]")
    await told.get_by_text("Incoming call: Ann").wait_for()
    await agent.locator("[data-state=ringing]").wait_for()
    for name in ("Outcome", "Hang up", "Answer"):
        await keys.press("Shift+Tab")
        focused = "document.activeElement.name || document.activeElement.textContent"
        assert (await agent.evaluate(focused)).lower() == name.lower()
    await keys.press("Enter")
    await both_heard(visitor, agent)
    assert agent.faults == [] and visitor.faults == []
