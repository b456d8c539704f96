"""Every state of the web pages in chromium: accessible, whole at 200 %, and without a shift.

The engine behind the gateway says what each state needs. RINGBACK_PICTURES=docs/pictures (`make
pictures`) keeps a picture of each. Without axe-core (`make test-browser` installs it) no rule of
accessibility is checked, and the first test says so.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from ringback_client import EngineError
from scripts.site import PAGE
from tests.support.browser import AXE, copy_of, inaccessible, new_page, sign_in
from tests.support.web_stage import KEY, TOKEN, web_stage
from web.texts import texts

PICTURES = os.environ.get("RINGBACK_PICTURES")
SHOP = (
    '<!doctype html><html lang="en"><title>A shop</title><main><h1>Prices</h1><p>From 5.</p></main>'
    '<script async src="{url}/ringback.js" data-site="{key}"></script>'
)
INTEGRATED = (
    '<!doctype html><html lang="en"><title>A bank</title><main><h1>A bank</h1>'
    '<p><label>Your number <input type="tel"></label> <button>Call me</button></p></main>'
    '<script async src="{url}/ringback.js" data-site="{key}" data-field="input"'
    ' data-button="main button"></script>'
)
# A page that speaks as soon as there is a microphone, without a line.
SPEAKS = """window.microphone = false;
navigator.mediaDevices.getUserMedia = async () => {
  if (!microphone) throw new Error("refused");
  return new MediaStream();
};
window.RingbackClaim = async () => () => {};
window.RingbackTalk = class {
  constructor({ told, link }) {
    Object.assign(this, { told, link });
    setTimeout(told.answered);
  }
  hangUp() { this.told.over(); }
  leave() {}
};"""
# How much the page has shifted by itself (Layout Instability).
OBSERVE = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""
# What moves has come to its end, in the form's shadow root too.
AT_REST = """Promise.all([document, ...Array.from(document.querySelectorAll("[data-ringback]"),
  (host) => host.shadowRoot)].flatMap((root) => root.getAnimations()).map((one) => one.finished))"""


class States:
    """Looks at each state that a page comes to."""

    def __init__(self, page: Any, prefix: str) -> None:
        self._page, self._prefix = page, prefix

    async def look(self, name: str, *, has_other_words_alone: bool = False) -> None:
        """What everybody may expect of the state: a screen reader, and who enlarges text."""
        page = self._page
        await page.evaluate(AT_REST)
        if PICTURES:
            Path(PICTURES).mkdir(exist_ok=True)
            picture = Path(PICTURES) / f"{self._prefix}-{name}.png"
            await page.screenshot(path=picture, scale="css")
        if AXE.exists() and not has_other_words_alone:
            assert await inaccessible(page) == [], name
        too_wide = "document.documentElement.scrollWidth > innerWidth"
        assert not await page.evaluate(too_wide), name
        assert page.faults == []


async def fill(page: Any) -> None:
    await page.get_by_label("Telephone number").fill("020 7946 0123")
    await page.get_by_label("I agree").check()
    await page.get_by_role("button", name="Call me", exact=True).click()


def test_axe_core_is_there() -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed (npm; `make test-browser` does it)")


async def test_targets_that_are_too_small_are_found(browser: Any) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed (npm; `make test-browser` does it)")
    page = await new_page(browser)
    small = '<button style="width: 12px; height: 12px; padding: 0; border: 0">a</button>'
    await page.set_content(f'<html lang="en"><title>a</title><main><h1>a</h1>{small * 3}</main>')
    assert any(one.startswith("target-size: ") for one in await inaccessible(page))


async def test_each_state_of_the_form(stack: AsyncExitStack, browser: Any) -> None:
    stage = await web_stage(stack, consent="I agree to be called.")
    stage.html = SHOP
    page = await new_page(browser, viewport={"width": 640, "height": 720})
    await page.add_init_script(OBSERVE)
    states = States(page, "form")
    await page.goto(stage.shop)
    button = page.get_by_role("button", name="Call me now")
    await button.wait_for()
    await states.look("button")
    assert await page.evaluate("shifted") == 0
    await button.click()
    await states.look("open")
    stage.engine.refusal = EngineError("refused", "no", "to", {})
    await fill(page)
    await page.get_by_role("alert").get_by_text("complete telephone number").wait_for()
    await states.look("refused")
    stage.engine.refusal = None
    await page.get_by_role("button", name="Call me", exact=True).click()
    status = page.get_by_role("status")
    await status.get_by_text("in about 20 seconds").wait_for()
    await states.look("countdown")
    for state, text in (
        ("dialing_agent", "We are calling a colleague."), ("whispering", "A colleague is there"),
        ("dialing_customer", "Your phone is ringing."), ("bridged", "You are talking."),
    ):  # fmt: skip
        stage.reach(state)
        await status.get_by_text(text).wait_for()
        await states.look(state, has_other_words_alone=state != "bridged")
    await page.reload()  # the callback is found again on the next page
    await page.get_by_role("button", name="You are talking.").click()
    await status.get_by_text("You are talking.").wait_for()
    stage.reach("completed")
    await page.get_by_role("button", name="5 / 5").wait_for()
    await states.look("rating")
    await page.get_by_role("button", name="5 / 5").click()
    await status.get_by_text("Thank you!", exact=True).wait_for()
    await states.look("thanks")
    await page.get_by_role("button", name="Erase it").click()
    await status.get_by_text("is erased").wait_for()
    await states.look("erased")


async def test_who_waits_for_minutes_and_is_not_reached(
    stack: AsyncExitStack, browser: Any
) -> None:
    stage = await web_stage(stack, consent="I agree to be called.")
    stage.html = SHOP
    stage.engine.availability |= {"agents_free": 0, "expected_wait_s": 400.0}
    page = await new_page(browser, viewport={"width": 640, "height": 720})
    states, status = States(page, "form"), page.get_by_role("status")
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me later").click()
    await fill(page)
    await status.get_by_text("in about 7 minutes").wait_for()
    await states.look("minutes")
    await page.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="in about 7 minutes").wait_for()
    await states.look("under-way")
    await page.get_by_role("button", name="in about 7 minutes").click()
    stage.reach("failed")
    await status.get_by_text("We could not reach you.").wait_for()
    await states.look("failed")


async def test_each_state_of_speaking(stack: AsyncExitStack, browser: Any) -> None:
    stage = await web_stage(stack, consent="I agree to be called.", speak=True)
    stage.html = SHOP
    page = await new_page(browser, viewport={"width": 640, "height": 720})
    await page.add_init_script(SPEAKS)
    states = States(page, "speak")
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me now").click()
    speak = page.get_by_role("button", name="Speak now")
    await speak.wait_for()
    await states.look("offered")
    await page.get_by_label("I agree").check()
    await speak.click()
    await page.get_by_role("alert").get_by_text("microphone cannot be used").wait_for()
    await states.look("no-microphone")
    await page.evaluate("microphone = true")
    await speak.click()
    status = page.get_by_role("status")
    await status.get_by_text("You are connected.").wait_for()
    await states.look("connected")
    await page.get_by_role("button", name="Hang up").click()
    await page.get_by_role("button", name="5 / 5").wait_for()
    await states.look("over")
    assert "ringback:shop-key:calls" in await page.evaluate("Object.keys(localStorage)")


async def test_who_books_a_time_of_a_closed_site(stack: AsyncExitStack, browser: Any) -> None:
    stage = await web_stage(stack, consent="I agree to be called.")
    stage.html, engine = SHOP, stage.engine
    opens_at = engine.availability["slots"][0]["start"]
    engine.availability |= {"open": False, "agents_free": 0, "opens_at": opens_at}
    page = await new_page(browser, viewport={"width": 640, "height": 720})
    states = States(page, "booked")
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me later").click()
    await page.get_by_text("We are closed. We open").wait_for()
    await states.look("closed")
    await fill(page)
    await page.get_by_role("status").get_by_text("We will call you on").wait_for()
    await states.look("told")
    link = await page.get_by_role("link", name="Link to this call").get_attribute("href")
    await page.goto(link)
    await page.get_by_role("button", name="What we keep").click()
    await page.get_by_text("I agree to be called.").wait_for()
    await states.look("link")


async def test_the_own_field_and_button_of_a_page(stack: AsyncExitStack, browser: Any) -> None:
    stage = await web_stage(stack)
    stage.html = INTEGRATED
    page = await new_page(browser, viewport={"width": 640, "height": 360})
    states = States(page, "integrated")
    await page.goto(stage.shop)
    button = page.get_by_role("button", name="Call me")
    await button.locator("+ span").wait_for(state="attached")
    await states.look("page")
    await page.get_by_label("Your number").fill("020 7946 0123")
    await button.click()
    await page.get_by_role("status").get_by_text("in about 20 seconds").wait_for()
    await states.look("called")
    stage.reach("completed")
    await page.get_by_role("button", name="5 / 5").wait_for()
    await states.look("rating")


async def test_who_cancels_and_who_comes_when_nobody_is_there(
    stack: AsyncExitStack, browser: Any
) -> None:
    stage = await web_stage(stack, consent="I agree to be called.")
    stage.html = SHOP
    stage.engine.availability |= {"open": False, "agents_free": 0}
    # As large as text is at 200 % on a small screen (WCAG 2.2, 1.4.10), and without motion.
    page = await new_page(browser, viewport={"width": 320, "height": 512}, reduced_motion="reduce")
    states = States(page, "later")
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me later").wait_for()
    await states.look("button")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    in_form = "document.querySelector('[data-ringback]').shadowRoot.getAnimations().length"
    when = page.get_by_label("When?")
    assert await when.locator("optgroup option").count() == 8
    assert await page.evaluate(in_form) == 0
    await states.look("slots")
    await fill(page)
    cancel = page.get_by_role("button", name="Cancel")
    await cancel.wait_for()
    assert stage.engine.job["not_before"] == stage.engine.availability["slots"][0]["start"]
    await cancel.click()
    await page.get_by_role("status").get_by_text("The call was cancelled.").wait_for()
    await states.look("cancelled")
    # Whoever closed the form is on a page where the gateway cannot be reached any more.
    await page.get_by_role("button", name="Try again").click()
    await page.route("**/v1/sites/**", lambda route: route.abort())
    await page.get_by_role("button", name="Call me", exact=True).click()
    await page.get_by_role("alert").get_by_text("cannot be reached").wait_for()
    await states.look("unreachable")
    # And on the next page the engine is away from the beginning.
    await page.unroute("**/v1/sites/**")
    stage.engine.is_away = True
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Not available right now").wait_for()
    await states.look("away")


async def test_other_languages(stack: AsyncExitStack, browser: Any) -> None:
    stage = await web_stage(stack)
    for language, direction in (("ar", "rtl"), ("de", "ltr")):
        stage.html = SHOP.replace('lang="en"', f'lang="{language}" dir="{direction}"')
        page = await new_page(browser, viewport={"width": 640, "height": 720}, locale=language)
        await page.goto(stage.shop)
        await page.locator("[data-ringback] button.go").first.click()
        assert await page.locator("[data-ringback] .root").get_attribute("dir") == direction
        await States(page, "form").look(language, has_other_words_alone=language == "de")


async def test_a_form_that_opened_by_itself_and_was_closed_is_not_opened_again(
    stack: AsyncExitStack, browser: Any
) -> None:
    stage = await web_stage(
        stack,
        triggers={"after_s": 0.1},
        captcha={"verify_url": "http://127.0.0.1:9/", "secret": "x"},
    )
    stage.html = SHOP
    page = await new_page(browser)
    await page.goto(stage.shop)
    dialog = page.get_by_role("dialog")
    await dialog.wait_for()
    assert await page.evaluate("Object.keys(localStorage).length") == 0
    await page.keyboard.press("Escape")
    await page.reload()
    await page.get_by_role("button", name="Call me now").wait_for()
    await asyncio.sleep(0.3)
    assert await dialog.is_hidden()
    asked: dict[str, Any] = {}

    async def keep(route: Any) -> None:
        asked.update(route.request.post_data_json or {})
        await route.abort()

    await page.route("**/callbacks", keep)
    await page.evaluate('ringback("captcha", async () => "an answer")')
    await page.get_by_role("button", name="Call me now").click()
    await page.get_by_label("Telephone number").fill("020 7946 0123")
    await page.get_by_role("button", name="Call me", exact=True).click()
    await page.get_by_role("alert").get_by_text("cannot be reached").wait_for()
    assert asked["context"]["dismissed"] is True
    assert asked["captcha"] == "an answer"


async def test_the_demo_page_and_the_preview(stack: AsyncExitStack, browser: Any) -> None:
    stage = await web_stage(stack)
    stage.html = PAGE.format(number="020 7946 0000", gateway=stage.url, key=KEY, token="t0k3n")
    page = await new_page(browser, viewport={"width": 1000, "height": 760})
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me now").wait_for()
    await States(page, "demo").look("page")
    await page.goto(f"{stage.url}/preview?site={KEY}")
    await page.frame_locator("#page").get_by_role("button", name="Call me now").wait_for()
    await States(page, "preview").look("page")
    await page.set_viewport_size({"width": 500, "height": 380})
    await States(page, "preview").look("enlarged")


async def test_what_a_site_says_is_text_in_the_form_and_in_the_preview(
    stack: AsyncExitStack, browser: Any
) -> None:
    hostile = "<img src=x onerror=run()><script>run()</script>"
    said = dict.fromkeys((*texts("en")["form"],), hostile)
    stage = await web_stage(stack, texts=said, consent=hostile)
    page = await new_page(browser)
    await page.add_init_script("window.ran = 0; window.run = () => { window.ran += 1; };")
    stage.html = SHOP
    await page.goto(stage.shop)
    await page.get_by_role("button", name=hostile).first.click()
    await page.get_by_role("dialog").wait_for()
    inside = """document.querySelector("[data-ringback]").shadowRoot
      .querySelectorAll("img, script").length"""
    assert await page.evaluate(inside) == 0
    assert await page.evaluate("ran") == 0
    await page.goto(f"{stage.url}/preview?site={KEY}")
    frame = page.frame_locator("#page")
    await frame.get_by_role("button", name=hostile).first.wait_for()
    await page.get_by_text("All other texts").click()
    for field in await page.locator("input[type=text], input:not([type]), textarea").all():
        if await field.is_editable():
            await field.fill(hostile)
    await frame.get_by_role("button", name=hostile).first.wait_for()
    assert await page.locator("img, body script:not([src])").count() == 0
    assert [await one.evaluate("ran") for one in page.frames] == [0, 0]


async def test_the_phone_speaks_the_language_of_the_browser(
    stack: AsyncExitStack, browser: Any
) -> None:
    stage = await web_stage(stack)
    page = await new_page(browser, locale="de-AT", viewport={"width": 320, "height": 512})
    await page.goto(f"{stage.url}/phone")
    german = texts("de")["phone"]
    await page.get_by_label(german["token"]).fill("nobody's")
    await page.get_by_role("button", name=german["sign_in"]).click()
    await page.get_by_role("alert").get_by_text(german["refused"]).wait_for()
    await page.get_by_label(german["token"]).fill(TOKEN)
    await page.get_by_role("button", name=german["sign_in"]).click()
    await page.get_by_text(texts("de")["state"]["available"], exact=True).wait_for()
    await page.evaluate("talking(true)")
    await States(page, "phone").look("de")


async def test_each_state_of_the_phone(stack: AsyncExitStack, browser: Any) -> None:
    stage = await web_stage(stack)
    page = await new_page(browser, viewport={"width": 500, "height": 760})
    states = States(page, "phone")
    await page.goto(f"{stage.url}/phone")
    await states.look("sign-in")
    await sign_in(page, "nobody's")
    await page.get_by_text("The token was not accepted.").wait_for()
    await states.look("refused")
    await sign_in(page, TOKEN)
    await page.get_by_text("available").wait_for()
    await states.look("available")
    engine = stage.engine
    engine.job = {
        "id": "j1", "to": "+442079460123", "attempts": [{"cause": "no answer"}],
        "context": {"name": "Ann", "page": "https://shop.example/prices", "basket": 17.5},
    }  # fmt: skip
    for state, words in (("ringing",) * 2, ("talking",) * 2, ("wrap_up", "wrap-up")):
        engine.agent |= {"state": state, "work": "j1"}
        await engine.events_of_agents.put({"type": f"agent.{state}", "agent": "anna"})
        await page.get_by_text(words, exact=True).wait_for()
        await page.get_by_text("https://shop.example/prices").wait_for()
        await page.evaluate(f"talking({str(state == 'talking').lower()})")
        await states.look(state)
    copy = await copy_of(page)
    await copy.set_viewport_size({"width": 500, "height": 300})
    await copy.get_by_text("This phone is open in another tab.").wait_for()
    await States(copy, "phone").look("elsewhere")
    await copy.close()
    await page.get_by_label("Language").select_option("ar")
    await page.get_by_role("heading", name=texts("ar")["phone"]["title"]).wait_for()
    assert await page.evaluate("[document.dir, document.documentElement.lang]") == ["rtl", "ar"]
    await page.get_by_text(texts("ar")["state"]["wrap_up"], exact=True).wait_for()
    await page.get_by_text(texts("ar")["fact"]["basket"], exact=True).wait_for()
    await states.look("ar")
    await page.reload()  # the choice is kept
    choice = page.get_by_label(texts("ar")["phone"]["language"])
    await choice.select_option("en")
    await page.get_by_text("wrap-up", exact=True).wait_for()
    for hostile in ("<img src=x onerror=run()>", "<script>run()</script>", "javascript:run()"):
        names = ("name", "page", "title", "referrer", "campaign", "pages", "basket", hostile)
        context = dict.fromkeys(names, hostile) | {"campaign": {hostile: hostile}}
        engine.job = {
            "id": hostile, "to": hostile, "context": context, "attempts": [{"cause": hostile}],
        }  # fmt: skip
        engine.agent |= {"work": hostile, "reason": hostile}
        await page.evaluate("window.ran = 0; window.run = () => { window.ran += 1; }; 0")
        await engine.events_of_agents.put({"type": "agent.talking", "agent": "anna"})
        await page.get_by_role("heading", name=hostile).wait_for()
        assert await page.locator("#desk img, #desk script, #desk a").count() == 0
        assert await page.evaluate("ran") == 0
    # A long name on a small screen, or at 200 %.
    await page.set_viewport_size({"width": 320, "height": 512})
    engine.job = {"id": "j2", "to": "+4" * 30, "context": {"name": "W" * 300}, "attempts": []}
    engine.agent |= {"work": "j2", "reason": "r" * 80}
    await engine.events_of_agents.put({"type": "agent.talking", "agent": "anna"})
    await page.get_by_text("W" * 300).wait_for()
    await page.evaluate("talking(true)")
    assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
