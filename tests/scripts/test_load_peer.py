"""The load peer as a process: driven by commands, called by a caller of raw SIP."""

import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from scripts.bench.c_program import NoCompiler
from scripts.bench.c_relay import CRelay
from scripts.bench.processes import cpu_s
from scripts.load.driver import ROOT, LoadPeerFailed, LoadPeerProcess
from scripts.load.sip_text import SipText, audio_address, read_sip, sdp_text


def _call(user: str, call_id: str, host: str, to_port: int) -> bytes:
    body = sdp_text("127.0.0.1", to_port)
    return (
        f"INVITE sip:{user}@{host} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{call_id}\r\n"
        f"From: <sip:e@127.0.0.1>;tag=e\r\nTo: <sip:{user}@{host}>\r\nCall-ID: {call_id}\r\n"
        f"CSeq: 1 INVITE\r\nContact: <sip:127.0.0.1>\r\n\r\n{body}"
    ).encode()


def _until(sock: socket.socket, status: int) -> SipText:
    while True:
        message = read_sip(sock.recv(65536))
        assert message is not None
        if message.status == status:
            return message


def test_both_sides_of_a_callback_talk_through_a_caller_that_relays() -> None:
    with LoadPeerProcess(streams=64) as peer, socket.socket(type=socket.SOCK_DGRAM) as sip:
        host, port = peer.sip.split(":")
        sip.settimeout(5)
        sip.connect((host, int(port)))
        with (
            socket.socket(type=socket.SOCK_DGRAM) as leg_a,
            socket.socket(type=socket.SOCK_DGRAM) as leg_b,
        ):
            began = time.monotonic()
            for leg, user in ((leg_a, "a1.answer-0"), (leg_b, "b1.answer-0")):
                leg.bind(("127.0.0.1", 0))
                leg.settimeout(5)
                sip.send(_call(user, user, peer.sip, leg.getsockname()[1]))
                answer = _until(sip, 200)
                address = audio_address(answer.body)
                assert address is not None
                leg.connect(address)
            for _ in range(10):
                leg_b.send(leg_a.recv(2048))
                leg_a.send(leg_b.recv(2048))
            time.sleep(0.05)
            stats = peer.ask("stats")
            took_ms = (time.monotonic() - began) * 1000
        assert stats["invite"] == stats["answered"] == stats["streams"] == 2
        assert stats["heard_from_partner"] == 20
        assert stats["heard_from_others"] == 0
        (latency_ms,) = peer.ask("latencies")
        assert 0 < latency_ms < took_ms


def test_a_c_relay_carries_every_packet() -> None:
    with LoadPeerProcess(streams=128) as peer:
        phones = [(host, port) for host, port in peer.ask("phones", count=40)]
        try:
            relay = CRelay(phones)
        except NoCompiler as reason:
            pytest.skip(str(reason))
        peer.ask("feed", pairs=relay.legs)
        before = cpu_s(relay.pid)
        windows: list[dict[str, Any]] = []
        while sum(window["sent"] for window in windows) <= 40 * 10:  # few a window where it is busy
            windows.append(peer.ask("window", s=0.5))
        stats = peer.ask("stats")
        assert cpu_s(relay.pid) > before
        relay.close()
    for window in windows:
        assert window["lost"] == window["duplicates"] == window["breaks"] == 0
    assert stats["heard_from_others"] == 0


def test_silence_and_speech_by_command() -> None:
    with LoadPeerProcess(streams=64) as peer:
        peer.ask("phones", count=2)
        assert peer.ask("feed", pairs=[[["127.0.0.1", 9], ["127.0.0.1", 9]]]) == 2
        peer.ask("direct", silent=True)
        assert peer.ask("window", s=0.1)["sent"] == 0
        peer.ask("direct", silent=False)
        assert peer.ask("window", s=0.1)["sent"] > 0


def test_an_unknown_command_is_an_error_and_the_peer_stays() -> None:
    with LoadPeerProcess(streams=64) as peer:
        with pytest.raises(LoadPeerFailed, match="dance"):
            peer.ask("dance")
        assert peer.ask("stats")["streams"] == 0


def test_an_address_in_use_is_one_line() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "scripts.load_peer", "--listen", address]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"{address}: Address already in use\n"
