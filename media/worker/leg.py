"""A leg: one peer, its sockets, and what is known of it."""

import socket
from collections.abc import Mapping
from typing import Final, cast

from ..isolation import each_alone, ignore
from ..protocol.messages import (
    Connect,
    Dtmf,
    LegState,
    LegStats,
    MediaResumed,
    MediaTimeout,
    PeerMoved,
    SrtpKeys,
)
from ..rtp.outgoing_stream import OutgoingStream
from ..rtp.rtcp import is_rtcp
from ..rtp.rtcp_session import RtcpSession
from ..rtp.rtp import HEADER, payload_bounds
from ..rtp.symmetric_rtp import Address, PeerLearner
from ..rtp.telephone_event import DigitReader
from .announcing.leg_sound import LegSound
from .context import WorkerContext
from .detecting.tone_keys import ToneKeys, WatchedFlow
from .leg_quality import LegQuality, figures_of
from .pauses import GAP_FILL_S
from .peer_stream import PeerStream
from .playout import Playout
from .ports.port_pool import PortPair, discard_waiting
from .protection import Protection
from .recording.recorder import Tap
from .rtcp_report import RtcpTeller
from .silence_watch import SilenceWatch

_UNSPECIFIED: Final = ("0.0.0.0", "::")


class MediaLeg:
    """One leg of a call: `incoming` is what its peer sends, `playout` what the peer hears.

    Times are seconds of one monotonic clock.
    """

    __slots__ = (
        "_awaits_peer",
        "_connected_at",
        "_context",
        "_described",
        "_heard",
        "_is_asymmetric",
        "_may_receive",
        "_may_sleep",
        "_quality",
        "_relaying",
        "_rtcp_mux",
        "_rtcp_port",
        "_rtcp_teller",
        "_silence",
        "_socket",
        "_timed_out",
        "digit_reader",
        "dropped_garbage",
        "dropped_late",
        "dropped_stranger",
        "incoming",
        "learner",
        "look_at",
        "name",
        "pair",
        "playout",
        "protection",
        "rtcp",
        "sound",
        "tap",
    )

    def __init__(
        self, name: str, pair: PortPair, stream: OutgoingStream, context: WorkerContext
    ) -> None:
        self.name = name
        self.pair = pair
        self._context = context
        self.playout = Playout(stream, context.speaking, self._clip_ended, context.clocked)
        self._socket: socket.socket | None = None
        self._awaits_peer = False  # nothing is sent before the peer has spoken
        self._rtcp_port = 0
        self._rtcp_mux = False  # RTCP shares the port of RTP (RFC 5761)
        self._quality = LegQuality(
            name, context.emit, poor_mos=context.poor_mos, good_mos=context.good_mos
        )
        self._rtcp_teller = RtcpTeller(name, context.emit) if context.tells_rtcp else None
        self._relaying = False  # once the socket is connected and the relay reads it
        relay = context.relay
        self.protection = Protection(relay.implementation.srtp_lock)
        self.incoming = PeerStream(self, relay.new_flow())
        self.sound = LegSound(name, self.playout, self.incoming, context)
        self.learner: PeerLearner | None = None
        self.rtcp: RtcpSession | None = None
        self._may_receive = self._may_sleep = False
        self._connected_at = 0.0
        self._described = 0  # the number of the newest description
        self.digit_reader: DigitReader | None = None  # from the first key on
        self._heard = False
        self._timed_out = False
        self._silence = SilenceWatch(name, context.emit)
        self.tap: Tap | None = None
        self.look_at = 0.0
        self._is_asymmetric = False
        self.dropped_garbage = 0
        self.dropped_stranger = 0
        self.dropped_late = 0

    # The peer

    def connect(self, description: Connect, now: float) -> None:
        """Take over where the peer is and what was agreed; raises OSError without a socket."""
        self.incoming.settle()
        self._agree_protection(description.srtp)
        host, port = description.host, description.port
        # A peer that is to hear nothing may give no address (RFC 3264 section 8.4).
        reachable = port > 0 and host not in _UNSPECIFIED
        if self.learner is None:
            self._socket = self.pair.open_connected()
            if self._context.listeners.add_sink(self):
                self.dropped_late += self.pair.discard_waiting()
            self.learner = PeerLearner(host, port)
            self.rtcp = RtcpSession(
                self.playout.stream.ssrc,
                self._context.cname,
                now,
                unix_offset_s=self._context.unix_offset_s,
                rng=self._context.rng,
            )
            if reachable and description.must_speak:
                # To itself: unconnected, it would take what comes away from the listeners.
                self._socket.connect(self._socket.getsockname())
            elif reachable:
                self._connect_socket(self.learner.current)
        elif reachable:
            before = self.learner.current
            self.learner.signal(host, port, now, relearn=description.relearn)
            if self.learner.current != before:
                self.incoming.renew()
            if self.learner.current != before or not self._relaying:
                if description.must_speak:
                    self._stop_relaying()
                else:
                    self._connect_socket(self._sent_to)
        is_asymmetric = description.rtp == "asymmetric"
        if self._is_asymmetric != is_asymmetric:
            self._is_asymmetric = is_asymmetric
            if self._relaying:
                self._connect_socket(self._sent_to)
        self._awaits_peer = reachable and not self._relaying and description.must_speak
        self.learner.sip_host = description.sip_host
        self.learner.strict = description.rtp == "strict"
        assert self.rtcp is not None
        self._rtcp_port, self._rtcp_mux = description.rtcp_port, description.rtcp_mux
        if reachable:
            self.rtcp.remote = ("", 0) if self._awaits_peer else (host, description.rtcp_port)
        self.incoming.expect(description)
        if self.digit_reader is not None:
            self.digit_reader.clock_hz = description.telephone_event_clock_hz
        self._listen_for_tones(is_wanted=description.keys_as_sound)
        self._connected_at = now
        self._described = description.number
        self._timed_out = False  # from each description on, the wait for its RTP starts again
        if not self._silence.is_silent:
            self.incoming.loud_at = now
        self.look_at = now
        self._may_receive = description.direction in ("sendrecv", "recvonly")
        self._may_sleep = description.may_sleep
        may_send = description.direction in ("sendrecv", "sendonly") and reachable
        self.playout.agree(description, may_send=may_send, now=now)

    def _listen_for_tones(self, *, is_wanted: bool) -> None:
        """Whether keys come as sound. The relay hears none in SRTP."""
        incoming, may_hear = self.incoming, self._context.relay.implementation.hears_tones
        tones = incoming.tones or ToneKeys(self._key_pressed)
        may_relay = is_wanted and may_hear and self.protection.receiver is None
        tones.use_relay(cast(WatchedFlow, incoming.flow) if may_relay else None)
        incoming.tones = tones if is_wanted else None

    def _agree_protection(self, keys: SrtpKeys | None) -> None:
        before = self.protection.sender
        self.protection.agree(keys)
        if self.protection.sender is not before and self._relaying:
            self.playout.use(self._socket, self.protection.sender)

    @property
    def _sent_to(self) -> Address:
        """Where RTP for the peer goes: where it sends from, unless its two addresses differ."""
        assert self.learner is not None
        return self.learner.signalled if self._is_asymmetric else self.learner.current

    def _connect_socket(self, peer: Address) -> None:
        sock = self._socket
        assert sock is not None
        # What came before the socket was connected may be from an unknown source or from the last
        # peer. It must not count as a packet from the new address.
        self._stop_receiving()
        try:
            sock.connect(peer)
        except OSError:  # no route to it: as good as a peer that does not answer
            self.playout.stream.errors += 1
            # Still connected to where it was before, and nobody there is the peer any more.
            self.playout.use(None)
            return
        self.dropped_late += discard_waiting(sock)
        self.playout.use(sock, self.protection.sender)
        self._context.relay.add_stream(sock.fileno(), self.incoming)
        self._relaying = True

    def rtp_received(self, packet: bytearray, size: int, source: Address, now: float) -> None:
        """A datagram that did not come from where the peer is believed to be."""
        learner = self.learner
        assert learner is not None
        if self._rtcp_mux and is_rtcp(packet, size):
            self.rtcp_received(packet, size, source, now)
            return
        is_known = source in (learner.current, learner.signalled) or learner.allows(source[0])
        if self.protection.receiver is not None:
            if not is_known:  # nothing is opened for a third host
                self.dropped_stranger += 1
                return
            opened = self.protection.open_rtp(packet, size)
            if opened is None:
                return
            size = opened
        bounds = payload_bounds(packet, size)
        if bounds is None:
            self.dropped_garbage += 1
            return
        first, sequence, _timestamp, ssrc = HEADER.unpack_from(packet)
        incoming = self.incoming
        payload_type = first & 0x7F
        known = payload_type in incoming.audio or payload_type in incoming.event_payload_types
        if source == learner.current:
            # It waited here since before the socket was connected, or the peer has to speak first.
            if self._awaits_peer and known and learner.speaks(source, ssrc, sequence, now):
                self._peer_speaks(source)
            incoming.settle()
            if incoming.is_behind(ssrc, sequence):  # newer ones came by the connected socket
                self.dropped_late += 1
            else:
                incoming.receive_rtp(packet, size, now)
            return
        if not is_known:
            self.dropped_stranger += 1
            return
        incoming.settle()
        if self._awaits_peer:
            if known and learner.speaks(source, ssrc, sequence, now):
                self._peer_speaks(source)
                incoming.receive_rtp(packet, size, now)
            else:
                self.dropped_late += 1
            return
        if known and learner.consider(
            source,
            ssrc,
            sequence,
            now,
            heard_at=incoming.heard_at,
            stream_ssrc=incoming.ssrc,
            stream_sequence=incoming.highest,
        ):
            incoming.renew()
            if not self._is_asymmetric:
                self._connect_socket(source)
            self._context.emit(PeerMoved(self.name, *source))
            incoming.receive_rtp(packet, size, now)
        else:
            self.dropped_stranger += 1

    def _peer_speaks(self, source: Address) -> None:
        """A peer that had to speak first has done so, and is sent to from now on."""
        learner, rtcp = self.learner, self.rtcp
        assert learner is not None and rtcp is not None
        self._awaits_peer = False
        if source != learner.signalled:
            self.incoming.renew()
            self._context.emit(PeerMoved(self.name, *source))
        self._connect_socket(self._sent_to)
        rtcp.remote = (self._sent_to[0], self._rtcp_port)

    def multiplexed_rtcp(self, packet: bytearray, size: int, now: float) -> bool:
        """See StreamOwner."""
        if not self._rtcp_mux or self.learner is None or not is_rtcp(packet, size):
            return False
        self.rtcp_received(packet, size, self.learner.current, now)
        return True

    def rtcp_received(self, packet: bytearray, size: int, source: Address, now: float) -> None:
        """A datagram of RTCP: the peer's host only."""
        learner, rtcp = self.learner, self.rtcp
        if (
            learner is None
            or rtcp is None
            or source[0] != learner.current[0]
            or (learner.strict and source != rtcp.remote)
        ):
            self.dropped_stranger += 1
        elif (opened := self.protection.open_rtcp(bytes(packet[:size]))) is not None:
            self.dropped_garbage += not rtcp.receive(opened, source, now)
            self._quality.heard(rtcp, self.playout.stream.clock_hz)
            for lost_share in rtcp.new_losses():
                self.playout.report_loss(lost_share)
            if self._rtcp_teller is not None:
                self._rtcp_teller.tell(opened, source, self._rtcp_local_port, now, is_sent=False)

    @property
    def _rtcp_local_port(self) -> int:
        return self.pair.port + (not self._rtcp_mux)

    def fail(self, part: object = None) -> None:
        """It, or the leg of `part`, cannot go on by a defect of ours: it ends with the frame."""
        self._context.failed(self if part is None else part)

    def peer_heard(self, now: float) -> None:
        """A packet of the peer went through the general path."""
        learner = self.learner
        assert learner is not None
        learner.heard()
        if not self._heard:
            self._heard = True
            self.incoming.loud_at = now
        if self._timed_out:
            self._timed_out = False
            self.incoming.loud_at = now
            self._context.emit(MediaResumed(self.name))

    def heard_level(self, is_audible: bool, now: float) -> None:
        """See StreamOwner."""
        self._silence.heard_level(self.incoming, now, is_audible=is_audible)

    def event_received(self, payload: bytes, timestamp: int, now: float, *, late: bool) -> None:
        """A telephone-event packet of the peer; `late` when a newer packet came before it."""
        if self.digit_reader is None:
            self.digit_reader = DigitReader(self.incoming.event_clock_hz)
        self.look_at = now  # the end of the key may be lost
        for key in self.digit_reader.receive(payload, timestamp, now, late=late):
            self._key_pressed(*key)

    def _key_pressed(self, digit: str, duration_ms: int) -> None:
        self._context.emit(Dtmf(self.name, digit, duration_ms))

    # Now and then

    def look_after(self, now: float) -> None:
        """What needs no better clock than five times a second, and is not due that often.

        To be called when nothing came from the peer for GAP_FILL_S, or `look_at` has come.
        """
        rtcp = self.rtcp
        if rtcp is None:
            return
        incoming = self.incoming
        self._watch_peer(now)
        if now - incoming.heard_at >= GAP_FILL_S:
            each_alone(incoming.listeners, lambda listener: listener.fill_gap(now), self.fail)
        if now >= rtcp.due_at:
            self._book()
            self._send_rtcp(rtcp.report(incoming, self.playout.stream, now), now)
            self._quality.reported(incoming, rtcp)
        key_held = self.digit_reader is not None and self.digit_reader.holding
        if self._silence.is_silent or key_held:
            self.look_at = now
        else:
            self.look_at = min(rtcp.due_at, incoming.loud_at + self._context.silence_s)

    def _watch_peer(self, now: float) -> None:
        """The peer sends nothing, or nothing to be heard, or its silence may be over."""
        incoming, context = self.incoming, self._context
        silent_s = now - max(incoming.heard_at, self._connected_at)
        limit_s = max(context.timeout_s, context.sleep_s if self._may_sleep else 0.0)
        if self._may_receive and silent_s >= limit_s and not self._timed_out:
            incoming.settle()
            self._timed_out = True
            context.emit(MediaTimeout(self.name, round(silent_s, 3), self._described))
        is_sent = silent_s < GAP_FILL_S
        self._silence.look(incoming, now, after_s=context.silence_s, is_sent=is_sent)
        if self.digit_reader is not None:
            for key in self.digit_reader.expire(now):
                self._key_pressed(*key)

    def stats(self) -> LegStats:
        """The figures of the leg so far."""
        self._book()
        return figures_of(self, self.incoming, self.playout.stream, self.rtcp)

    def state(self, names: Mapping[PeerStream, str], recorded_to: str) -> LegState:
        """How the leg is; `names` has the leg of each stream that may be heard."""
        playout, learner, own = self.playout, self.learner, self.sound.own()
        return LegState(
            self.name,
            self.pair.port,
            described=self._described,
            peer=None if learner is None else learner.current,
            codec=playout.sent_codec,
            payload_type=playout.payload_type,
            may_send=playout.may_send,
            may_receive=self._may_receive,
            is_protected=self.protection.sender is not None,
            hears="" if own.hearing is None else names.get(own.hearing, ""),
            play=own.play,
            recorded_to=recorded_to,
            is_silent=self._silence.is_silent,
            is_timed_out=self._timed_out,
        )

    def close(self, now: float) -> None:
        """Send BYE and release everything but the port pair, which goes into quarantine.

        Each step is taken, whichever of them fails.
        """
        self.incoming.is_over = True
        listening = self.incoming.listeners.copy()
        each_alone((self._fall_silent, self._say_goodbye), lambda step: step(now), ignore)
        each_alone(listening, lambda one: one.hear_silence(now), self.fail)
        if self._socket is not None:
            if self._context.listeners.remove_sink(self):
                self.dropped_stranger += self.pair.discard_unconnected()
            self._stop_relaying()
            self._socket = None

    def _fall_silent(self, now: float) -> None:
        self.sound.end("leg_ended", now)
        self.playout.close()

    def _say_goodbye(self, now: float) -> None:
        if self.rtcp is not None and self._socket is not None:
            self._book()
            self._send_rtcp(self.rtcp.goodbye(self.incoming, self.playout.stream, now), now)

    def dispose(self) -> None:
        """Part the closed leg from its sides, which know it. It can do nothing any more.

        A worker collects cycles too seldom: those of thousands of calls would wait for it.
        """
        self.playout.dispose()
        for name in self.__slots__:
            if hasattr(self, name):
                delattr(self, name)

    def _stop_relaying(self) -> None:
        if self._relaying:
            self._stop_receiving()
            self.playout.use(None)

    def _stop_receiving(self) -> None:
        if self._relaying:
            assert self._socket is not None
            self._context.relay.remove_stream(self._socket.fileno())
            self._relaying = False

    def _book(self) -> None:
        self.incoming.book()
        if self.playout.hearing is not None:
            self.playout.hearing.book()

    def _clip_ended(self, play: int) -> None:
        self.sound.clip_ended(play, self.playout.stream.sent_at)

    def _send_rtcp(self, packet: bytes, now: float) -> None:
        assert self.rtcp is not None
        if not packet:
            return
        if self._rtcp_mux and not self._awaits_peer:
            self.rtcp.remote = self._sent_to
        from_socket = self.pair.rtp if self._rtcp_mux else self.pair.rtcp
        try:
            from_socket.sendto(self.protection.protect_rtcp(packet), self.rtcp.remote)
        except OSError:  # as in RTP; RTCP has no use for a count
            return
        if self._rtcp_teller is not None:
            remote, local_port = self.rtcp.remote, self._rtcp_local_port
            self._rtcp_teller.tell(packet, remote, local_port, now, is_sent=True)
