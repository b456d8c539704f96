"""The sockets of the gateway: each address of a host, at one port."""

import socket

import pytest

from tests.support.ports import free_port
from web.listeners import listen


def test_each_address_of_a_host_at_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
        for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_more: found)
    listeners = listen("pages.example", 0, 10)
    try:
        first, second = (one.getsockname() for one in listeners)
        assert (first[0], second[0]) == ("127.0.0.1", "127.0.0.2")
        assert first[1] == second[1] != 0
        assert not any(one.getblocking() for one in listeners)
    finally:
        for one in listeners:
            one.close()


def test_none_is_left_where_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
        for address in ("127.0.0.1", "127.0.0.2")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_more: found)
    with socket.create_server(("127.0.0.2", port)), pytest.raises(OSError, match="in use"):
        listen("pages.example", port, 10)
    socket.create_server(("127.0.0.1", port)).close()
