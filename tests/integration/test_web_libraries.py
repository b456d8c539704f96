"""Libraries of others as the phone of an agent: they register, are called, and both are heard.

Needs chromium (Debian package), playwright (`pip install 'ringback[browser]'`), and JsSIP and
SIP.js from npm (`make test-browser` installs them).
"""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.engines.process import StartEngine
from tests.support.page_libraries import library_page, needed
from tests.support.talk_stage import both_heard, talk_stage, token_of


@pytest.mark.parametrize("library", ["jssip", "sip.js"])
async def test_a_library_registers_and_its_call_is_heard(
    own_engine: StartEngine, tmp_path: Path, library: str
) -> None:
    needed(library)
    async with AsyncExitStack() as stack:
        stage = await talk_stage(stack, own_engine, tmp_path)
        address = await library_page(stack, library, stage.server, "anna", token_of("anna"))
        agent = await stage.page(address)
        await agent.wait_for_function("() => document.title === 'registered'")
        visitor = await stage.visitor()
        await both_heard(visitor, agent)
        await agent.evaluate("hangUp()")
        await visitor.get_by_role("status").get_by_text("The call is over").wait_for()
        assert agent.faults == [] and visitor.faults == []
