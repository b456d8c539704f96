"""Chromium for tests, driven by playwright; and axe-core, which finds what is not accessible."""

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parents[2] / ".venv/node/node_modules/axe-core/axe.min.js"
PATIENCE_MS = 60_000
_LISTENS = re.compile(r"DevTools listening on (ws://\S+)")


def executable() -> str:
    """Where chromium is. Skips where it is not there, or cannot be driven."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed (Debian package chromium)")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed (pip install 'ringback[browser]')")
    return found


class Chromium:
    """One chromium without a screen for many tests: each connects to it, and has its own pages."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "chromium.log"
        options = ("--headless", "--no-sandbox", "--remote-debugging-port=0", "--disable-gpu")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [executable(), *options, f"--user-data-dir={directory}", "about:blank"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def connected(self, stack: AsyncExitStack) -> Any:
        """The browser, for playwright, until the stack is closed."""
        from playwright.async_api import async_playwright

        driver = await stack.enter_async_context(async_playwright())
        browser = await driver.chromium.connect_over_cdp(await self._address())
        stack.push_async_callback(browser.close)
        return browser

    async def _address(self) -> str:
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while True:
                found = _LISTENS.search(self._log.read_text(errors="replace"))
                if found is not None:
                    return found[1]
                assert self._process.poll() is None, self._log.read_text(errors="replace")
                await asyncio.sleep(0.05)

    def stop(self) -> None:
        """End it, with the processes that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


async def browser_with_microphone(stack: AsyncExitStack, sound: Path) -> Any:
    """A chromium whose microphone hears a WAV file, for playwright, until the stack is closed.

    Skips where there is none.
    """
    path = executable()
    from playwright.async_api import async_playwright

    driver = await stack.enter_async_context(async_playwright())
    browser = await driver.chromium.launch(
        executable_path=path,
        args=[
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={sound}",
            "--autoplay-policy=no-user-gesture-required",
        ],
    )
    stack.push_async_callback(browser.close)
    return browser


async def new_page(browser: Any, **context: Any) -> Any:
    """A page of its own. Its `faults` are the errors of its scripts."""
    opened = await browser.new_context(**context)
    return _watched(await opened.new_page())


async def other_tab(page: Any, address: str) -> Any:
    """Another tab of the same browser."""
    other = _watched(await page.context.new_page())
    await other.goto(address)
    return other


async def copy_of(page: Any) -> Any:
    """A copy of a tab, with what the tab keeps."""
    async with page.context.expect_page() as opened:
        await page.evaluate("() => { open(location.href); }")
    return _watched(await opened.value)


async def sign_in(page: Any, token: str) -> None:
    """Show this token at `/phone`."""
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Sign in").click()


def _watched(page: Any) -> Any:
    page.set_default_timeout(PATIENCE_MS)
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    return page


async def inaccessible(page: Any) -> list[str]:
    """What axe-core objects to in a page, by the rules of WCAG 2.2 AA and its best practices."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run({ rules: { 'target-size': { enabled: true } } })")
    return [
        f"{one['id']}: {one['help']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
