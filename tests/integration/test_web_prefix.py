"""The gateway below a path: https://shop.example/ringback/, behind a reverse proxy."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.browser import new_page, sign_in
from tests.support.prefix_proxy import prefix_proxy
from tests.support.web_stage import KEY, TOKEN, web_stage

PREFIX = "/ringback"
SHOP = (
    '<!doctype html><html lang="en"><title>A shop</title><h1>Prices</h1>'
    '<script async src="%s/ringback.js" data-site="{key}"%s></script>'
)


async def staged(stack: AsyncExitStack) -> tuple[Any, str]:
    """The gateway, and its URL below the path."""
    stage = await web_stage(stack)
    url = await prefix_proxy(stack, PREFIX, stage.url) + PREFIX
    own = stage.settings.web.model_copy(update={"public_url": url})
    stage.settings = stage.settings.model_copy(update={"web": own})
    return stage, url


@pytest.mark.parametrize("gateway", ["", "{url}/"])
async def test_the_form_finds_all_that_it_needs(
    stack: AsyncExitStack, browser: Any, gateway: str
) -> None:
    stage, url = await staged(stack)
    # Where the script comes from elsewhere, the page says where the gateway is.
    source = f"{stage.url}" if gateway else url
    named = f' data-gateway="{gateway.format(url=url)}"' if gateway else ""
    stage.html = SHOP % (source, named)
    page = await new_page(browser)
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me now").click()
    await page.get_by_label("Telephone number").fill("020 7946 0123")
    await page.get_by_role("button", name="Call me", exact=True).click()
    status = page.get_by_role("status")
    await status.get_by_text("in about 20 seconds").wait_for()
    stage.reach("bridged")
    await status.get_by_text("You are talking.").wait_for()
    stage.reach("completed")
    await page.get_by_role("button", name="4 / 5").click()
    await status.get_by_text("Thank you!", exact=True).wait_for()
    link = await page.get_by_role("link", name="What we keep").get_attribute("href")
    assert link.startswith(f"{url}/v1/callbacks/")
    await page.goto(link)
    await page.get_by_role("heading", name="Your call").wait_for()
    await status.get_by_text("The call is over.").wait_for()
    assert page.faults == []


async def test_the_preview_and_the_phone_find_all_that_they_need(
    stack: AsyncExitStack, browser: Any
) -> None:
    _stage, url = await staged(stack)
    page = await new_page(browser)
    await page.goto(f"{url}/preview?site={KEY}")
    await page.frame_locator("#page").get_by_role("button", name="Call me now").wait_for()
    line = await page.locator("#line").text_content()
    assert f'src="{url}/ringback.js"' in line
    await page.goto(f"{url}/phone")
    await sign_in(page, TOKEN)
    await page.get_by_text("available").wait_for()
    assert page.faults == []
