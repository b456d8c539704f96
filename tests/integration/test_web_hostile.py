"""Script in every field that an agent's page shows: it is text, whoever has written it.

Needs chromium (Debian package) and playwright (`pip install 'ringback[browser]'`).
"""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from ringback_client import EngineError
from tests.support.browser import new_page, sign_in
from tests.support.web_stage import TOKEN, Stage, web_stage

HOSTILE = (
    "<img src=x onerror=run()>",
    "<script>run()</script>",
    '"><svg onload=run()></svg>',
    "</option></select></textarea><img src=x onerror=run()>",
    "javascript:run()",
)
RUN = "window.ran = 0; window.run = () => { window.ran += 1; };"
MADE = "img, svg, a, iframe, object, body script, [onerror], [onload], [style]"
FACTS = "() => [...document.querySelectorAll('#facts dd')].map((one) => one.textContent)"
CHOICES = "(id) => [...document.getElementById(id).options].map((one) => one.value)"


async def signed_in(stage: Stage, browser: Any, hostile: str) -> Any:
    """The page of an agent whose name and lists are hostile, too."""
    stage.engine.agent |= {"agent": hostile, "state": "available", "work": None, "reason": hostile}
    stage.engine.lists = {"pause_reasons": [hostile], "outcomes": [hostile]}
    page = await new_page(browser)
    await page.add_init_script(RUN)
    await page.goto(f"{stage.url}/phone")
    await sign_in(page, TOKEN)
    await page.get_by_text(f"available ({hostile})", exact=True).wait_for()
    return page


async def harmless(page: Any) -> None:
    """Nothing of what was written has become part of the page, or has run."""
    await page.evaluate("() => new Promise((done) => setTimeout(done, 50))")
    assert await page.locator(MADE).count() == 0
    assert await page.evaluate("ran") == 0
    assert page.faults == []


def offer(hostile: str, **more: Any) -> dict[str, Any]:
    """What is offered: everything in it was written by somebody else."""
    earlier = dict.fromkeys(("result", "state", "agent", "outcome", "note"), hostile)
    return {
        "type": "agent.offered", "agent": hostile, "job": hostile, "queue": hostile,
        "number": hostile, "script": hostile,
        "history": [earlier | {"ended_at": 1.0}, {"state": hostile, "note": hostile}],
        "context": {
            "name": hostile, "caller_name": hostile, hostile: {hostile: [hostile, {hostile: 1}]},
            "consent": {"text": hostile, "at": 1.0, "address": hostile},
            "constructor": hostile, "__proto__": hostile, "hasOwnProperty": hostile,
        },
    } | more  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_what_others_have_written_is_text(browser: Any, hostile: str) -> None:
    async with AsyncExitStack() as stack:
        stage = await web_stage(stack)
        engine = stage.engine
        page = await signed_in(stage, browser, hostile)
        assert await page.locator("#name").inner_text() == hostile
        assert await page.evaluate(CHOICES, "reason") == ["", hostile]
        assert (
            await page.evaluate("document.getElementById('outcomes').options[0].value") == hostile
        )
        await harmless(page)
        # An offer: who calls, what is to be said, and what was before.
        engine.agent |= {"state": "ringing", "work": hostile}
        await engine.events_of_agents.put(offer(hostile))
        await page.get_by_role("heading", name=hostile).wait_for()
        assert await page.locator("#script").inner_text() == hostile
        facts = await page.evaluate(FACTS)
        assert facts.count(hostile) == 5
        assert any(
            fact.startswith(f"{hostile}, ") and fact.endswith(f", {hostile}") for fact in facts
        )
        earlier = page.get_by_role("list", name="Earlier calls").get_by_role("listitem")
        assert await earlier.nth(1).inner_text() == f"{hostile}, {hostile}"
        assert (await earlier.nth(0).inner_text()).count(hostile) == 4
        await harmless(page)
        # Without a number the name of the caller is what it is called.
        for names in ({"name": hostile}, {"caller_name": hostile}):
            engine.agent |= {"work": str(names)}
            event = offer(hostile, number=None, job=str(names), context=names, history=None)
            await engine.events_of_agents.put(event)
            await page.wait_for_function(
                "() => document.querySelectorAll('#facts dd').length === 1"
            )
            assert await page.locator("#title").inner_text() == hostile
            await page.evaluate("document.getElementById('facts').replaceChildren()")
        await page.evaluate("phone.call = { invite: {} }, rings()")
        assert hostile in await page.locator("#rings").inner_text()
        assert hostile in await page.evaluate("document.title")
        await page.evaluate("phone.call = null, talking(false)")
        await harmless(page)
        # What the engine says of a fault, and of a transfer.
        engine.agent |= {"state": "available", "work": None}
        engine.refusal_of_agents = EngineError("refused", hostile, "to", {})  # told as it is
        await page.get_by_role("button", name="Ready").click()
        fault = page.get_by_role("alert")
        await fault.get_by_text(hostile).wait_for()
        await harmless(page)
        event = {"type": "transfer.failed", "cause": hostile}
        await engine.events_of_agents.put(event)
        await fault.get_by_text("The transfer has failed").wait_for()
        assert hostile in await fault.inner_text()
        await harmless(page)


@pytest.mark.parametrize(
    "parts",
    [
        {"context": None, "history": None, "number": None, "script": None},
        {"context": [], "history": [], "number": 17, "script": 1.5},
        {"context": {"name": None, "pages": [None, {"a": None}]}, "history": [{}]},
        {"context": {"consent": {"text": "x", "at": 1e300}}, "history": [{"ended_at": -1e300}]},
    ],
)
async def test_an_offer_in_another_shape_breaks_nothing(
    browser: Any, parts: dict[str, Any]
) -> None:
    async with AsyncExitStack() as stack:
        stage = await web_stage(stack)
        page = await signed_in(stage, browser, "anna")
        stage.engine.agent |= {"state": "ringing", "work": "anna"}
        await stage.engine.events_of_agents.put(offer("anna", **parts))
        await page.locator("#work").wait_for()
        await harmless(page)
