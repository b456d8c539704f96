"""A leg: one peer, its sockets, what it hears and what is known of it."""

import socket
from typing import Final

from .clip import SILENCE, Clip
from .doors import Doors
from .equipment import Equipment
from .messages import (
    Codec,
    Connect,
    Dtmf,
    FirstPacket,
    LegStats,
    MediaResumed,
    MediaTimeout,
    PeerMoved,
    Played,
    SilenceEnded,
    SilenceStarted,
)
from .peer import Address, PeerLearner
from .peer_stream import TRANSLATION, PeerStream
from .ports import PortPair, discard_waiting
from .recorder import Tap
from .rtcp_session import RtcpSession
from .rtp import HEADER, MARKER_BIT, VERSION_BITS, payload_bounds
from .stream import OutgoingStream
from .telephone_event import DigitReader, DigitWriter

GAP_FILL_S: Final = 0.2  # silence is sent once the relayed peer has said nothing for so long
_LOUD_AGAIN_S: Final = 0.5
_QUIET_LOOKS: Final = 3  # frames looked at as a whole before a peer is called silent
_STATIC_CODECS: Final[dict[int, str]] = {0: "PCMU", 8: "PCMA"}
_EXPEDITED_FORWARDING: Final = 0xB8  # DSCP EF (RFC 3246) in the TOS byte


