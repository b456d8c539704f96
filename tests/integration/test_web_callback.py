"""A callback that is under way, in chromium: on the next page, in another tab, on another day.

The engine behind the gateway says what a test wants (tests/support/web_stage.py).
"""

import re
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.browser import AXE, inaccessible, new_page, other_tab
from tests.support.web_stage import KEY, SHOP, STRICT, Stage, web_stage

INTEGRATED = """<!doctype html><html lang="en"><title>A bank</title><main><h1>A bank</h1>
<label>First <input class="number"></label><button class="call">Call first</button>
<label>Second <input class="number"></label><button class="call">Call second</button>
</main><script async src="{url}/ringback.js" data-site="{key}" data-field=".number"
 data-button=".call"></script>"""
LANDING = '<!doctype html><html lang="en"><title>A shop</title><a href="/prices">Prices</a>'
KEPT = "JSON.parse(localStorage.getItem('ringback:shop-key:calls'))"
NO_STORAGE = "[...Object.keys(localStorage), ...Object.keys(sessionStorage)]"
HEAR = """window.stages = [];
addEventListener("ringback:stage", ({ detail }) => stages.push(detail));"""
LATER_MS = 21 * 3600 * 1000


@pytest.fixture
async def stage(stack: AsyncExitStack) -> Stage:
    """The gateway of a site whose page has the form."""
    made = await web_stage(stack)
    made.html = SHOP
    made.headers = {"Content-Security-Policy": STRICT.format(url=made.url)}
    return made


async def ask_for_a_call(page: Any, words: str = "Call me now") -> None:
    """The form is opened, and sent."""
    await page.get_by_role("button", name=words).click()
    await page.get_by_label("Telephone number").fill("020 7946 0123")
    await page.get_by_role("button", name="Call me", exact=True).click()


async def book(stage: Stage, page: Any) -> None:
    """The first time of tomorrow, of a site that is closed."""
    engine = stage.engine
    engine.availability |= {"open": False, "opens_at": engine.availability["slots"][0]["start"]}
    await page.goto(stage.shop)
    await ask_for_a_call(page, "Call me later")
    await page.get_by_role("status").get_by_text("We will call you on ").wait_for()


async def test_who_books_a_time_sees_it_until_it_comes(stage: Stage, browser: Any) -> None:
    page = await new_page(browser)
    await page.clock.install()
    await book(stage, page)
    told = await page.get_by_role("status").inner_text()
    begins = stage.engine.job["not_before"]
    named = """(seconds) => new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric",
      month: "long", hour: "numeric", minute: "2-digit" }).format(seconds * 1000)"""
    assert told == f"We will call you on {await page.evaluate(named, begins)}."
    await page.clock.fast_forward(LATER_MS)
    await page.get_by_role("status").get_by_text("We are looking for somebody").wait_for()
    assert page.faults == []


async def test_what_was_booked_is_cancelled_in_another_tab(stage: Stage, browser: Any) -> None:
    first = await new_page(browser)
    await book(stage, first)
    page = await other_tab(first, stage.shop)
    await first.close()
    await page.get_by_role("button", name="We will call you on ").click()
    link = page.get_by_role("link", name="Link to this call")
    address = await link.get_attribute("href")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy the link").click()
    await page.get_by_role("button", name="The link is copied").wait_for()
    assert await page.evaluate("navigator.clipboard.readText()") == address
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("status").get_by_text("The call was cancelled.").wait_for()
    assert stage.engine.job["state"] == "cancelled"
    # Some days long it can be seen and erased yet.
    page = await other_tab(page, stage.shop)
    await page.get_by_role("button", name="Call me later").click()
    kept = page.get_by_role("link", name="What we keep of this request")
    assert await kept.get_attribute("href") == address
    await page.evaluate(
        f"""localStorage.setItem("ringback:{KEY}:calls",
        JSON.stringify({KEPT}.map((call) => ({{ ...call, ended: call.ended - 8 * 86400000 }}))))"""
    )
    await page.reload()
    await page.get_by_role("button", name="Call me later").click()
    assert await kept.count() == 0
    assert page.faults == []


async def test_what_the_gateway_has_forgotten_is_not_waited_for_for_ever(
    stage: Stage, browser: Any
) -> None:
    page = await new_page(browser)
    await page.goto(stage.shop)
    await ask_for_a_call(page)
    await page.get_by_role("button", name="Cancel").wait_for()
    await page.evaluate(
        f"""localStorage.setItem("ringback:{KEY}:calls",
        JSON.stringify({KEPT}.map((call) => ({{ ...call, due: call.due - 86400000 }}))))"""
    )
    await page.reload()
    await page.get_by_role("button", name="Call me now").wait_for()
    assert page.faults == []


