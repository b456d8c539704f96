"""What [sip] makes of the endpoint."""

from pathlib import Path

from structlog.testing import capture_logs

from config.sections import Trunk
from config.sip import Sip, Tls
from engine.routing.endpoint_options import (
    endpoint_options,
    reconfigure,
    tell_of_certificates,
    tls_options,
)
from sip.endpoint import SipEndpoint
from sip.rate_limit import RateLimit
from sip.transport.tls.contexts import TlsFiles, TlsOptions
from tests.support.certificates import Authority


def test_every_key_arrives() -> None:
    options = endpoint_options(
        Sip(
            advertise="203.0.113.5",
            user_agent="Desk",
            max_messages_per_s=70,
            max_messages_burst=80,
            max_unknown_per_s=9,
            max_unknown_together_per_s=20,
            dns=["192.0.2.53:5353", "2001:db8::53"],
        )
    )
    assert (options.advertise, options.product) == ("203.0.113.5", "Desk")
    assert options.rates is not None and options.tcp_limits is not None
    assert options.rates.each == RateLimit(70, 80)
    assert options.rates.unknown == RateLimit(9, 18)
    assert options.rates.unknown_together == RateLimit(20, 40)
    assert options.name_servers == (("192.0.2.53", 5353), ("2001:db8::53", 53))


def test_nothing_advertised_is_the_address_itself() -> None:
    assert endpoint_options(Sip()).advertise is None


TRUNK = Trunk.model_validate(
    {
        "name": "carrier",
        "uri": "sips:carrier.example",
        "listen": ["tls:127.0.0.1:5062"],
        "tls_cert": "own.pem",
        "tls_names": ["*.carrier.example"],
    }
)


def test_tls_arrives_with_what_is_of_single_trunks() -> None:
    tls = Tls(
        cert="c.pem", key="k.pem", ca="ca.pem", verify_client="optional", min_version="1.3",
        ciphers="HIGH", alpn=True,
    )  # fmt: skip
    assert endpoint_options(Sip(tls=tls), [TRUNK]).tls == TlsOptions(
        TlsFiles("c.pem", "k.pem", "ca.pem"),
        verify_client="optional",
        min_version="1.3",
        ciphers="HIGH",
        alpn=("sip/2",),
        own={"carrier": TlsFiles("own.pem", names=("*.carrier.example",))},
    )
    assert tls_options(Sip(tls=Tls(verify_client=True)), []).verify_client == "yes"
    assert tls_options(Sip(), []).verify_client == "no"


def test_without_a_tls_address_there_is_no_tls() -> None:
    assert endpoint_options(Sip(tls=Tls(cert="c.pem")), []).tls is None


async def test_reload_that_cannot_read_a_certificate_keeps_the_old_one(tmp_path: Path) -> None:
    made = Authority(tmp_path).certificate("127.0.0.1", to_days=5.0)
    sip = Sip(listen=["tls:127.0.0.1:0"], tls=Tls(cert=made.cert, key=made.key))
    endpoint = SipEndpoint(sip.listen, on_event=print, options=endpoint_options(sip))
    await endpoint.start()
    try:
        before = endpoint.tcp.certificates
        with capture_logs() as logs:
            reconfigure(endpoint, sip, [])
            Path(made.cert).write_text("damaged")
            reconfigure(endpoint, sip, [])
            busy = Trunk.model_validate(
                {"name": "a", "uri": "sip:h", "listen": ["udp:192.0.2.1:5060"]}
            )
            reconfigure(endpoint, sip, [busy])
        said = [(line["event"], line["log_level"]) for line in logs]
        assert ("certificate_expires", "warning") in said
        assert ("certificate_not_read", "error") in said
        assert ("trunk_does_not_listen", "error") in said
        assert endpoint.tcp.certificates == before
        with capture_logs() as logs:
            tell_of_certificates(endpoint, before[""] + 1.0)
        assert [line["event"] for line in logs] == ["certificate_has_expired"]
    finally:
        await endpoint.stop()
