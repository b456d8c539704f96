"""The preview of a site's look in chromium: what is changed is shown, and gives the lines to paste.

The engine behind the gateway says what a test wants (tests/support/web_stage.py).
"""

import tomllib
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import Any

from config.sites import Site
from tests.support.browser import AXE, inaccessible, new_page
from tests.support.web_stage import KEY, Stage, web_stage
from web.texts import texts

# Whether the page that is shown was loaded since, and has the snippet.
LOADED = """(before) => {
  const frame = document.getElementById("page"), shown = frame.contentDocument;
  return frame.src !== before && shown && shown.URL === frame.src
    && shown.querySelector("[data-ringback], [data-ringback-call]") !== null;
}"""
PRESS = "(button) => button.click()"  # wherever the page is scrolled to


class Preview:
    """The preview of a site in a browser of its own."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.frame = page.frame_locator("#page")
        self.dialog = self.frame.get_by_role("dialog")

    async def change(self, act: Awaitable[Any]) -> None:
        """Do something after which the page is loaded anew, and wait until it is."""
        before = await self.page.evaluate("document.getElementById('page').src")
        await act
        await self.page.wait_for_function(LOADED, arg=before)

    async def choose(self, label: str, value: str) -> None:
        """One of a list."""
        await self.change(self.page.get_by_label(label).select_option(value))

    async def write(self, label: str, text: str) -> None:
        """The text of a field."""
        await self.change(self.page.get_by_label(label).fill(text))

    async def lines(self) -> dict[str, Any]:
        """Those for the configuration, as they are read there."""
        return tomllib.loads(await self.page.locator("#toml").inner_text())

    async def inside(self, script: str) -> None:
        """Run something in the page that is shown."""
        await self.frame.locator("body").evaluate(script)


async def preview(stage: Stage, browser: Any, **context: Any) -> Preview:
    """The preview, once its page has the button."""
    page = await new_page(browser, **context)
    await page.goto(f"{stage.url}/preview?site={KEY}")
    shown = Preview(page)
    await shown.frame.locator("[data-ringback] button").first.wait_for()
    return shown


async def test_the_preview_shows_look_and_lines(stack: AsyncExitStack, browser: Any) -> None:
    stage = await web_stage(stack)
    shown = await preview(stage, browser)
    page = shown.page
    await shown.write("Title", "Talk to us")
    await page.get_by_text('texts = { title = "Talk to us" }').wait_for()
    assert f'data-site="{KEY}"' in await page.locator("#line").inner_text()
    await shown.write("Colour", "#aa0000")
    await shown.choose("Position", "left")
    await page.get_by_text('colour = "#aa0000"').wait_for()
    button = shown.frame.get_by_role("button", name="Call me now")
    coloured = "(button) => getComputedStyle(button).backgroundColor"
    assert await button.evaluate(coloured) == "rgb(170, 0, 0)"
    left = "(button) => button.getBoundingClientRect().left < innerWidth / 2"
    assert await button.evaluate(left)
    await button.click()
    await shown.frame.get_by_role("heading", name="Talk to us").wait_for()
    assert page.faults == []


async def test_each_trigger_can_be_tried_again_and_again(
    stack: AsyncExitStack, browser: Any
) -> None:
    stage = await web_stage(stack)
    shown = await preview(stage, browser)
    page, dialog = shown.page, shown.dialog
    scroll = "() => scrollTo(0, document.documentElement.scrollHeight)"
    leave = "() => document.dispatchEvent(new MouseEvent('mouseout', { clientY: -1 }))"
    again = page.get_by_role("button", name="Load the page again")
    on_leaving = page.get_by_label("about to leave")
    for label, value, act in (
        ("so many seconds", "0.5", "() => 0"), ("so many percent", "60", scroll), ("", "", leave),
    ):  # fmt: skip
        field = page.get_by_label(label) if label else on_leaving
        await shown.change(field.fill(value) if label else field.check())
        for _ in range(2):
            await shown.inside(act)
            await dialog.wait_for()
            await shown.frame.get_by_role("button", name="Close").first.evaluate(PRESS)
            await dialog.wait_for(state="hidden")
            await shown.change(again.click())
        await shown.change(field.fill("0") if label else field.uncheck())
    kept = "[...Object.keys(localStorage), ...Object.keys(sessionStorage)]"
    assert await page.evaluate(kept) == []
    assert page.faults == []


async def test_each_state_can_be_seen_at_will(stack: AsyncExitStack, browser: Any) -> None:
    stage = await web_stage(stack, consent="I agree.", speak=True)
    shown = await preview(stage, browser)
    page, frame = shown.page, shown.frame
    await shown.change(page.get_by_label("The form is open").check())
    for state, words in (
        ("wait", "We will call you in about 10 minutes."), ("closed", "We are closed. We open"),
        ("hidden", "We are closed at the moment."), ("full", "Too many people are waiting."),
        ("away", "We cannot be reached"),
    ):  # fmt: skip
        await shown.choose("Who is there", state)
        await frame.get_by_text(words).first.wait_for(state="attached")
    await shown.write("Consent", "I agree, and to be called twice.")
    await shown.choose("Who is there", "speak")
    await frame.get_by_label("called twice").check()
    await frame.get_by_role("button", name="Speak now").click()
    await frame.get_by_text("You are connected.").wait_for()
    await frame.get_by_role("button", name="Hang up").click()
    await frame.get_by_text("The call is over.").first.wait_for(state="attached")
    status = frame.locator("[data-ringback] [role=status]")
    stages = texts("en")["stage"] | {"booked": "We will call you on "}
    for stage_name, words in stages.items():
        await shown.choose("A callback of theirs", stage_name)
        await status.get_by_text(words).wait_for()
    await shown.choose("A callback of theirs", "")
    # What is asked for here goes its way, and calls nobody.
    await frame.get_by_label("Telephone number").fill("020 7946 0123")
    await frame.get_by_label("called twice").check()
    await frame.get_by_role("button", name="Call me", exact=True).click()
    await frame.get_by_role("button", name="5 / 5").click()
    await status.get_by_text("Thank you!", exact=True).wait_for()
    assert stage.engine.requested == []
    if AXE.exists():
        assert await inaccessible(page) == []
    assert page.faults == []


async def test_the_lines_have_what_the_site_has_already(
    stack: AsyncExitStack, browser: Any
) -> None:
    own: dict[str, Any] = {"title": "Talk to us", "de": {"title": "Reden wir", "name": "Wer?"}}
    consent = {"en": "I agree.", "de": "Ich bin „einverstanden“."}
    stage = await web_stage(
        stack, texts=own, consent=consent, triggers={"scrolled_percent": 40, "after_s": 2.5}
    )
    shown = await preview(stage, browser, locale="en-GB")
    page = shown.page
    found = await shown.lines()
    assert (found["texts"], found["consent"], found["language"]) == (own, consent, "en")
    assert (found["triggers"]["scrolled_percent"], found["triggers"]["after_s"]) == (40, 2.5)
    await page.get_by_text("All other texts").click()
    await shown.change(page.get_by_label("thanks", exact=True).fill('"Thanks"\\'))
    await shown.choose("Language shown here", "de")
    await shown.write("Title", "Reden wir!")
    cancel = page.get_by_label("cancel", exact=True)
    assert await cancel.input_value() == texts("de")["form"]["cancel"]
    await shown.change(page.get_by_label("for the language shown alone").check())
    await shown.change(cancel.fill("Doch nicht"))
    name = page.get_by_label("name", exact=True)
    await shown.change(name.fill(texts("de")["form"]["name"]))  # as it was
    await shown.write("Consent", "Ja.")
    found = await shown.lines()
    assert found["texts"] == {
        "title": "Talk to us", "thanks": '"Thanks"\\',
        "de": {"title": "Reden wir!", "cancel": "Doch nicht"},
    }  # fmt: skip
    assert found["consent"] == consent | {"de": "Ja."}
    known = {"key": KEY, "name": "shop.example", "origins": [stage.shop], "queue": "sales"}
    assert Site(**(known | found)).texts_in("de")["title"] == "Reden wir!"
    await shown.frame.get_by_role("button", name=texts("de")["form"]["call_now"]).click()
    await shown.frame.get_by_role("heading", name="Reden wir!").wait_for()
    await shown.frame.get_by_label("Ja.").wait_for()
    # The lines of the page.
    line = page.locator("#line")
    assert "data-language" not in await line.inner_text()
    await shown.change(page.get_by_label("Always in the language shown").check())
    await shown.change(page.get_by_label("My own field and button").check())
    await shown.write("Selector of the field", 'input[name="tel"]')
    await page.get_by_text('data-field="input[name=&quot;tel&quot;]"').wait_for()
    assert 'data-language="de"' in await line.inner_text()
    assert 'data-button="#call-me"' in await line.inner_text()
    await shown.frame.get_by_label("Your field").fill("030 123456")
    await shown.frame.get_by_role("button", name="Your button").click()
    await shown.frame.get_by_role("link", name=texts("de")["form"]["link"]).wait_for()
    assert stage.engine.requested == []
    assert page.faults == []
