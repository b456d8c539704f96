"""Messages become frames that Wireshark reads as SIP, with right lengths, checksums and times."""

import base64
import io
import struct
from pathlib import Path
from typing import Any

import pytest

from engine.cli.tracing.pcap import PcapWriter
from tests.support.traces import request, response
from tests.support.tshark import dissected, needs_tshark


def message(
    data: bytes, *, transport: str = "udp", sent: bool = True, time: float = 5.25, **more: Any
) -> dict[str, Any]:
    """A message as trace.get shows it."""
    return {
        "time": time,
        "direction": "sent" if sent else "received",
        "transport": transport,
        "local": "192.0.2.1:5060",
        "remote": "192.0.2.10:5061",
        "text": data.decode("utf-8", "replace"),
    } | more


def capture(*messages: dict[str, Any]) -> bytes:
    """The file with these messages."""
    file = io.BytesIO()
    writer = PcapWriter(file)
    for one in messages:
        writer.write(one)
    return file.getvalue()


def write(directory: Path, *messages: dict[str, Any]) -> Path:
    """The same, on the disk."""
    path = directory / "call.pcap"
    path.write_bytes(capture(*messages))
    return path


def test_a_capture_without_messages_is_its_head_alone() -> None:
    assert struct.unpack("<IHHiIII", capture()) == (0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)


def test_a_frame_has_the_time_and_the_very_bytes_of_its_message() -> None:
    data = b"INVITE \xff\xfe"
    frame = capture(message(data, time=5.000001, base64=base64.b64encode(data).decode()))[24:]
    whole, rest, size, original = struct.unpack_from("<IIII", frame)
    assert (whole, rest, size, original) == (5, 1, len(frame) - 16, len(frame) - 16)
    assert frame.endswith(data) and size == 28 + len(data)


@needs_tshark
@pytest.mark.parametrize(
    ("local", "remote", "family"),
    [
        ("192.0.2.1:5060", "192.0.2.10:35061", "ip"),
        ("[2001:db8::1]:5060", "[2001:db8::10]:35061", "ipv6"),
    ],
)
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_wireshark_reads_each_message_in_each_transport(
    tmp_path: Path, transport: str, local: str, remote: str, family: str
) -> None:
    addresses: dict[str, Any] = {"local": local, "remote": remote, "transport": transport}
    path = write(
        tmp_path,
        message(request("INVITE", "abc", body=b"x" * 4_001), **addresses),
        message(response("180 Ringing", "abc"), sent=False, time=5.5, **addresses),
        message(request("ACK", "abc"), time=6.0, **addresses),
    )
    carrier = "udp" if transport == "udp" else "tcp"
    frames = await dissected(
        path, "sip.Method", "sip.Status-Code", "sip.Call-ID", f"{family}.src", f"{family}.dst",
        f"{carrier}.srcport", f"{carrier}.dstport", f"{carrier}.checksum.status",
        "frame.time_relative",
    )  # fmt: skip
    host, peer = local.rpartition(":")[0].strip("[]"), remote.rpartition(":")[0].strip("[]")
    good = "1"
    assert frames == [
        ["INVITE", "", "abc", host, peer, "5060", "35061", good, "0.000000000"],
        ["", "180", "abc", peer, host, "35061", "5060", good, "0.250000000"],
        ["ACK", "", "abc", host, peer, "5060", "35061", good, "0.750000000"],
    ]


def test_a_masked_key_is_written_in_base64_of_the_same_length() -> None:
    line = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b"*" * 40 + b"|2^31\r\n"
    assert capture(message(line)).endswith(b"inline:" + b"A" * 40 + b"|2^31\r\n")


@needs_tshark
async def test_wireshark_reads_a_description_with_masked_keys(tmp_path: Path) -> None:
    key = b"*" * 40
    body = (
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        b"m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n" % key
    )
    more = "Content-Type: application/sdp\r\n"
    path = write(tmp_path, message(request("INVITE", "abc", body=body, more=more)))
    assert await dissected(path, "sip.Method", "sdp.media.port") == [["INVITE", "4000"]]


@needs_tshark
async def test_what_went_by_tls_is_read_in_clear_at_its_own_port(tmp_path: Path) -> None:
    tls: dict[str, Any] = {
        "transport": "tls",
        "local": "192.0.2.1:40001",
        "remote": "192.0.2.10:5061",
    }
    path = write(
        tmp_path,
        message(request("OPTIONS", "abc"), **tls),
        message(response("200 OK", "abc", of="OPTIONS"), sent=False, **tls),
    )
    frames = await dissected(path, "sip.Method", "sip.Status-Code", "tcp.dstport")
    assert frames == [["OPTIONS", "", "5061"], ["", "200", "40001"]]


@needs_tshark
async def test_a_message_longer_than_a_frame_may_be_is_put_together_again(tmp_path: Path) -> None:
    long = request("MESSAGE", "abc", body=b"y" * 64_000)
    path = write(tmp_path, message(long, transport="tcp"), message(long, transport="tcp"))
    frames = await dissected(path, "tcp.len", "sip.Method", "sip.Content-Length")
    assert [one[1:] for one in frames if one[1]] == [["MESSAGE", "64000"]] * 2
    assert sum(int(one[0]) for one in frames) == 2 * len(long)
