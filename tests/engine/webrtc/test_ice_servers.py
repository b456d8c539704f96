"""The STUN and TURN servers that pages are told."""

from engine.webrtc.ice_servers import PageIceServers
from media.webrtc.messages import IceServers
from media.webrtc.turn_credentials import time_limited

TURN = "turn:192.0.2.3?transport=udp"


def told(servers: IceServers) -> object:
    return PageIceServers(servers, lambda: 1000.0).told()


def test_none_are_told_where_there_are_none() -> None:
    assert told(IceServers()) == []


def test_credentials_as_they_are_configured() -> None:
    servers = IceServers(stun="stun:192.0.2.3", turn=TURN, turn_username="u", turn_password="p")
    assert told(servers) == [
        {"urls": "stun:192.0.2.3"},
        {"urls": TURN, "username": "u", "credential": "p"},
    ]


def test_credentials_that_hold_for_a_while() -> None:
    name, password = time_limited("shared", 1600.0)
    assert name == "1600:ringback"
    servers = IceServers(turn=TURN, turn_secret="shared", turn_ttl_s=600.0)
    assert told(servers) == [{"urls": TURN, "username": name, "credential": password}]
