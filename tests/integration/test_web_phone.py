"""An agent's phone in a real browser: from the offer to two voices that hear each other.

Needs chromium (Debian package) and playwright (`pip install 'ringback[browser]'`).
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from config.web_settings import load
from tests.support.browser import browser_with_microphone, copy_of, executable, new_page, sign_in
from tests.support.engines.process import StartEngine, write_config
from tests.support.phones.real.softphone import StartPhone
from tests.support.ports import free_port
from tests.support.recording import write_tone_wav
from web.server import Gateway

AGENT_HZ, CUSTOMER_HZ = 700, 1100
TOKEN = "anna-signs-in-with-this"
REFUSED = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('refused'))"
FOCUSED = """(() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const unseen = style.outlineStyle === "none" ? "invisible " : "";
  return unseen + (one.ariaLabel || one.textContent).trim();
})()"""
# The phone is not told of an INVITE before the test says so.
HOLD_INVITES = """() => {
  const rings = phone.rings;
  window.held = [];
  phone.rings = (invite) => { held.push(() => rings.call(phone, invite)); };
}"""
# How loud a tone is in what the page plays, in decibels.
LEVEL_AT = """async (hz) => {
  const context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(document.getElementById("ear").srcObject).connect(analyser);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const at = (f) => bins[Math.round(f * analyser.fftSize / context.sampleRate)];
  await context.close();
  return at(hz);
}"""


@pytest.fixture
async def desk(
    stack: AsyncExitStack, own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> Any:
    """The page of an agent, signed in, whose microphone hears a tone; and a customer."""
    executable()
    customer = await softphone(
        user="customer", tone=CUSTOMER_HZ, answer_after=0.3, record=tmp_path / "customer.wav"
    )
    sip_port = free_port()
    engine = await own_engine(
        sip={"listen": [f"udp:127.0.0.1:{free_port()}", f"ws:127.0.0.1:{sip_port}"]},
        agents=[{"name": "anna", "uri": "webrtc:anna", "queues": ["sales"]}],
        queues=[{"name": "sales"}],
        rights=[{"name": "anna", "token": TOKEN, "agent": "anna"}],
        agent_defaults={"pause_reasons": ["lunch"], "outcomes": ["sold"], "wrap_up_s": 60.0},
        control={"default_role": "administer"},
        trunks=[{"name": "wire", "uri": customer.uri.replace("customer@", "")}],
        routes=[{"prefix": "+", "trunks": ["wire"]}],
    )
    file = tmp_path / "web.toml"
    own = {
        "listen": "127.0.0.1:0",
        "secret_file": str(tmp_path / "web.secret"),
        "phone_server": f"ws://127.0.0.1:{sip_port}",
    }
    write_config(file, {"control": {"socket": str(engine.process.socket)}, "web": own})
    gateway = Gateway(str(file), load(file, environ={}))
    url = await stack.enter_async_context(gateway.serving())
    tone = write_tone_wav(tmp_path / "microphone.wav", AGENT_HZ, 5.0)
    browser = await browser_with_microphone(stack, tone)
    page = await new_page(browser)
    await page.goto(f"{url}/phone")
    page.engine, page.customer, page.url_of_gateway = engine, customer, url
    return page


async def offered(page: Any) -> str:
    """Sign in, be ready, and have a callback of a visitor ring."""
    await sign_in(page, TOKEN)
    await page.get_by_text("phone connected").wait_for()
    context = {"name": "<b id=forged>Bob</b>", "page": "https://shop.example/prices"}
    job: str = (
        await page.engine.line.call(
            "callback.request",
            to="+442079460123",
            queue="sales",
            context=context,
            script="Sell them a hat",
        )
    )["id"]
    await page.get_by_role("button", name="Answer").wait_for()
    return job


async def test_a_talk_from_the_offer_to_the_end(desk: Any, tmp_path: Path) -> None:
    job = await offered(desk)
    await desk.get_by_text("<b id=forged>Bob</b>").wait_for()
    assert await desk.locator("#forged").count() == 0
    await desk.get_by_role("heading", name="+442079460123").wait_for()
    await desk.get_by_text("Sell them a hat").wait_for()
    await desk.keyboard.press("Enter")  # the button has the focus
    await desk.engine.state("bridged", job)
    await desk.get_by_text("talking", exact=True).wait_for()
    assert await desk.evaluate(LEVEL_AT, CUSTOMER_HZ) > -60
    assert await desk.evaluate(LEVEL_AT, AGENT_HZ) < -70
    await desk.get_by_role("button", name="Hold").click()
    await desk.locator("#hold[aria-pressed=true]").wait_for()
    await desk.get_by_role("button", name="Hold").click()
    await desk.locator("#hold[aria-pressed=false]").wait_for()
    await asyncio.sleep(1.5)  # they talk
    await desk.get_by_role("button", name="Hang up").click()
    record = await desk.engine.ended(job)
    assert record["state"] == "completed"
    await desk.get_by_text("wrap-up").wait_for()
    await desk.get_by_label("Outcome").fill("sold")
    await desk.get_by_label("Note").fill("A green one")
    await desk.get_by_role("button", name="Save").click()
    await desk.engine.event("callback.annotated", job)
    record = await desk.engine.line.call("callback.get", id=job)
    assert record["outcome"] == "sold"
    await desk.get_by_label("Reason of the pause").select_option("lunch")
    await desk.get_by_role("button", name="Pause").click()
    await desk.get_by_text("paused (lunch)").wait_for()
    assert desk.faults == []
    await desk.customer.stop()
    assert desk.customer.heard(tmp_path / "customer.wav").hears(AGENT_HZ, for_s=0.6)


async def test_a_page_that_is_loaded_again_goes_on_talking(desk: Any) -> None:
    job = await offered(desk)
    await desk.reload()  # while it rings
    await desk.get_by_role("heading", name="+442079460123").wait_for()
    await desk.get_by_role("button", name="Answer").click()
    await desk.engine.state("bridged", job)
    await desk.get_by_text("talking", exact=True).wait_for()
    await desk.reload()
    await desk.get_by_role("button", name="Hang up").wait_for()
    assert await desk.evaluate(LEVEL_AT, CUSTOMER_HZ) > -60
    await desk.get_by_role("button", name="Hang up").click()
    record = await desk.engine.ended(job)
    assert record["state"] == "completed" and len(record["attempts"]) == 1
    assert desk.faults == []


async def test_a_copy_of_the_tab_takes_the_phone_over_when_it_is_told_to(desk: Any) -> None:
    job = await offered(desk)
    copy = await copy_of(desk)
    await copy.get_by_text("This phone is open in another tab.").wait_for()
    assert await copy.get_by_role("button", name="Ready").is_hidden()
    # Since then the tab has a talk, of which its copy knows nothing.
    await desk.get_by_role("button", name="Answer").click()
    await desk.engine.state("bridged", job)
    await copy.get_by_role("button", name="Use it here").click()
    await copy.get_by_role("button", name="Hang up").wait_for()
    await copy.get_by_role("heading", name="+442079460123").wait_for()
    await copy.get_by_text("Sell them a hat").wait_for()
    await desk.get_by_text("This phone is open in another tab.").wait_for()
    assert await copy.evaluate(LEVEL_AT, CUSTOMER_HZ) > -60
    await desk.reload()  # the tab that has left stays so
    await desk.get_by_text("This phone is open in another tab.").wait_for()
    await desk.get_by_role("button", name="Use it here").click()  # and back
    await desk.get_by_role("button", name="Hang up").wait_for()
    await copy.get_by_text("This phone is open in another tab.").wait_for()
    assert await desk.evaluate(LEVEL_AT, CUSTOMER_HZ) > -60
    await desk.get_by_role("button", name="Hang up").click()
    record = await desk.engine.ended(job)
    assert record["state"] == "completed" and len(record["attempts"]) == 1
    await desk.reload()  # the copy does not take what is only loaded again
    await desk.get_by_role("button", name="Ready").wait_for()
    await desk.close()  # then the copy has the phone by itself
    await copy.get_by_role("button", name="Ready").wait_for()
    await copy.get_by_text("phone connected").wait_for()


async def test_sign_in_and_the_test_of_the_sound_by_keyboard_alone(desk: Any) -> None:
    keys = desk.keyboard
    await desk.get_by_label("Token").wait_for()
    await keys.press("Tab")
    await keys.type("this-is-nobodys-token")
    await keys.press("Enter")
    fault = desk.get_by_role("alert")
    await fault.get_by_text("The token was not accepted.").wait_for()
    assert await desk.get_by_role("button", name="Ready").is_hidden()
    await desk.get_by_label("Token").focus()
    await keys.type(TOKEN)
    await keys.press("Enter")
    await desk.get_by_text("phone connected").wait_for()
    seen = []
    while "Test loudspeaker" not in seen:
        await keys.press("Tab")
        seen.append(await desk.evaluate(FOCUSED))
        if seen[-1].startswith("Test"):
            await keys.press("Enter")
        assert len(seen) < 20
    order = ["Ready", "Reason of the pause", "Pause", "Sign out"]
    assert seen == [*order, "Test microphone", "Test loudspeaker"]
    await desk.wait_for_function("() => document.getElementById('level').value > 0.1")
    assert await fault.inner_text() == ""
    await desk.evaluate(f"() => {{ {REFUSED} }}")
    await desk.get_by_role("button", name="Test microphone").press("Space")
    await fault.get_by_text("The microphone cannot be used").wait_for()
    assert desk.faults == []


async def test_what_does_not_work_is_told_in_the_language_of_the_agent(desk: Any) -> None:
    await sign_in(desk, TOKEN)
    await desk.get_by_text("phone connected").wait_for()
    await desk.get_by_label("Language").select_option("de")
    await desk.get_by_role("button", name="Bereit").wait_for()
    fault = desk.get_by_role("alert")
    for asked, told in (
        ('attempt("agent.pause", {agent: "anna", reason: "nap"})', "Dieser Grund steht nicht"),
        ('attempt("agent.get", {agent: "bert"})', "Dazu haben Sie kein Recht."),
        ('attempt("agent.get", {nobody: 1})', "Etwas daran fehlt oder ist falsch."),
    ):
        await desk.evaluate(f"() => {asked}")
        await fault.get_by_text(told).wait_for()
    await desk.evaluate("""() => {
        answers.set(99, {resolve() {}, reject: (error) => fault(error.message)});
        received({id: 99, error: "said tomorrow", code: "of tomorrow"});
    }""")
    await fault.get_by_text("said tomorrow").wait_for()  # there is no sentence for it yet
    await desk.evaluate("""() => told(
        {type: "transfer.failed", result: "busy", cause: "to busy: 486"}
    )""")
    await fault.get_by_text("besetzt").wait_for()
    denied = REFUSED.replace("new Error('refused')", "new DOMException('', 'NotAllowedError')")
    await desk.evaluate(f"() => {{ {denied} }}")
    await desk.get_by_role("button", name="Mikrofon testen").press("Space")
    await fault.get_by_text("Der Browser erlaubt das Mikrofon nicht.").wait_for()
    assert desk.faults == []


async def test_a_microphone_that_is_refused_and_keys_of_the_keyboard(desk: Any) -> None:
    job = await offered(desk)
    await desk.evaluate(
        f"() => {{ window.allowed = navigator.mediaDevices.getUserMedia; {REFUSED} }}"
    )
    await desk.keyboard.press("Enter")
    await desk.get_by_role("alert").get_by_text("The microphone cannot be used").wait_for()
    await desk.get_by_role("button", name="Answer").wait_for(state="hidden")
    await desk.evaluate("delete navigator.mediaDevices.getUserMedia; 0")
    answer = desk.get_by_role("button", name="Answer")
    await answer.wait_for()  # the queue offers it anew
    await answer.press("Enter")
    await desk.engine.state("bridged", job)
    await desk.get_by_label("Transfer to").fill("5")  # is no key of the keypad
    await desk.locator("#call").focus()
    for name in ("Mute", "Mute", "Hold"):
        await desk.get_by_role("button", name=name).press("Enter")
    await desk.locator("#hold[aria-pressed=true]").wait_for()
    await desk.keyboard.press("Space")
    await desk.locator("#hold[aria-pressed=false]").wait_for()
    await desk.keyboard.press("7")
    digit = await desk.engine.event("leg.dtmf", job)
    assert digit["digit"] == "7"
    await desk.keyboard.press("Tab")
    assert await desk.evaluate(FOCUSED) == "Hang up"
    await desk.keyboard.press("Enter")
    record = await desk.engine.ended(job)
    assert record["state"] == "completed"
    assert desk.faults == []


async def test_an_agent_is_told_that_the_visitor_has_cancelled(desk: Any) -> None:
    told = desk.get_by_role("alert").get_by_text("The call was cancelled.")
    for job in (await offered(desk), ""):
        if not job:
            asked = {"to": "+442079460124", "queue": "sales"}
            job = (await desk.engine.line.call("callback.request", **asked))["id"]
            await desk.get_by_role("button", name="Answer").wait_for()
            await told.wait_for(state="hidden")
            await desk.keyboard.press("Enter")
            await desk.engine.state("bridged", job)
        await desk.engine.line.call("callback.cancel", id=job)
        await told.wait_for()
        await desk.get_by_role("button", name="Hang up").wait_for(state="hidden")
    await desk.get_by_text("wrap-up", exact=True).wait_for()
    await desk.keyboard.press("Tab")  # by keys alone: the button that had the focus is gone
    await desk.keyboard.type("sold")
    await desk.keyboard.press("Tab")
    await desk.keyboard.type("They had changed their mind")
    await desk.keyboard.press("Tab")
    assert await desk.evaluate(FOCUSED) == "Save"
    await desk.keyboard.press("Enter")
    await desk.engine.event("callback.annotated", job)
    record = await desk.engine.line.call("callback.get", id=job)
    assert (record["state"], record["outcome"]) == ("cancelled", "sold")
    assert record["notes"] == ["They had changed their mind"]
    assert desk.faults == []


async def test_who_calls_is_shown_with_what_was_before_it_rings(desk: Any) -> None:
    first = await offered(desk)
    await desk.get_by_role("button", name="Answer").click()
    await desk.engine.state("bridged", first)
    await desk.get_by_label("Note").fill("Asked for a hat")
    await desk.get_by_role("button", name="Save").click()
    await desk.engine.event("callback.annotated", first)
    await desk.get_by_role("button", name="Hang up").click()
    await desk.engine.ended(first)
    await desk.get_by_role("button", name="Ready").click()
    await desk.locator("[data-state=available]").wait_for()
    await desk.evaluate(HOLD_INVITES)
    asked = {
        "to": "+442079460123",
        "queue": "sales",
        "context": {"page": "https://shop.example/hats"},
    }
    job = (await desk.engine.line.call("callback.request", **asked))["id"]
    await desk.wait_for_function("() => held.length > 0")
    # The phone has not seen the INVITE yet.
    await desk.get_by_role("heading", name="+442079460123").wait_for()
    await desk.get_by_text("https://shop.example/hats").wait_for()
    earlier = desk.get_by_role("list", name="Earlier calls").get_by_role("listitem")
    await earlier.get_by_text("Asked for a hat").wait_for()
    assert "anna" in await earlier.inner_text()
    assert await desk.get_by_role("button", name="Answer").is_hidden()
    await desk.evaluate("held.forEach((go) => go())")
    await desk.get_by_role("button", name="Answer").click()
    await desk.engine.state("bridged", job)
    assert desk.faults == []
