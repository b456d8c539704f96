"""Proxies before the gateway, and before SIP for browsers."""

from config.queues import Queue
from config.settings import Settings
from config.sip import Sip, WebSocket
from config.sites import Web
from engine.doctor.proxies import proxy_findings
from tests.support.sites import site

CALLS = "wss://calls.example/sip"


def found(web: Web, *listen: str, proxies: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    sip = Sip(
        listen=[*listen, "udp:127.0.0.1:5060"], websocket=WebSocket(trusted_proxies=list(proxies))
    )
    settings = Settings(web=web, sip=sip, sites=[site()], queues=[Queue(name="sales")])
    return [(one.about, one.level) for one in proxy_findings(settings)]


def test_what_listens_on_loopback_should_know_its_proxy() -> None:
    for listen in ("127.0.0.1:8080", "[::1]:8080"):
        assert found(Web(listen=listen)) == [("web.trusted_proxies", "warning")]
    on_both = found(Web(), "ws:127.0.0.1:5062")
    assert on_both[1] == ("sip.websocket.trusted_proxies", "warning")
    there = Web(trusted_proxies=["127.0.0.1/32"])
    assert found(there, "ws:127.0.0.1:5062", proxies=("127.0.0.1/32",)) == [
        ("web.trusted_proxies", "ok"), ("sip.websocket.trusted_proxies", "ok")
    ]  # fmt: skip


def test_what_browsers_reach_by_themselves_needs_none() -> None:
    assert found(Web(listen="192.0.2.1:443"), "ws:192.0.2.1:5062") == []
    assert list(proxy_findings(Settings())) == []
    phone_alone = Settings(web=Web(phone_server=CALLS))
    assert [one.about for one in proxy_findings(phone_alone)] == ["web.trusted_proxies"]


def test_nobody_is_believed_who_may_be_anybody() -> None:
    everybody = Web(listen="192.0.2.1:443", trusted_proxies=["192.0.2.0/24", "0.0.0.0/0"])
    assert found(everybody) == [("web.trusted_proxies", "warning")]
