"""What the snippet costs a page: bytes, time of the main thread while it loads, and shifts."""

import gzip
import importlib.util
import shutil
from typing import Any

from .report import Report, figure

PART = "web"
SHOP = "http://127.0.0.1:4000"  # nothing listens there: the page is made up
MOST_KIB = 15.0
MOST_MS = 20.0
LOADS = 9
SETTLE_MS = 1500
PAGE = "<!doctype html><html lang=en><title>A shop</title><main>{filler}</main>{line}"
LINE = '<script async src="http://127.0.0.1:{port}/ringback.js" data-site="load"></script>'
FILLER = "<p>From 5, and more.</p>" * 200
OBSERVE = """window.shifted = 0; new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });"""


async def measure(report: Report, port: int, snippet: bytes) -> None:
    """Load a page with the snippet and without it, by turns, in chromium where it is there."""
    add = report.figures.append
    size = len(gzip.compress(snippet, mtime=0)) / 1024
    add(figure(PART, "snippet, compressed", "KiB", [size], target=MOST_KIB))
    executable = shutil.which("chromium")
    if executable is None or importlib.util.find_spec("playwright") is None:
        report.notes.append("no chromium with playwright: the snippet was not loaded")
        return
    from playwright.async_api import async_playwright

    plain = PAGE.format(filler=FILLER, line="")
    with_line = PAGE.format(filler=FILLER, line=LINE.format(port=port))
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            pairs = [
                (await _load(browser, plain), await _load(browser, with_line)) for _ in range(LOADS)
            ]
        finally:
            await browser.close()
    costs = [(loaded - bare) * 1e3 for (bare, _), (loaded, _) in pairs]
    add(
        figure(PART, "main thread for the snippet, while a page loads", "ms", costs, target=MOST_MS)
    )
    shifts = [shifted for _, (_, shifted) in pairs]
    add(figure(PART, "layout shift by the snippet", "", [max(shifts)], target=0.0))


async def _load(browser: Any, html: str) -> tuple[float, float]:
    """Load a page of the shop: seconds of tasks of its main thread, and how much it shifted."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.add_init_script(OBSERVE)

    async def shop(route: Any) -> None:
        await route.fulfill(body=html, content_type="text/html")

    await page.route(f"{SHOP}/**", shop)
    devtools = await context.new_cdp_session(page)
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    await page.goto(f"{SHOP}/")
    await page.wait_for_timeout(SETTLE_MS)
    told = await devtools.send("Performance.getMetrics")
    metrics: dict[str, float] = {one["name"]: one["value"] for one in told["metrics"]}
    shifted: float = await page.evaluate("shifted")
    await context.close()
    return metrics["TaskDuration"], shifted