class Leg:
    """One leg of a call. Times are seconds of one monotonic clock.

    `relayed` is the stream that is being forwarded to the peer at the moment; while it is None,
    the peer hears the frames of the clock, or nothing when it must not hear anything.
    """

    __slots__ = (
        "_clip",
        "_connected_at",
        "_equipment",
        "_heard",
        "_line",
        "_loop",
        "_mapped_epoch",
        "_may_receive",
        "_may_send",
        "_play",
        "_position",
        "_quiet_looks",
        "_silent",
        "_timed_out",
        "_waiting_since",
        "codec",
        "digit_reader",
        "digits",
        "dropped_garbage",
        "dropped_late",
        "dropped_stranger",
        "event_payload_type",
        "hearing",
        "incoming",
        "learner",
        "line_fd",
        "name",
        "pair",
        "payload_type",
        "relayed",
        "rtcp",
        "send",
        "stream",
        "tap",
    )

    def __init__(
        self, name: str, pair: PortPair, stream: OutgoingStream, equipment: Equipment
    ) -> None:
        self.name = name
        self.pair = pair
        self.stream = stream
        self._equipment = equipment
        self._line: socket.socket | None = None
        self.line_fd = -1  # once the line is connected and the relay reads it
        self.send = pair.rtp.send
        self.incoming = PeerStream(self, pair.rtp.recv_into)
        self.learner: PeerLearner | None = None
        self.rtcp: RtcpSession | None = None
        self.codec: Codec = "PCMU"
        self.payload_type = 0
        self.event_payload_type: int | None = None
        self._may_send = False
        self._may_receive = False
        self._connected_at = 0.0
        # What the leg hears
        self.hearing: PeerStream | None = None
        self.relayed: PeerStream | None = None
        self._mapped_epoch = -1
        self._waiting_since = 0.0
        self._clip: Clip | None = None
        self._loop = False
        self._position = 0
        self._play = 0
        self.digits = DigitWriter()
        # What the peer does
        self.digit_reader = DigitReader()
        self._heard = False
        self._timed_out = False
        self._silent = False
        self._quiet_looks = 0
        self.tap: Tap | None = None
        self.dropped_garbage = 0
        self.dropped_stranger = 0
        self.dropped_late = 0

    # The peer

    def connect(self, description: Connect, now: float) -> None:
        """Take over where the peer is and what was agreed; raises OSError for a bad address."""
        self.incoming.settle()
        if self.hearing is not None:
            self.hearing.settle()
        host, port = description.host, description.port
        if self.learner is None:
            self.dropped_late += self.pair.discard_waiting()
            self.learner = PeerLearner(host, port, now)
            self._open_line()
            self._equipment.doors.add(self.pair.rtp, self, is_rtcp=False)
            self._equipment.doors.add(self.pair.rtcp, self, is_rtcp=True)
            self.rtcp = RtcpSession(
                self.stream.ssrc,
                self._equipment.cname,
                now,
                unix_offset_s=self._equipment.unix_offset_s,
                rng=self._equipment.rng,
            )
            self._point_line(self.learner.current)
        else:
            before = self.learner.current
            self.learner.signal(host, port, now)
            if self.learner.current != before:
                self._point_line(self.learner.current)
        assert self.rtcp is not None
        self.rtcp.remote = (host, description.rtcp_port)
        if description.codec != self.codec:
            self._equipment.speaking.set_codec(self, description.codec)
        self.codec = description.codec
        self.payload_type = description.payload_type
        self.event_payload_type = description.telephone_event_payload_type
        self.incoming.event_payload_type = self.event_payload_type
        self.incoming.audio = {**_STATIC_CODECS, description.payload_type: description.codec}
        self._connected_at = now
        self.incoming.loud_at = now
        self._may_receive = description.direction in ("sendrecv", "recvonly")
        may_send = description.direction in ("sendrecv", "sendonly") and port > 0
        if may_send != self._may_send:
            self._may_send = may_send
            self.relayed = None
            self._waiting_since = now
            if may_send:
                self._speak()
            else:
                self._hush()

    def _open_line(self) -> None:
        """The second socket of the port, to be connected: what it gets comes from the peer only."""
        door = self.pair.rtp
        line = socket.socket(door.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        # The door was bound alone, so the port is ours; it is shared for this moment only.
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            line.bind(door.getsockname())
        except OSError:
            line.close()
            raise
        finally:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        if door.family == socket.AF_INET:
            line.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED_FORWARDING)
        self._line = line

    def _point_line(self, peer: Address) -> None:
        line = self._line
        assert line is not None
        self.incoming.settle()
        line.connect(peer)
        if self.line_fd < 0:
            # What came between bind and connect may be anybody's.
            self.dropped_stranger += discard_waiting(line)
            self.send = line.send
            self.incoming.receive_into = line.recv_into
            self.line_fd = line.fileno()
            self._equipment.relay.add(self.line_fd, self.incoming)

    def door_received(self, packet: bytearray, size: int, source: Address, now: float) -> None:
        """A datagram that did not come from where the peer is believed to be."""
        learner = self.learner
        assert learner is not None
        bounds = payload_bounds(packet, size)
        if bounds is None:
            self.dropped_garbage += 1
            return
        first, sequence, _timestamp, ssrc = HEADER.unpack_from(packet)
        if source == learner.current:  # waited here since before the line was connected
            self.incoming.receive_packet(packet, size, now)
            return
        incoming = self.incoming
        payload_type = first & 0x7F
        known = payload_type in incoming.audio or payload_type == self.event_payload_type
        incoming.settle()
        if known and learner.consider(
            source,
            ssrc,
            sequence,
            now,
            heard_at=incoming.heard_at,
            stream_ssrc=incoming.ssrc,
            stream_sequence=incoming.highest,
        ):
            self._point_line(source)
            self._equipment.emit(PeerMoved(self.name, *source))
            incoming.receive_packet(packet, size, now)
        else:
            self.dropped_stranger += 1

    def rtcp_received(self, packet: bytearray, size: int, source: Address, now: float) -> None:
        """A datagram on the RTCP port: the peer's host only."""
        if self.learner is None or self.rtcp is None or source[0] != self.learner.current[0]:
            self.dropped_stranger += 1
        elif not self.rtcp.receive(bytes(packet[:size]), source, now):
            self.dropped_garbage += 1

    def peer_heard(self, now: float) -> None:
        """A packet of the peer went through the general path."""
        learner = self.learner
        assert learner is not None
        learner.heard()
        if not self._heard:
            self._heard = True
            self.incoming.loud_at = now
            self._equipment.emit(FirstPacket(self.name))
        if self._timed_out:
            self._timed_out = False
            self.incoming.loud_at = now
            self._equipment.emit(MediaResumed(self.name))

    def heard_level(self, loud: bool, now: float) -> None:
        """A whole frame was looked at, after its samples had suggested silence."""
        if loud:
            self.incoming.loud_at = now
            self._quiet_looks = 0
            return
        self._quiet_looks += 1
        if self._quiet_looks == _QUIET_LOOKS and not self._silent:
            self._silent = True
            silent_ms = round((now - self.incoming.loud_at) * 1000)
            self._equipment.emit(SilenceStarted(self.name, silent_ms))

    def event_received(self, payload: bytes, timestamp: int, now: float) -> None:
        """A telephone-event packet of the peer."""
        for digit, duration_ms in self.digit_reader.receive(payload, timestamp, now):
            self._equipment.emit(Dtmf(self.name, digit, duration_ms))

    # What the peer hears

    def hear_clip(self, play: int, clip: Clip, *, loop: bool) -> None:
        """From the next frame on the peer hears `clip`."""
        self._leave_peer()
        self._play = play
        self._clip = clip
        self._loop = loop
        self._position = 0
        self._speak()

    def hear_leg(self, other: "Leg", now: float) -> None:
        """The peer hears another leg's peer from its next packet on; till then, what it heard."""
        if self.hearing is other.incoming:
            return
        self._leave_peer()
        self._play = 0
        other.incoming.settle()
        other.incoming.listeners.append(self)
        self.hearing = other.incoming
        self._waiting_since = now

    def hear_silence(self) -> None:
        """The peer hears silence."""
        self.hear_clip(0, SILENCE, loop=True)

    def _leave_peer(self) -> None:
        if self.hearing is not None:
            self.hearing.settle()
            self.hearing.listeners.remove(self)
            self.hearing = None
        self.relayed = None

    def _speak(self) -> None:
        if self._clip is not None and self._may_send:
            self._equipment.speaking.add(
                self, self._clip, self.codec, loop=self._loop, position=self._position
            )

    def _hush(self) -> None:
        position = self._equipment.speaking.remove(self)
        if position is not None:
            self._position = position

    def clip_ended(self) -> None:
        """The finite clip had its last frame: silence follows, and the engine is told."""
        play = self._play
        self._clip, self._loop, self._position = SILENCE, True, 0
        self._speak()
        if play:
            self._equipment.emit(Played(self.name, play))

    def send_frame(self, payload: bytes, now: float) -> None:
        """Send a frame of the clock."""
        if self.digits:
            return
        stream = self.stream
        marker = stream.next_frame(len(payload), now)
        self._transmit(self.payload_type, stream.sequence, stream.timestamp, marker, payload)

    def send_digits(self, digits: str, duration_ms: int, gap_ms: int) -> bool:
        """Queue DTMF digits; False when the peer takes no telephone-events."""
        if self.event_payload_type is None:
            return False
        if self.hearing is not None:
            self.hearing.settle()
        self.relayed = None
        self.digits.add(digits, duration_ms=duration_ms, gap_ms=gap_ms)
        return True

    def send_digit_frame(self, now: float) -> None:
        """The next frame of the digits under way."""
        frame = self.digits.next_frame()
        if frame is None or self.event_payload_type is None or not self._may_send:
            return
        payload, begins = frame
        if begins:
            self.stream.next_frame(len(payload), now)
        else:
            self.stream.repeat_timestamp(len(payload))
        stream = self.stream
        self._transmit(self.event_payload_type, stream.sequence, stream.timestamp, begins, payload)

    def relay_audio(
        self,
        source: PeerStream,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload: bytes,
        codec: str,
        now: float,
    ) -> None:
        """Forward an audio packet of the leg that is heard. `sequence` is extended."""
        if not self._follows(source, sequence, timestamp, now):
            return
        stream = self.stream
        numbers = stream.forward(sequence, timestamp, len(payload), now)
        if numbers is not None:
            table = TRANSLATION[codec, self.codec]
            if table is not None:
                payload = payload.translate(table)
            marker = marker or stream.marker_due
            stream.marker_due = False
            self._transmit(self.payload_type, *numbers, marker, payload)

    def relay_event(
        self,
        source: PeerStream,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload: bytes,
        now: float,
    ) -> None:
        """Forward a telephone-event packet, if this peer takes any."""
        if self.event_payload_type is None:
            self.relay_nothing(source, sequence)
        elif self._follows(source, sequence, timestamp, now):
            numbers = self.stream.forward(sequence, timestamp, len(payload), now)
            if numbers is not None:
                self._transmit(self.event_payload_type, *numbers, marker, payload)

    def relay_nothing(self, source: PeerStream, sequence: int) -> None:
        """A packet of the leg that is heard has no place in this peer's stream."""
        if self.relayed is source and sequence == source.highest:
            self.stream.skip(sequence)

    def _follows(self, source: PeerStream, sequence: int, timestamp: int, now: float) -> bool:
        """Whether `source` is being forwarded, beginning with this packet if need be."""
        if not self._may_send or self.digits:
            self.relayed = None
            return False
        if self.relayed is source and self._mapped_epoch == source.epoch:
            return True
        if sequence != source.highest:
            return False
        self._equipment.speaking.remove(self)
        self._clip = None
        self.relayed = source
        self._mapped_epoch = source.epoch
        self.stream.follow(sequence, timestamp, now)
        return True

    def _transmit(
        self, payload_type: int, sequence: int, timestamp: int, marker: bool, payload: bytes
    ) -> None:
        first = VERSION_BITS | payload_type | (MARKER_BIT if marker else 0)
        stream = self.stream
        header = HEADER.pack(first, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, stream.ssrc)
        try:
            self.send(header + payload)
        except OSError:  # the peer's port is closed, or the kernel's buffer is full
            stream.failed()

    # Now and then

    def look_after(self, now: float) -> None:
        """What needs no better clock than ten times a second."""
        rtcp = self.rtcp
        if rtcp is None:
            return
        incoming, hearing = self.incoming, self.hearing
        if (
            now - incoming.heard_at >= GAP_FILL_S
            or now - incoming.loud_at >= self._equipment.silence_s
            or self._silent
            or self.digit_reader.holding
        ):
            self._watch_peer(now)
        if hearing is not None and now - hearing.heard_at >= GAP_FILL_S:
            self._fill_gap(hearing, now)
        if now >= rtcp.due_at:
            self._settle_all()
            self._send_rtcp(rtcp.report(incoming, self.stream, now))

    def _watch_peer(self, now: float) -> None:
        """The peer sends nothing, or nothing to be heard, or its silence may be over."""
        incoming, equipment = self.incoming, self._equipment
        silent_s = now - max(incoming.heard_at, self._connected_at)
        if self._may_receive and silent_s >= equipment.timeout_s and not self._timed_out:
            incoming.settle()
            self._timed_out = True
            equipment.emit(MediaTimeout(self.name, round(silent_s, 3)))
        if self._silent:
            if now - incoming.loud_at < _LOUD_AGAIN_S:
                self._silent = False
                self._quiet_looks = 0
                equipment.emit(SilenceEnded(self.name))
        elif now - incoming.loud_at >= equipment.silence_s and silent_s < GAP_FILL_S:
            incoming.settle()
            incoming.listening = True
        for digit, duration_ms in self.digit_reader.expire(now):
            equipment.emit(Dtmf(self.name, digit, duration_ms))

    def _fill_gap(self, hearing: PeerStream, now: float) -> None:
        """The leg that is heard sends nothing: keep this peer's stream alive with silence."""
        if self._may_send and self._clip is not SILENCE and now - self._waiting_since >= GAP_FILL_S:
            hearing.settle()
            self.relayed = None
            self._clip, self._loop, self._position = SILENCE, True, 0
            self._speak()

    def stats(self) -> LegStats:
        """The figures of the leg so far."""
        self._settle_all()
        incoming, stream = self.incoming, self.stream
        lost, expected = incoming.lost, incoming.expected
        figures = LegStats(
            packets_received=incoming.packets_received,
            bytes_received=incoming.bytes_received,
            packets_sent=stream.packets_sent,
            bytes_sent=stream.bytes_sent,
            lost=lost,
            lost_fraction=lost / expected if expected else 0.0,
            jitter_ms=incoming.jitter / 8,
            reordered=incoming.reordered,
            duplicates=incoming.duplicates,
            dropped_stranger=self.dropped_stranger,
            dropped_garbage=self.dropped_garbage,
            dropped_late=self.dropped_late,
            send_errors=stream.errors,
        )
        if self.rtcp is not None:
            self.rtcp.fill(figures)
        return figures

    def close(self, now: float) -> None:
        """Say goodbye and let go of everything but the port pair, which goes into quarantine."""
        self._leave_peer()
        self._equipment.speaking.remove(self)
        self._clip = None
        for listener in self.incoming.listeners.copy():
            listener.hear_silence()
        if self.rtcp is None or self._line is None:
            return
        self._settle_all()
        self._send_rtcp(self.rtcp.goodbye(self.incoming, self.stream, now))
        doors: Doors = self._equipment.doors
        doors.remove(self.pair.rtp)
        doors.remove(self.pair.rtcp)
        self.dropped_stranger += self.pair.discard_waiting()
        if self.line_fd >= 0:
            self._equipment.relay.remove(self.line_fd)
        self._line.close()
        self._line = None

    def _settle_all(self) -> None:
        self.incoming.settle()
        if self.hearing is not None:
            self.hearing.settle()

    def _send_rtcp(self, packet: bytes) -> None:
        assert self.rtcp is not None
        try:
            self.pair.rtcp.sendto(packet, self.rtcp.remote)
        except OSError:  # as in RTP; RTCP has no use for a count
            return