async def test_the_page_of_a_callback(stage: Stage, browser: Any) -> None:
    first = await new_page(browser)
    await book(stage, first)
    address = f"{await first.evaluate(KEPT + '[0].link')}&language=en"
    page = await new_page(browser)  # another browser, such as that of a phone
    reply = await page.goto(address)
    policy = reply.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert reply.headers["referrer-policy"] == "no-referrer"
    status = page.get_by_role("status")
    await status.get_by_text("We will call you on ").wait_for()
    assert await page.get_by_role("button", name="Erase it").is_hidden()
    see = page.get_by_role("button", name="What we keep of this request")
    await see.click()
    await page.get_by_text("020 7946 0123").wait_for()
    if AXE.exists():
        assert await inaccessible(page) == []
    await page.get_by_role("button", name="Cancel").click()
    await status.get_by_text("The call was cancelled.").wait_for()
    await page.get_by_role("button", name="Erase it").click()
    await status.get_by_text("is erased").wait_for()
    assert stage.engine.job["to"] == "erased"
    assert await see.is_hidden() and await page.locator("#kept").is_hidden()
    assert await page.evaluate(NO_STORAGE) == []
    # A talk is rated there too, and what is refused is told.
    stage.engine.job |= {"state": "completed", "bridged_at": None}
    await page.goto(address)
    await page.get_by_role("button", name="4 / 5").click()
    await status.get_by_text("There is no talk to rate.").wait_for()
    stage.engine.job |= {"bridged_at": 1.0}
    await page.get_by_role("button", name="4 / 5").click()
    await status.get_by_text("Thank you!", exact=True).wait_for()
    await page.goto(re.sub("token=[^&]*", "token=forged", address))
    await see.click()
    await status.get_by_text("There is no such callback.").wait_for()
    await page.goto(address.replace("language=en", "language=ar"))
    await page.locator("[dir=rtl] h1").wait_for()
    assert page.faults == []


async def test_a_rating_that_is_refused_is_told_and_may_be_given_again(
    stage: Stage, browser: Any
) -> None:
    page = await new_page(browser)
    await page.goto(stage.shop)
    await ask_for_a_call(page)
    await page.get_by_role("button", name="Cancel").wait_for()
    stage.engine.job["bridged_at"] = None
    stage.reach("completed")
    star, status = page.get_by_role("button", name="5 / 5"), page.get_by_role("status")
    await star.click()
    await status.get_by_text("There is no talk to rate.").wait_for()
    stage.engine.job["bridged_at"] = 1.0
    await star.click()
    await status.get_by_text("Thank you!", exact=True).wait_for()
    assert await star.is_hidden()
    assert page.faults == []


@pytest.mark.parametrize("visit", ["used", "tab"])
async def test_where_the_visitor_came_from_is_known_on_the_second_page(
    stack: AsyncExitStack, browser: Any, visit: str
) -> None:
    stage = await web_stage(stack, visit=visit)
    stage.html = SHOP.replace("<main>", '<main><a href="/prices">Prices</a>')
    page = await new_page(browser)
    if visit == "tab":  # as in a browser that does not know its own entries
        await page.add_init_script("delete window.navigation")
    await page.goto(
        f"{stage.shop}/landing?utm_source=letter&other=1", referer="https://search.example/"
    )
    button = page.get_by_role("button", name="Call me now")
    await button.wait_for()
    kept = [f"ringback:{KEY}:visit"] if visit == "tab" else []
    assert await page.evaluate(NO_STORAGE) == kept
    await page.get_by_role("link", name="Prices").click()
    await page.wait_for_url("**/prices")
    await button.wait_for()
    assert await page.evaluate(NO_STORAGE) == kept
    await ask_for_a_call(page)
    await page.get_by_role("button", name="Cancel").wait_for()
    context = stage.engine.job["context"]
    assert context["pages"] == ["/landing", "/prices"]
    assert context["campaign"] == {"utm_source": "letter"}
    if visit == "tab":
        assert context["referrer"] == "https://search.example/"
    assert page.faults == []


async def test_the_own_button_of_a_page_has_controls_beside_it(stage: Stage, browser: Any) -> None:
    stage.html = INTEGRATED
    page = await new_page(browser)
    await page.add_init_script(HEAR)
    await page.goto(stage.shop)
    button = page.get_by_role("button", name="Call second")
    told = button.locator("+ span")
    await told.wait_for(state="attached")
    assert await page.evaluate(NO_STORAGE) == []
    await page.get_by_label("Second").fill("020 7946 0123")
    await button.click()
    await told.get_by_text("in about 20 seconds").wait_for()
    (heard,) = await page.evaluate("stages")
    link = await page.get_by_role("link", name="Link to this call").get_attribute("href")
    assert (heard["stage"], f"{heard['link']}&language=en") == ("queued", link)
    if AXE.exists():
        assert await inaccessible(page) == []
    await page.reload()
    await told.get_by_text("in about").wait_for()
    assert await page.get_by_role("button", name="Call first").locator("+ span").inner_text() == ""
    # The page draws its buttons anew.
    await page.evaluate("document.querySelector('main').innerHTML += ''")
    await told.get_by_text("in about").wait_for()
    await page.get_by_role("button", name="Cancel").click()
    await told.get_by_text("The call was cancelled.").wait_for()
    await page.wait_for_function("stages.at(-1).stage === 'cancelled'")
    await page.get_by_label("Second").fill("020 7946 0124")
    await button.click()
    await page.get_by_role("button", name="Cancel").wait_for()
    stage.reach("completed")
    await page.get_by_role("button", name="3 / 5").click()
    await told.get_by_text("Thank you!", exact=True).wait_for()
    await page.reload()  # what is kept can be seen yet
    kept = page.get_by_role("link", name="What we keep of this request")
    await kept.wait_for()
    assert await page.get_by_role("button", name="Cancel").count() == 0
    assert page.faults == []
