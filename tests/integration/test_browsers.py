"""Agents whose phone is a browser: aiortc as the browser, PJSIP as the customer."""

from pathlib import Path

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.aiortc_browser import AiortcBrowser, field
from tests.support.phones.real.softphone import SoftphoneProcess, StartPhone
from tests.support.ports import free_port
from tests.support.waiting import until

BROWSER_HZ, CUSTOMER_HZ, AGAIN_HZ = 600, 1500, 900
TOKEN, OTHER_TOKEN = "anna-signs-in-with-this", "and-bert-signs-in-with-that"


async def engine_of(
    own_engine: StartEngine, customer: SoftphoneProcess
) -> tuple[EngineClient, str]:
    """An engine whose agent Anna has a browser, and the URL of its WebSocket."""
    port, web_port = int(customer.uri.rpartition(":")[2]), free_port()
    engine = await own_engine(
        sip={"listen": [f"udp:127.0.0.1:{free_port()}", f"ws:127.0.0.1:{web_port}"]},
        agents=[{"name": name, "uri": f"webrtc:{name}"} for name in ("anna", "bert")],
        rights=[
            {"name": "anna", "token": TOKEN, "agent": "anna"},
            {"name": "bert", "token": OTHER_TOKEN, "agent": "bert"},
        ],
        control={"default_role": "administer"},
        trunks=[{"name": "carrier", "uri": f"sip:127.0.0.1:{port}"}],
    )
    return engine, f"http://127.0.0.1:{web_port}/"


async def test_an_agent_with_a_browser_and_a_customer_hear_each_other(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    customer = await softphone(user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav")
    engine, url = await engine_of(own_engine, customer)
    async with AiortcBrowser(url, "anna", tone_hz=BROWSER_HZ) as browser:
        assert (await browser.register(TOKEN)).startswith("SIP/2.0 200")
        job = await engine.callback(customer.uri, "anna")
        invite = await browser.until("INVITE")
        assert invite.startswith(f"INVITE sip:anna@{browser.host};transport=ws SIP/2.0")
        await browser.reply(invite, "180 Ringing")
        await browser.answer(invite)
        await engine.state("bridged", job)
        await until(lambda: browser.power_at(CUSTOMER_HZ) > 0.02)
        customer.command("hangup")
        await browser.reply(await browser.until("BYE"), "200 OK")
        record = await engine.ended(job)
        assert record["state"] == "completed"
        assert browser.power_at(BROWSER_HZ) < 0.01
    await customer.stop()
    assert customer.heard(tmp_path / "customer.wav").hears(BROWSER_HZ, for_s=0.4)


async def test_who_is_not_signed_in_is_not_reached_and_cannot_call(
    own_engine: StartEngine, softphone: StartPhone
) -> None:
    customer = await softphone(user="customer", tone=CUSTOMER_HZ)
    engine, url = await engine_of(own_engine, customer)
    async with AiortcBrowser(url, "anna", tone_hz=BROWSER_HZ) as browser:
        assert (await browser.register("this-is-not-the-token")).startswith("SIP/2.0 401")
        job = await engine.callback(customer.uri, "anna")
        record = await engine.ended(job)
        assert record["state"] == "failed"
        assert "no browser is signed in as anna" in str(record["attempts"])
        await browser.send("INVITE", "sip:+442079460123@ringback", "stranger")
        assert (await browser.until("SIP/2.0")).startswith("SIP/2.0 403")


@pytest.mark.parametrize("expires_s", [0, 600])
async def test_who_signs_out_or_leaves_is_not_reached(
    own_engine: StartEngine, softphone: StartPhone, expires_s: int
) -> None:
    customer = await softphone(user="customer", tone=CUSTOMER_HZ)
    engine, url = await engine_of(own_engine, customer)
    async with AiortcBrowser(url, "anna", tone_hz=BROWSER_HZ) as browser:
        assert "expires=600" in await browser.register(TOKEN)
        if not expires_s:
            assert "Contact" not in await browser.register(TOKEN, expires_s=0)
    job = await engine.callback(customer.uri, "anna")
    record = await engine.ended(job)
    assert "no browser is signed in as anna" in str(record["attempts"])


async def test_a_page_that_is_loaded_again_goes_on_with_its_call(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    customer = await softphone(user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav")
    engine, url = await engine_of(own_engine, customer)
    async with AiortcBrowser(url, "anna", tone_hz=BROWSER_HZ) as before:
        await before.register(TOKEN)
        job = await engine.callback(customer.uri, "anna")
        invite = await before.until("INVITE")
        await before.answer(invite)
        await engine.state("bridged", job)
    async with AiortcBrowser(url, "anna", tone_hz=AGAIN_HZ) as after:
        await after.register(TOKEN)
        ours = field(invite, "From").partition(";tag=")[2]
        replaced = f"{field(invite, 'Call-ID')};to-tag={ours};from-tag={before.tag}"
        await after.call("sip:ringback", "again", more=f"Replaces: {replaced}\r\n")
        await until(lambda: after.power_at(CUSTOMER_HZ) > 0.02)
        customer.command("hangup")
        await after.reply(await after.until("BYE"), "200 OK")
        record = await engine.ended(job)
        assert record["state"] == "completed"
        assert len(record["attempts"]) == 1
    await customer.stop()
    assert customer.heard(tmp_path / "customer.wav").hears(AGAIN_HZ, for_s=0.4)


async def test_a_call_of_another_is_not_taken_over(
    own_engine: StartEngine, softphone: StartPhone
) -> None:
    customer = await softphone(user="customer", tone=CUSTOMER_HZ)
    engine, url = await engine_of(own_engine, customer)
    async with (
        AiortcBrowser(url, "anna", tone_hz=BROWSER_HZ) as anna,
        AiortcBrowser(url, "bert", tone_hz=AGAIN_HZ) as bert,
    ):
        await anna.register(TOKEN)
        await bert.register(OTHER_TOKEN)
        await engine.callback(customer.uri, "anna")
        invite = await anna.until("INVITE")
        await anna.answer(invite)
        ours = field(invite, "From").partition(";tag=")[2]
        replaces = f"Replaces: {field(invite, 'Call-ID')};to-tag={ours};from-tag={anna.tag}\r\n"
        await bert.peer.setLocalDescription(await bert.peer.createOffer())
        offer = bert.peer.localDescription.sdp
        await bert.send("INVITE", "sip:ringback", "mine", more=replaces, body=offer)
        assert "403" in await bert.until("SIP/2.0 4")
