"""What the button and the form say of the visitor's own country, time and wait, in chromium.

The engine behind the gateway says what a test wants (tests/support/web_stage.py).
"""

import datetime
import json
from contextlib import AsyncExitStack
from typing import Any

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from ringback_client import EngineError
from tests.support.browser import new_page
from tests.support.web_stage import SHOP, web_stage

# Those whose numbers are grouped as they are written there, but for signs between the groups.
MOBILE_ALONE = ("IE", "KR", "SE", "UA")
GROUPED = [
    "AE",
    "AT",
    "AU",
    "BE",
    "BR",
    "CA",
    "CH",
    "CN",
    "CZ",
    "DE",
    "DK",
    "ES",
    "FR",
    "GB",
    "HK",
    "IN",
    "IT",
    "JP",
    "MX",
    "NL",
    "NO",
    "PL",
    "PT",
    "RO",
    "SA",
    "SG",
    "TR",
    "US",
    "ZA",
]
LEAVE = """(cases) => {
  const root = document.querySelector("[data-ringback]").shadowRoot;
  const region = root.getElementById("r"), number = root.getElementById("n");
  return cases.map(([country, typed]) => {
    region.value = country;
    number.value = typed;
    number.dispatchEvent(new FocusEvent("blur"));
    return number.value;
  });
}"""
OPTIONS = """Array.from(document.querySelector("[data-ringback]").shadowRoot.getElementById("r"),
  (option) => [option.value, option.textContent.replace(/[^+0-9]/g, "")])"""


def as_written(region: str, kind: int, form: int) -> str:
    """A number of the country as it is written there, with blanks between the groups."""
    example = phonenumbers.example_number_for_type(region, kind)
    assert example is not None
    text = phonenumbers.format_number(example, form)
    return " ".join(text.replace("-", " ").replace("(", " ").replace(")", " ").split())


async def test_numbers_are_grouped_as_their_country_does(
    stack: AsyncExitStack, browser: Any
) -> None:
    stage = await web_stage(stack)
    stage.html = SHOP
    page = await new_page(browser)
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me now").click()
    cases = []
    for region in (*GROUPED, *MOBILE_ALONE):
        kinds = [PhoneNumberType.MOBILE]
        if region not in MOBILE_ALONE:
            kinds.append(PhoneNumberType.FIXED_LINE)
        for kind in kinds:
            national = as_written(region, kind, PhoneNumberFormat.NATIONAL)
            cases.append((region, national.replace(" ", ""), national))
            whole = as_written(region, kind, PhoneNumberFormat.INTERNATIONAL)
            cases.append(("GB", whole.replace(" ", ""), whole))
    cases += [
        ("GB", "0044 20 7946", "0044 20 7946"), ("GB", "00442079460123", "00442079460123"),
        ("FI", "0412345678", "0412 345 678"), ("GB", "+99912345678", "+99912 345 678"),
    ]  # fmt: skip
    found = await page.evaluate(LEAVE, [case[:2] for case in cases])
    assert found == [case[2] for case in cases]
    options = await page.evaluate(OPTIONS)
    assert len(options) > 240
    for region, code in options:
        assert code == f"+{phonenumbers.country_code_for_region(region)}", region
    assert page.faults == []


@pytest.mark.parametrize(
    ("locale", "zone", "country"),
    [
        ("de-AT", "Europe/Vienna", "AT"),
        ("fr", "Europe/Paris", "GB"),  # it says no country: that of the site
        ("en-US", "Europe/Berlin", "GB"),
        ("en-US", "America/New_York", "US"),
    ],
)
async def test_the_country_is_that_of_the_visitor(
    stack: AsyncExitStack, browser: Any, locale: str, zone: str, country: str
) -> None:
    stage = await web_stage(stack)
    stage.html = SHOP
    page = await new_page(browser, locale=locale, timezone_id=zone)
    await page.goto(stage.shop)
    await page.locator("[data-ringback] button").first.click()
    assert await page.locator("[data-ringback] #r").input_value() == country
    assert page.faults == []


async def test_the_button_says_how_soon_and_then_how_far(
    stack: AsyncExitStack, browser: Any
) -> None:
    stage = await web_stage(stack)
    stage.html = SHOP
    stage.engine.availability |= {"agents_free": 0, "expected_wait_s": 400.0}
    page = await new_page(browser)
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me later We will call you in about 7 min").click()
    await page.get_by_label("Telephone number").fill("020 7946 0123")
    await page.get_by_role("button", name="Call me", exact=True).click()
    await page.get_by_role("status").get_by_text("in about 7 minutes").wait_for()
    await page.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="We will call you in about 7 minutes.").wait_for()
    stage.reach("dialing_customer")
    ringing = page.get_by_role("button", name="Your phone is ringing.")
    await ringing.wait_for()
    await page.goto(stage.shop)  # the next page
    await ringing.wait_for()
    # Where the wait is not known, the button does not say it.
    stage.engine.availability |= {"agents_free": 2, "expected_wait_s": None}
    other = await new_page(browser)
    await other.goto(stage.shop)
    await other.get_by_role("button", name="Call me now", exact=True).wait_for()
    assert page.faults == [] and other.faults == []


@pytest.mark.parametrize("show_hours", [True, False])
async def test_who_opens_the_form_of_a_closed_site_reads_so_at_once_and_once(
    stack: AsyncExitStack, browser: Any, show_hours: bool
) -> None:
    stage = await web_stage(stack, show_hours=show_hours, time_zone="Asia/Tokyo")
    stage.html = SHOP
    engine = stage.engine
    opens_at = engine.availability["slots"][0]["start"]
    engine.availability |= {"open": False, "agents_free": 0, "opens_at": opens_at, "slots": []}
    engine.refusal = EngineError(
        "unavailable", "closed", None, {"reason": "closed", "opens_at": opens_at}
    )
    page = await new_page(browser, timezone_id="Europe/Berlin", locale="en-GB")
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me later").click()
    first = page.locator("[data-ringback] form > p").first
    await first.get_by_text("We are closed").wait_for()
    await page.get_by_label("Telephone number").fill("020 7946 0123")
    async with page.expect_response("**/callbacks") as reply:
        await page.get_by_role("button", name="Call me", exact=True).click()
    error = json.loads(await (await reply.value).text())["error"]
    alert = page.get_by_role("alert")
    await alert.get_by_text("We are closed").wait_for()
    assert await alert.inner_text() == await first.inner_text()
    if show_hours:  # the visitor's clock in the form, and the site's, by its name, elsewhere
        zone = datetime.timezone(datetime.timedelta(hours=9))
        there = datetime.datetime.fromtimestamp(opens_at, zone)
        assert error["message"].endswith(f"{there:%H:%M} (JST).")
        assert ":00" in await first.inner_text() and "JST" not in await first.inner_text()
    else:
        assert await first.inner_text() == "We are closed at the moment."
    assert page.faults == []


async def test_a_queue_that_is_full_says_so_before_the_form_is_filled_in(
    stack: AsyncExitStack, browser: Any
) -> None:
    stage = await web_stage(stack)
    stage.html = SHOP
    stage.engine.availability |= {"open": False, "hours": None, "slots": []}
    page = await new_page(browser)
    await page.goto(stage.shop)
    await page.get_by_role("button", name="Call me later").click()
    await page.get_by_text("Too many people are waiting.").wait_for()
    assert page.faults == []
