"""What of a configuration concerns browsers, and who of them may call."""

import pytest

from config.settings import Settings
from engine.webrtc.browsers import agent_tokens, browsers_of, ice_servers
from engine.webrtc.page_tokens import PageCalls
from media.webrtc.messages import IceServers
from sip.hop import Hop
from sip.message.message import Request
from sip.message.parser import parse
from sip.policy import Authenticated

HOP = Hop("ws", "192.0.2.7", 50000)
PAGES = PageCalls(lambda _hop: "", set)


def nothing(_hop: Hop, _is_silent: bool = False) -> None:
    pass


def settings(**sections: object) -> Settings:
    return Settings.model_validate(
        {"sip": {"listen": ["udp:127.0.0.1:5060", "ws:127.0.0.1:5066"]}} | sections
    )


def invite(*lines: str) -> Request:
    head = [
        "INVITE sip:x@ringback SIP/2.0",
        "Via: SIP/2.0/WS x.invalid;branch=z9hG4bK1",
        "From: <sip:anna@ringback>;tag=1",
        "To: <sip:x@ringback>",
        "Call-ID: c1",
        "CSeq: 1 INVITE",
        *lines,
    ]
    request = parse("\r\n".join([*head, "", ""]).encode())
    assert isinstance(request, Request)
    return request


def test_there_are_none_where_nothing_listens_for_them() -> None:
    assert browsers_of(settings(sip={}), PAGES, on_proved=nothing, on_gone=nothing) is None
    assert browsers_of(settings(), PAGES, on_proved=nothing, on_gone=nothing) is not None


def test_tokens_of_agents_alone_sign_in() -> None:
    rights = settings(
        agents=[{"name": "anna", "uri": "sip:anna@192.0.2.1"}],
        rights=[
            {"name": "a", "token": "a-token-of-many-letters", "agent": "anna"},
            {"name": "b", "token": "b-token-of-many-letters", "role": "read"},
        ],
    ).rights
    assert agent_tokens(rights) == {"anna": "a-token-of-many-letters"}


def test_servers_of_the_configuration() -> None:
    section = {
        "stun": "stun:192.0.2.3",
        "turn": "turn:192.0.2.3?transport=udp",
        "turn_username": "u",
        "turn_password": "p",
        "relay_only": True,
        "advertise": "203.0.113.1",
    }
    servers = ice_servers(settings(webrtc=section).webrtc)
    assert servers == IceServers(
        "stun:192.0.2.3", "turn:192.0.2.3?transport=udp", "u", "p", True, "203.0.113.1"
    )
    assert "'p'" not in repr(servers)


async def test_who_is_signed_in_may_take_over_a_call_and_nobody_else_begins_one() -> None:
    browsers = browsers_of(settings(), PAGES, on_proved=nothing, on_gone=nothing)
    assert browsers is not None
    replacing = invite("Replaces: c0;to-tag=1;from-tag=2")
    assert browsers.admits(replacing, HOP, 0.0) == "refuse"
    registrar = browsers.registrar
    pytest.MonkeyPatch().setattr(registrar, "agent_at", lambda _hop, _now: "anna")
    assert browsers.admits(replacing, HOP, 0.0) == Authenticated("webrtc:anna")
    assert browsers.admits(invite(), HOP, 0.0) == "refuse"
    assert browsers.hop_of("anna", 0.0) is None and browsers.contact_at(HOP) is None
    assert browsers.call_ids() == set()
    browsers.gone(HOP, is_silent=False)
    browsers.end("c1")
    await browsers.close()
