"""What an agent's page looks like as they work: pictures, and axe-core over each, as of all pages.

See test_web_states.py.
"""

from contextlib import AsyncExitStack
from typing import Any

from tests.integration.test_web_states import States
from tests.support.browser import new_page, sign_in
from tests.support.web_stage import TOKEN, Stage, web_stage

NUMBER = "+442079460123"
OFFER = {
    "type": "agent.offered", "agent": "anna", "job": "j1", "queue": "sales", "number": NUMBER,
    "script": "Offer them the autumn hat.",
    "context": {"name": "Ann", "page": "https://shop.example/hats", "basket": 17.5},
    "history": [
        {
            "ended_at": 1790000000.0, "result": "completed", "agent": "boss", "outcome": "sold",
            "note": "A green hat",
        },
        {"ended_at": 1780000000.0, "result": "abandoned", "agent": None},
    ],
}  # fmt: skip
RINGS = """phone.call = { invite: {} };
document.getElementById("answer").hidden = document.getElementById("hang-up").hidden = false;
rings();"""
REFUSED = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('Not allowed'))"


async def comes(stage: Stage, page: Any, state: str, **more: Any) -> None:
    """The agent is in this state now."""
    stage.engine.agent |= {"state": state} | more
    await stage.engine.events_of_agents.put({"type": f"agent.{state}", "agent": "anna"})
    await page.locator(f"[data-state={state}]").wait_for()


async def test_each_state_of_an_agent_at_work(browser: Any) -> None:
    async with AsyncExitStack() as stack:
        stage = await web_stage(stack)
        stage.engine.lists = {"pause_reasons": ["lunch", "training"], "outcomes": ["sold"]}
        page = await new_page(browser, viewport={"width": 500, "height": 760})
        states = States(page, "phone")
        await page.goto(f"{stage.url}/phone")
        await sign_in(page, TOKEN)
        await page.get_by_text("available").wait_for()
        await comes(stage, page, "paused", reason="lunch")
        await states.look("paused")
        stage.engine.agent |= {"state": "ringing", "reason": None, "work": "j1"}
        await stage.engine.events_of_agents.put(OFFER)
        await page.get_by_role("heading", name=NUMBER).wait_for()
        await page.evaluate(RINGS)
        await page.get_by_text(f"Incoming call: {NUMBER}").wait_for()
        await states.look("history")
        await comes(stage, page, "talking")
        await page.evaluate("phone.call = null, talking(true)")
        await page.get_by_role("button", name="Mute").click()
        await page.locator("#mute[aria-pressed=true]").wait_for()
        await states.look("muted")
        await page.get_by_role("button", name="Mute").click()
        await page.evaluate("toldByPhone.held(true)")
        await states.look("held")
        await page.evaluate("toldByPhone.held(false)")
        await page.get_by_label("Whom").select_option("Agent")
        await page.get_by_label("Transfer to").fill("boss")
        await page.get_by_label("Speak with them first").check()
        await page.get_by_role("button", name="Transfer").scroll_into_view_if_needed()
        await states.look("attended")
        await page.get_by_label("Note").fill("Wants a hat")
        await page.evaluate("talking(false)")
        await comes(stage, page, "available", work=None)
        await page.locator("#work").wait_for(state="hidden")
        await page.locator("#whose").get_by_text(NUMBER).wait_for()
        await states.look("half-written")
        await page.evaluate(f"() => {{ {REFUSED} }}")
        await page.get_by_role("button", name="Test microphone").click()
        await page.get_by_role("alert").get_by_text("The microphone cannot be used").wait_for()
        await page.evaluate("scrollTo(0, 0)")
        await states.look("no-microphone")
