"""A whole callback over IPv6: SIP, SDP and RTP."""

from pathlib import Path

from tests.support.engines.process import StartEngine
from tests.support.phones.real.sipp import Sipp
from tests.support.ports import free_port, media_ports


async def test_callback_over_ipv6(own_engine: StartEngine, tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "customer").mkdir()
    port = free_port()
    engine = await own_engine(
        sip={"listen": [f"udp:[::1]:{port}", f"tcp:[::1]:{port}"]},
        media={"address": "::1", "ports": media_ports()},
        dial={"allow_hosts": ["::1", "[::1];transport=tcp"]},
    )
    agent = await Sipp.start("answer", tmp_path / "agent", host="::1", rtp_echo=True)
    customer = await Sipp.start("answer", tmp_path / "customer", host="::1", transport="t1")
    try:
        job = await engine.callback(f"{customer.uri};transport=tcp", agent.uri)
        await engine.state("bridged", job)
        (invite,) = agent.received("INVITE")
        assert "c=IN IP6 ::1" in invite.text
        assert f"Contact: <sip:ringback@[::1]:{port}>" in invite.text
        assert f"SIP/2.0/UDP [::1]:{port};" in invite.text
        (over_tcp,) = customer.received("INVITE")
        assert f"SIP/2.0/TCP [::1]:{port};" in over_tcp.text
        legs = (await engine.job(job))["attempts"][0]["legs"]
        assert {leg["local_media"].partition("]")[0] for leg in legs} == {"[::1"}
        await engine.line.call("callback.cancel", id=job)
        await engine.ended(job)
        await agent.finished()
        await customer.finished()
    finally:
        await agent.stop()
        await customer.stop()
