"""The form on pages of others, in chromium: how it opens, which keys use it, what it survives.

The engine behind the gateway says what a test wants (tests/support/web_stage.py).
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from config.sites import Triggers
from ringback_client import EngineError
from tests.support.browser import AXE, inaccessible, new_page
from tests.support.web_stage import KEY, LINE, SHOP, STRICT, Stage, web_stage
from web.texts import texts

CONSENT = "I agree to be called."
# A page that opens the form by itself as soon as it can, and has a button that does.
ASKS = """<!doctype html><script>
window.ringback = function () { (ringback.q = ringback.q || []).push(arguments); };
// What drives the browser counts as a press too: here the button alone does.
const pressed = { isActive: false };
Object.defineProperty(navigator, "userActivation", { value: pressed });
ringback("open");
</script><button onclick='pressed.isActive = true; ringback("open")'>Ring us</button>"""
LONG = SHOP.replace("</main>", '<p style="height: 4000px">From 5.</p></main>')
# A page whose style sheet and markup know nothing of ours, with fields of its own.
OWN = """<!doctype html><html lang="{language}" dir="{direction}"><title>A bank</title><main>
<h1>A bank</h1><div id="late"></div>
<form><label>First <input class="number"></label><button class="call">Call first</button></form>
<form><label>Second <input class="number"></label><button class="call">Call second</button></form>
</main><script async src="{{url}}/ringback.js" data-site="{{key}}" data-field=".number"
 data-button=".call"></script>"""
THIRD = """document.getElementById("late").innerHTML =
  '<label>Third <input class="number"></label><button class="call">Call third</button>'"""
IN_FORM = "document.querySelector('[data-ringback]').shadowRoot.activeElement"


async def shown(stack: AsyncExitStack, browser: Any, html: str = SHOP, **site: Any) -> Any:
    """A page with this markup; its `stage` is the gateway."""
    stage = await web_stage(stack, **site)
    stage.html = html
    page = await new_page(browser)
    page.stage = stage
    await page.goto(stage.shop)
    return page


async def opens(page: Any) -> Any:
    """The form, once it has been opened by its button."""
    await page.get_by_role("button", name="Call me now").click()
    return page.get_by_role("dialog")


def asked_for(stage: Stage) -> str:
    """The number of the last callback that was asked for."""
    return str(stage.engine.job["to"])


async def test_a_wrong_number_is_told_beside_its_field(stack: AsyncExitStack, browser: Any) -> None:
    page = await shown(stack, browser, consent=CONSENT)
    page.stage.engine.refusal = EngineError("refused", "no", "to", {})
    await opens(page)
    field = page.get_by_label("Telephone number")
    await page.get_by_label(CONSENT).check()
    for typed in ("020-79460123", "+442079460123"):  # grouped, and the same digits
        await field.fill(typed)
        await field.press("Tab")
        grouped = await field.input_value()
        assert " " in grouped and grouped.replace(" ", "") == typed.replace("-", "")
    # An extension is no digit, and who knows the groups of their country keeps them.
    for typed in ("tel:+442079460123", "020 7946 0123 ext 4", "020 7946 0123", ""):
        await field.fill(typed)
        await field.press("Tab")
        assert await field.input_value() == typed
    send = page.get_by_role("button", name="Call me", exact=True)
    await send.click()  # with no number at all
    await page.get_by_role("alert").get_by_text("complete telephone number").wait_for()
    assert page.stage.engine.job == {}
    await field.fill("7946")
    await send.click()
    await page.get_by_role("alert").get_by_text("complete telephone number").wait_for()
    assert await field.get_attribute("aria-invalid") == "true"
    assert page.faults == []


async def test_a_long_consent_stands_beside_its_box(stack: AsyncExitStack, browser: Any) -> None:
    stage = await web_stage(stack, consent="I agree to be called back at this number. " * 4)
    for language in ("en", "ar"):
        stage.html = SHOP.replace(" data-site", f' data-language="{language}" data-site')
        page = await new_page(browser, viewport={"width": 320, "height": 640})
        await page.goto(stage.shop)
        await page.locator("[data-ringback] button").first.click()
        box, label = [
            await page.locator(f"[data-ringback] {part}").bounding_box()
            for part in ("#a", "label[for=a]")
        ]
        assert abs(box["y"] - label["y"]) < 8, language
        is_after = box["x"] + box["width"] <= label["x"]
        assert is_after if language == "en" else label["x"] + label["width"] <= box["x"]


async def test_the_form_by_keyboard_alone(stack: AsyncExitStack, browser: Any) -> None:
    page = await shown(stack, browser, consent=CONSENT)
    await page.get_by_role("button", name="Call me now").wait_for()
    keys = page.keyboard

    async def focus(part: str) -> None:
        """The part that Tab comes to, which shows that it has the focus."""
        words = f"({IN_FORM}.querySelector('span') || {IN_FORM}).textContent"
        assert await page.evaluate(f"{IN_FORM}.id || {words}") == part
        assert await page.evaluate(f"getComputedStyle({IN_FORM}).outlineStyle") == "solid"

    await keys.press("Tab")
    await focus("Call me now")
    await keys.press("Enter")
    await page.get_by_role("dialog").wait_for()
    await keys.press("Escape")
    await page.get_by_role("dialog").wait_for(state="hidden")
    await focus("Call me now")
    await keys.press("Space")
    await focus("n")
    await keys.type("020 7946 0123")
    await keys.press("Tab")
    await focus("m")
    await keys.type("Ann")
    await keys.press("Tab")
    await focus("w")
    await keys.press("Tab")
    await focus("a")
    await keys.press("Space")
    await keys.press("Tab")
    await focus("Call me")
    await keys.press("Enter")
    cancel = page.get_by_role("button", name="Cancel")
    await cancel.wait_for()
    assert page.stage.engine.job["context"]["name"] == "Ann"
    await keys.press("Tab")
    await focus("Cancel")
    await keys.press("Enter")
    await page.get_by_role("status").get_by_text("The call was cancelled.").wait_for()
    assert page.faults == []


async def test_the_consent_is_in_the_language_of_the_visitor_and_so_it_is_kept(
    stack: AsyncExitStack, browser: Any
) -> None:
    consent = {"en": CONSENT, "de": "Ich stimme dem Rückruf zu."}
    stage = await web_stage(
        stack, consent=consent, texts={"title": "Talk to us", "de": {"title": "Reden wir"}}
    )
    stage.html = SHOP
    for locale, title, agreed in (
        ("de-AT", "Reden wir", consent["de"]),
        ("fr-FR", "Talk to us", consent["en"]),  # the site has no words for them
    ):
        page = await new_page(browser, locale=locale)
        await page.goto(stage.shop)
        await page.locator("[data-ringback] button.go").first.click()
        await page.get_by_role("heading", name=title).wait_for()
        await page.locator("[data-ringback] #n").fill("020 7946 0123")
        await page.get_by_label(agreed).check()
        async with page.expect_response("**/callbacks") as reply:
            await page.locator("[data-ringback] button[type=submit]").click()
        assert (await reply.value).status == 202
        assert stage.engine.job["context"]["consent"]["text"] == agreed
        assert page.faults == []


async def test_the_form_from_right_to_left(stack: AsyncExitStack, browser: Any) -> None:
    html = SHOP.replace('lang="en"', 'lang="ar" dir="rtl"')
    page = await shown(stack, browser, html.replace(" data-site", ' data-language="ar" data-site'))
    root = page.locator("[data-ringback] .root")
    await root.wait_for()
    assert await root.get_attribute("dir") == "rtl"
    await root.get_by_role("button").first.click()
    assert await page.locator("[data-ringback] #n").get_attribute("dir") == "ltr"
    if AXE.exists():
        assert await inaccessible(page) == []
    assert page.faults == []


async def test_who_does_not_want_to_be_asked_is_not_asked_again(
    stack: AsyncExitStack, browser: Any
) -> None:
    page = await shown(stack, browser, ASKS + SHOP)
    await page.get_by_role("dialog").wait_for()  # what the page said before the script was there
    assert await page.evaluate("Object.keys(localStorage).length") == 0
    assert await page.evaluate("document.cookie") == ""
    await page.get_by_role("button", name="Do not show this again").click()
    await page.reload()
    await page.get_by_role("button", name="Call me now").wait_for()
    assert await page.get_by_role("dialog").is_hidden()
    await page.get_by_role("button", name="Ring us").click()  # who asks for it gets it
    await page.get_by_role("dialog").wait_for()


async def test_the_form_opens_when_so_much_is_scrolled(stack: AsyncExitStack, browser: Any) -> None:
    page = await shown(stack, browser, LONG, triggers={"scrolled_percent": 60})
    await page.get_by_role("button", name="Call me now").wait_for()
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight * 0.3)")
    await page.evaluate("new Promise((next) => requestAnimationFrame(() => setTimeout(next, 50)))")
    assert await page.get_by_role("dialog").is_hidden()
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await page.get_by_role("dialog").wait_for()
    assert page.faults == []


async def test_the_form_opens_when_the_pointer_leaves_and_leaves_who_types_alone(
    stack: AsyncExitStack, browser: Any
) -> None:
    html = SHOP.replace("</main>", '<label>Search <input id="own"></label></main>')
    page = await shown(stack, browser, html, triggers={"on_leaving": True})
    await page.get_by_role("button", name="Call me now").wait_for()
    await page.mouse.move(200, 200)
    await page.get_by_label("Search").focus()
    leave = "document.dispatchEvent(new MouseEvent('mouseout', { clientY: %d }))"
    await page.evaluate(leave % 300)
    assert await page.get_by_role("dialog").is_hidden()
    await page.evaluate(leave % -1)
    await page.get_by_role("dialog").wait_for()
    await page.keyboard.type("shoes")
    assert await page.get_by_label("Search").input_value() == "shoes"
    await page.get_by_role("button", name="Close").click()
    await page.evaluate(leave % -1)
    assert await page.get_by_role("dialog").is_hidden()


async def test_a_trigger_opens_the_form_once_a_visit_or_once_a_page(
    stack: AsyncExitStack, browser: Any
) -> None:
    page = await shown(stack, browser, triggers={"scrolled_percent": 50})
    stage, dialog = page.stage, page.get_by_role("dialog")
    stage.html = LONG
    button = page.get_by_role("button", name="Call me now")
    stored = "[...Object.keys(localStorage), ...Object.keys(sessionStorage)]"

    async def scroll() -> None:
        await page.goto(stage.shop)
        await button.wait_for()
        assert await page.evaluate("document.cookie") == ""
        await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        await page.evaluate(
            "new Promise((next) => requestAnimationFrame(() => setTimeout(next, 50)))"
        )

    stage.change(triggers=Triggers(scrolled_percent=50, once="page"))
    for _ in range(2):
        await scroll()
        await dialog.wait_for()
        assert await page.evaluate(stored) == []
    stage.change(triggers=Triggers(scrolled_percent=50))
    await scroll()
    await dialog.wait_for()
    assert await page.evaluate(stored) == [f"ringback:{KEY}:open"]
    await scroll()  # the visitor has gone on without using it, or closing it
    assert await dialog.is_hidden()
    await button.click()
    await dialog.wait_for()
    await page.evaluate("sessionStorage.clear()")  # another visit
    stage.change(triggers=Triggers(scrolled_percent=50, once="page"))
    await page.goto(stage.shop)
    await button.click()  # who has used it is not asked, however often it may be
    await scroll()
    assert await dialog.is_hidden()
    assert page.faults == []


@pytest.mark.parametrize("unreachable", ["tell", "hide"])
async def test_who_cannot_be_reached_is_shown_so_and_looked_for_again(
    stack: AsyncExitStack, browser: Any, unreachable: str
) -> None:
    stage = await web_stage(
        stack, look={"unreachable": unreachable}, triggers={"scrolled_percent": 50}
    )
    stage.html, stage.engine.is_away = LONG, True
    page = await new_page(browser)
    await page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    await page.goto(stage.shop)
    away = page.get_by_role("button", name="Not available right now")
    if unreachable == "tell":
        await away.wait_for()
        assert await away.get_attribute("aria-disabled") == "true"
        async with page.expect_request("**/availability"):
            await away.press("Enter")  # who presses it has it looked for now
    else:
        await page.locator("[data-ringback] button.later").wait_for(state="hidden")
    assert await page.get_by_role("button").count() == (1 if unreachable == "tell" else 0)
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert await page.get_by_role("dialog").is_hidden()
    asks = "availability"

    async def until_asked() -> None:
        before = asked.count(asks)
        while asked.count(asks) == before:
            await page.clock.fast_forward(400_000)

    for _ in range(6):  # after 5 s, 10 s, 20 s …
        await until_asked()
    before = asked.count(asks)
    await page.clock.fast_forward(100_000)
    assert asked.count(asks) == before  # by now it is minutes until the next time
    stage.engine.is_away = False
    await until_asked()
    await page.get_by_role("button", name="Call me now").wait_for()
    await page.evaluate("scrollTo(0, 0)")
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await page.get_by_role("dialog").wait_for()  # what could not open it may do so now
    assert page.faults == []


async def test_a_gateway_that_is_not_there_at_first_is_asked_again(
    stack: AsyncExitStack, browser: Any
) -> None:
    stage = await web_stage(stack)
    stage.html = SHOP
    page = await new_page(browser)
    await page.clock.install()
    refused = asyncio.Event()

    async def refuse(route: Any) -> None:
        refused.set()
        await route.fulfill(status=502, body="<h1>Bad Gateway</h1>")

    await page.route("**/texts", refuse, times=1)
    await page.goto(stage.shop)
    await refused.wait()
    assert await page.locator("[data-ringback]").count() == 0
    await page.clock.fast_forward(60_000)
    button = page.get_by_role("button", name="Call me now")
    await button.click()
    await page.get_by_label("Telephone number").fill("020 7946 0123")
    await page.get_by_role("button", name="Call me", exact=True).click()
    await page.get_by_role("button", name="Cancel").wait_for()
    # On the next page nobody can be reached at first: the callback is not forgotten.
    stage.engine.is_away = True
    await page.reload()
    away = page.get_by_role("button", name="Not available right now")
    await away.wait_for()
    stage.engine.is_away = False
    await page.clock.fast_forward(60_000)
    await page.get_by_role("button", name="We are looking for somebody").click()
    await page.get_by_role("button", name="Cancel").wait_for()
    assert page.faults == []


async def test_the_form_serves_once_more_after_a_call(stack: AsyncExitStack, browser: Any) -> None:
    page = await shown(stack, browser, consent=CONSENT)
    engine, status = page.stage.engine, page.get_by_role("status")
    await opens(page)
    await page.get_by_label(CONSENT).check()
    ids = []
    for number in ("020 7946 0001", "020 7946 0002"):
        await page.get_by_label("Telephone number").fill(number)
        await page.get_by_role("button", name="Call me", exact=True).click()
        await page.get_by_role("button", name="Cancel").wait_for()
        assert asked_for(page.stage).replace(" ", "") == number.replace(" ", "")
        page.stage.reach("bridged")
        await status.get_by_text("You are talking.").wait_for()
        page.stage.reach("completed")
        await page.get_by_role("button", name="5 / 5").click()
        await status.get_by_text("Thank you!", exact=True).wait_for()
        ids.append(engine.job["id"])
        await page.get_by_role("button", name="Ask for another call").click()
        assert await page.evaluate(f"{IN_FORM}.id") == "n"
        assert await page.get_by_role("button", name="5 / 5").is_hidden()
    assert ids[0] != ids[1]
    assert page.faults == []


async def test_what_is_changed_after_a_lost_connection_or_by_the_site_is_not_sent_as_it_was(
    stack: AsyncExitStack, browser: Any
) -> None:
    stage = await web_stage(stack, consent=CONSENT)
    stage.html, engine = SHOP, stage.engine
    engine.availability |= {"open": False, "opens_at": engine.availability["slots"][0]["start"]}
    page = await new_page(browser)
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me later").click()
    await page.get_by_text("We are closed. We open ").wait_for()
    await page.evaluate('ringback("context", {basket: "x".repeat(30000), order: 1n})')  # no JSON
    await page.evaluate('ringback("context", {pages: "x".repeat(30000), basket: 17.5})')
    field, alert = page.get_by_label("Telephone number"), page.get_by_role("alert")
    send = page.get_by_role("button", name="Call me", exact=True)

    async def lose(route: Any) -> None:  # the request arrives, and the reply does not
        await route.fetch()
        await route.abort()

    await page.route("**/callbacks", lose, times=1)
    await page.get_by_label(CONSENT).check()
    await field.fill("020 7946 0001")
    await send.click()
    await alert.get_by_text("We cannot be reached").wait_for()
    stage.change(consent="I agree, and to be called twice.")
    await field.fill("020 7946 0002")
    await send.click()
    await alert.get_by_text("Please agree first.").wait_for()
    agreed = page.get_by_label("called twice")
    assert not await agreed.is_checked()
    await agreed.check()
    await send.click()
    await page.get_by_role("button", name="Cancel").wait_for()
    asked = [number.replace(" ", "") for number in engine.requested]
    assert asked == ["02079460001", "02079460002"]
    context = engine.job["context"]
    assert context["consent"]["text"] == "I agree, and to be called twice."
    assert context["basket"] == 17.5 and "pages" not in context
    assert page.faults == []


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
async def test_several_fields_and_buttons_of_the_page_itself(
    stack: AsyncExitStack, browser: Any, language: str, direction: str
) -> None:
    stage = await web_stage(stack, language=language)
    stage.html = OWN.format(language=language, direction=direction)
    stage.headers = {"Content-Security-Policy": STRICT.format(url=stage.url)}
    page = await new_page(browser, locale=language)
    await page.goto(stage.shop)
    await page.locator("span[role=status]").nth(1).wait_for(state="attached")
    await page.evaluate(THIRD)
    await page.locator("span[role=status]").nth(2).wait_for(state="attached")
    assert await page.locator("[data-ringback]").count() == 0
    for number, name in enumerate(("first", "second", "third")):
        await page.get_by_label(name.capitalize()).fill(f"020 7946 000{number}")
        button = page.get_by_role("button", name=f"Call {name}")
        await button.dblclick()
        told = button.locator("+ span")
        await page.wait_for_function(
            "(told) => told.textContent && !told.previousSibling.disabled",
            arg=await told.element_handle(),
        )
        assert asked_for(stage) == f"020 7946 000{number}"
        assert "/?" not in page.url  # the form of the page was not sent
    # The page draws the field anew, the call is over, and the same number asks once more.
    first, again = stage.engine.job["id"], page.get_by_role("button", name="Call third")
    stage.reach("completed")
    await again.locator("+ span").get_by_text(texts(language)["stage"]["completed"]).wait_for()
    await page.evaluate(
        "for (const old of document.querySelectorAll('.number'))"
        " old.replaceWith(Object.assign(old.cloneNode(), { value: '' }))"
    )
    await again.click()  # with nothing in the field
    wanted = texts(language)["refusal"]["invalid_number"]
    await again.locator("+ span").get_by_text(wanted).wait_for()
    await page.get_by_label("Third").fill("020 7946 0002")
    async with page.expect_response("**/callbacks"):
        await again.click()
    assert stage.engine.job["id"] != first and asked_for(stage) == "020 7946 0002"
    assert page.faults == []


async def test_a_body_that_is_replaced_keeps_the_button(
    stack: AsyncExitStack, browser: Any
) -> None:
    page = await shown(stack, browser, SHOP + LINE)  # the line is there twice
    button = page.get_by_role("button", name="Call me now")
    await button.wait_for()
    await page.evaluate("document.body = document.createElement('body')")
    await button.wait_for()
    assert await button.count() == 1
    await page.evaluate("document.body.innerHTML = '<style>div { display: none }</style>'")
    await button.click()
    await page.get_by_role("dialog").wait_for()
    assert page.faults == []


async def test_events_that_were_refused_are_asked_for_again(
    stack: AsyncExitStack, browser: Any
) -> None:
    page = await shown(stack, browser)
    refused = asyncio.Event()

    async def refuse(route: Any) -> None:
        refused.set()
        await route.fulfill(status=503)

    await page.route("**/events", refuse, times=1)
    await opens(page)
    await page.get_by_label("Telephone number").fill("020 7946 0123")
    await page.get_by_role("button", name="Call me", exact=True).dblclick()
    await refused.wait()
    page.stage.engine.job["state"] = "bridged"
    await page.get_by_role("status").get_by_text("You are talking.").wait_for()
