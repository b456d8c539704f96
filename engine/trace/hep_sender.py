"""Tells a Homer collector of every SIP message, RTCP report and record, by HEP over UDP.

Nothing waits for it: what cannot be sent at once is dropped and counted.
"""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
import structlog

from config.tracing import Trace as Settings
from config.value_checks.addresses import split_host_port
from media.protocol.messages import RtcpSeen
from media.protocol.rtcp_figures import RtcpBlock

from .flow import TracedMessage
from .hep_packet import MOST_PAYLOAD_BYTES, TCP, UDP, Address, HepEncoder, Kind

log = structlog.get_logger()

_SENDER_REPORT, _RECEIVER_REPORT = 200, 201
_MOST_DIALOGS: Final = 20
# What is left out of a record that does not fit into one packet, in this order.
_LEFT_OUT: Final = ("context", "notes", "offers", "stays", "attempts", "legs")


class HepSender:
    """The collector that `settings` name; it does nothing where they name none.

    `media_host` is where RTP and RTCP are sent and received. `clock` gives Unix seconds.
    """

    def __init__(
        self, settings: Settings, *, media_host: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._address = split_host_port(settings.hep) if settings.hep else None
        self._encoder = HepEncoder(settings.hep_id, settings.hep_password.get_secret_value())
        self._media_host = media_host
        self._clock = clock
        self._socket: socket.socket | None = None
        self._own: Address = ("0.0.0.0", 0)
        self.sent = 0
        self.dropped = 0

    @property
    def is_wanted(self) -> bool:
        """Whether there is a collector."""
        return self._address is not None

    def open(self) -> None:
        """Begin to send."""
        if self._address is None:
            return
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.connect(self._address)
            host, port, *_ = self._socket.getsockname()
            self._own = (str(host), int(port))
        except OSError as error:  # no route: a network that comes up later is used then
            log.warning("collector_unreachable", reason=error.strerror or str(error))

    def close(self) -> None:
        """Send nothing any more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # -- what is told -------------------------------------------------------------------------

    def sip(self, message: TracedMessage, call_id: bytes) -> None:
        """A message has passed; its secrets are masked."""
        local = (message.local.host, message.local.port)
        peer = (message.peer.host, message.peer.port)
        source, target = (local, peer) if message.is_sent else (peer, local)
        protocol = UDP if message.peer.transport == "udp" else TCP
        self._tell("sip", message.data, call_id, source, target, at=message.at, protocol=protocol)

    def rtcp(self, report: RtcpSeen, call_id: str) -> None:
        """A report was sent to the phone of a leg, or came from it."""
        if self._socket is None:
            return
        local, peer = (self._media_host, report.local_port), (report.host, report.port)
        source, target = (local, peer) if report.is_sent else (peer, local)
        payload = msgspec.json.encode(rtcp_view(report))
        self._tell("rtcp", payload, _key(call_id), source, target, at=self._clock())

    def record(self, row: Mapping[str, Any]) -> None:
        """A callback or call has ended: its record, once for each of its SIP dialogs."""
        if self._socket is None or self._address is None:
            return
        record = msgspec.json.decode(row["body"])
        payload = fitted(record)
        for call_id in list(dialogs_of(record))[:_MOST_DIALOGS] or [""]:
            self._tell("log", payload, _key(call_id), self._own, self._address, at=self._clock())

    def _tell(
        self,
        kind: Kind,
        payload: bytes,
        call_id: bytes,
        source: Address,
        target: Address,
        *,
        at: float,
        protocol: int = UDP,
    ) -> None:
        if self._socket is None or self._address is None:
            return
        try:
            packet = self._encoder.packet(
                kind,
                payload,
                at=at,
                source=source,
                target=target,
                protocol=protocol,
                correlation_id=call_id,
            )
            self._socket.sendto(packet, self._address)
        except OSError:  # nobody listens, no room, no route: calls go on
            self.dropped += 1
        else:
            self.sent += 1


def rtcp_view(report: RtcpSeen) -> dict[str, Any]:
    """A report in the JSON that Homer reads."""
    view: dict[str, Any] = {
        "ssrc": report.ssrc,
        "type": _RECEIVER_REPORT if report.sender is None else _SENDER_REPORT,
        "report_count": len(report.blocks),
        "report_blocks": [_block_view(block) for block in report.blocks],
    }
    if report.sender is not None:
        sender = report.sender
        view["sender_information"] = {
            "ntp_timestamp_sec": sender.ntp >> 32,
            "ntp_timestamp_usec": (sender.ntp & 0xFFFFFFFF) * 1_000_000 >> 32,
            "rtp_timestamp": sender.timestamp,
            "packets": sender.packets,
            "octets": sender.octets,
        }
    return view


def _block_view(block: RtcpBlock) -> dict[str, int]:
    return {
        "source_ssrc": block.ssrc,
        "fraction_lost": block.fraction_lost,
        "packets_lost": block.cumulative_lost,
        "highest_seq_no": block.highest_sequence,
        "ia_jitter": block.jitter,
        "lsr": block.last_report,
        "dlsr": block.delay,
    }


def fitted(record: Mapping[str, Any]) -> bytes:
    """A record as JSON that fits into one packet: what is long is left out, and named."""
    rest = dict(record)
    left_out: list[str] = []
    payload = msgspec.json.encode(rest)
    for name in _LEFT_OUT:
        if len(payload) <= MOST_PAYLOAD_BYTES:
            break
        if rest.pop(name, None):
            left_out.append(name)
            payload = msgspec.json.encode({**rest, "left_out": left_out})
    return payload


def dialogs_of(record: Mapping[str, Any]) -> Iterator[str]:
    """The Call-IDs of the SIP dialogs of a record, each once."""
    legs = [*(record.get("legs") or ())]
    for attempt in record.get("attempts") or ():
        legs += attempt["legs"]
    yield from dict.fromkeys(leg["call_id"] for leg in legs if leg.get("call_id"))


def _key(call_id: str) -> bytes:
    return call_id.encode("utf-8", "surrogateescape")
