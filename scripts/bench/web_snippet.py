"""What the snippet costs a page: bytes, time of the main thread while it loads, shifts.

And how long the proof of work of a press takes.
"""

import gzip
import importlib.util
import shutil
from functools import partial
from typing import Any

from .report import Report, figure

PART = "web"
SHOP = "http://127.0.0.1:4000"  # nothing listens there: the page is made up
MOST_KIB = 15.0
MOST_MS = 20.0
LOADS = 9
# A page that is made up is of no place, and would not be let load what is on this machine.
ARGUMENTS = ("--no-sandbox", "--disable-features=LocalNetworkAccessChecks")
SETTLE_MS, PROVED_MS = 1500, 60_000
PAGE = "<!doctype html><html lang=en><title>A shop</title><main>{filler}</main>{line}"
LINE = '<script async src="http://127.0.0.1:{port}/ringback.js" data-site="{site}"></script>'
FILLER = "<p>From 5, and more.</p>" * 200
SLOWER = (1, 4, 6)
"""How much slower than this machine a phone is. Browsers' tools call 4 mid-tier, and 6 low-end."""
PROOF_MS = """() => {
  const [challenge, request] = ["challenge", "callbacks"].map((end) =>
    performance.getEntriesByType("resource").filter((one) => one.name.endsWith(end)).at(-1));
  return request && request.startTime - challenge.responseEnd;
}"""
PLAIN = PAGE.format(filler=FILLER, line="")
OBSERVE = """window.shifted = 0; new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });"""


async def measure(report: Report, port: int, snippet: bytes, proofs: int) -> None:
    """Load a page with the snippet and without it, by turns, in chromium where it is there.

    Then press its button so often, on phones that are slower than this machine.
    """
    add = report.figures.append
    size = len(gzip.compress(snippet, mtime=0)) / 1024
    add(figure(PART, "snippet, compressed", "KiB", [size], target=MOST_KIB))
    executable = shutil.which("chromium")
    if executable is None or importlib.util.find_spec("playwright") is None:
        report.notes.append("no chromium with playwright: the snippet was not loaded")
        return
    from playwright.async_api import async_playwright

    with_line = PAGE.format(filler=FILLER, line=LINE.format(port=port, site="load"))
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            pairs = [
                (await _load(browser, PLAIN), await _load(browser, with_line)) for _ in range(LOADS)
            ]
            line = LINE.format(port=port, site="proof")
            page = PAGE.format(filler="", line=line)
            took = {slower: await _prove(browser, page, slower, proofs) for slower in SLOWER}
        finally:
            await browser.close()
    costs = [(loaded - bare) * 1e3 for (bare, _), (loaded, _) in pairs]
    add(
        figure(PART, "main thread for the snippet, while a page loads", "ms", costs, target=MOST_MS)
    )
    shifts = [shifted for _, (_, shifted) in pairs]
    add(figure(PART, "layout shift by the snippet", "", [max(shifts)], target=0.0))
    for slower, times in took.items():
        where = "here" if slower == 1 else f"on a phone that is {slower} times slower"
        add(figure(PART, f"proof of work of a press, {where}", "ms", times))


async def _prove(browser: Any, html: str, slower: int, count: int) -> list[float]:
    """Ask for callbacks: how long each proof took from the challenge to the request, ms."""
    times = []
    for number in range(count):
        context = await browser.new_context()
        page = await context.new_page()
        await page.route(f"{SHOP}/**", partial(_fulfil, html))
        await page.goto(f"{SHOP}/")
        await page.get_by_role("button").first.click()
        await page.get_by_label("Telephone number").fill(f"020 7{slower}46 1{number:03}")
        devtools = await context.new_cdp_session(page)
        await devtools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        await page.locator("form").get_by_role("button").first.click()
        took = await page.wait_for_function(PROOF_MS, timeout=PROVED_MS)
        times.append(float(await took.json_value()))
        await context.close()
    return times


async def _fulfil(html: str, route: Any) -> None:
    await route.fulfill(body=html, content_type="text/html")


async def _load(browser: Any, html: str) -> tuple[float, float]:
    """Load a page of the shop: seconds of tasks of its main thread, and how much it shifted."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.add_init_script(OBSERVE)

    await page.route(f"{SHOP}/**", partial(_fulfil, html))
    devtools = await context.new_cdp_session(page)
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    await page.goto(f"{SHOP}/")
    await page.wait_for_timeout(SETTLE_MS)
    told = await devtools.send("Performance.getMetrics")
    metrics: dict[str, float] = {one["name"]: one["value"] for one in told["metrics"]}
    shifted: float = await page.evaluate("shifted")
    if html != PLAIN and not await page.locator("[data-ringback]").count():
        raise RuntimeError("the page was loaded without the snippet")
    await context.close()
    return metrics["TaskDuration"], shifted
