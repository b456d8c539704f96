"""What a leg's peer sends: accounted for, and forwarded to the legs that hear it.

`receive_packet` deals with a packet in its general form. Whenever the next packet can be predicted
to the bit (20 ms further on, same payload type, one listener or none), the stream is armed: its
flow then has the first eight bytes of that packet, and the relay forwards it by one addition as
long as the prediction holds, maybe in a thread of its own. `settle` books such a run.
"""

from collections.abc import Sized
from typing import Final, Protocol, cast

from ..codec.formats import Format
from ..isolation import each_alone, log_fault
from ..protocol.messages import Connect
from ..relay.tables import CODECS, STEP, TRANSLATIONS
from ..rtp.flow import Figures, Flow
from ..rtp.outgoing_stream import OutgoingStream
from ..rtp.receive_stats import Reception
from ..rtp.rtp import (
    CLOCK_HZ,
    FRAME_SAMPLES,
    HEADER,
    MARKER_BIT,
    PACKET_BYTES,
    VERSION_BITS,
    payload_bounds,
)
from ..rtp.srtp import TAG_BYTES, SrtpSender
from ..rtp.symmetric_rtp import NEW_SSRC_S
from ..sound.g711 import TRANSLATION
from ..sound.level import LOUD, SILENT_DBFS, level_dbfs
from .coding.decoded_stream import NARROW, DecodedStream, is_wide
from .detecting.ordered_sound import SoundPacket
from .detecting.taps import PacketTap, SoundTap
from .detecting.tone_keys import ToneKeys
from .protection import Protection
from .recording.recorder import Tap

_COMFORT_NOISE_PAYLOAD_TYPE: Final = 13
_SILENT: Final = 0xFF  # of PCMU
_STATIC_CODECS: Final[dict[int, str]] = {0: "PCMU", 8: "PCMA"}
_CODEC_NAMES: Final = list(CODECS)
_ALL_BITS: Final = (1 << 64) - 1


def audible(payload: bytes, codec: str) -> bool:
    """Whether a frame of G.711 holds more than line noise."""
    return level_dbfs(payload, codec) > SILENT_DBFS


class StreamOwner(Protocol):
    """The leg whose peer sends the stream."""

    dropped_garbage: int
    dropped_stranger: int

    @property
    def protection(self) -> Protection:
        """What opens its packets."""

    @property
    def tap(self) -> Tap | None:
        """Where its packets are recorded; None where they are not."""

    def fail(self, part: object = None) -> None:
        """What came could not be dealt with; `part`: by that listener alone."""

    def multiplexed_rtcp(self, packet: bytearray, size: int, now: float) -> bool:
        """Take a datagram that is RTCP on the port of RTP. False where it is not."""

    def peer_heard(self, now: float) -> None:
        """A valid packet came from the peer."""

    def heard_level(self, is_audible: bool, now: float) -> None:
        """A packet was looked at as a whole; `is_audible`: it holds more than line noise."""

    def event_received(self, payload: bytes, timestamp: int, now: float, *, late: bool) -> None:
        """Take a telephone-event (RFC 4733)."""


class RelayTarget(Protocol):
    """The outgoing side of a leg to which the stream is relayed."""

    @property
    def stream(self) -> OutgoingStream:
        """What it sends."""

    @property
    def payload_type(self) -> int:
        """The payload type that its peer wants."""

    @property
    def codec(self) -> str:
        """The codec that its peer wants."""

    @property
    def mixed(self) -> Sized:
        """What is mixed over the packets, so that each of them is dealt with here."""

    @property
    def socket_fd(self) -> int:
        """Its connected socket."""

    @property
    def sender(self) -> SrtpSender | None:
        """What protects its packets; None for plain RTP."""

    @property
    def tap(self) -> Tap | None:
        """Where what its peer hears is recorded; None where it is not."""


class StreamListener(Protocol):
    """Takes what comes of the stream."""

    @property
    def relayed(self) -> object:
        """The stream that is relayed to it, packet by packet. It is a RelayTarget then."""

    @property
    def is_asking(self) -> bool:
        """Whether it hears the sound also while there may be keys in it that others may not."""

    def relay_audio(
        self,
        source: "PeerStream",
        sequence: int,
        timestamp: int,
        marker: bool,
        payload: bytes,
        codec: str,
        now: float,
    ) -> None:
        """Forward a packet of audio; `sequence` is the extended one."""

    def relay_event(
        self,
        source: "PeerStream",
        sequence: int,
        timestamp: int,
        marker: bool,
        payload: bytes,
        now: float,
    ) -> None:
        """Forward a telephone-event."""

    def relay_nothing(self, source: "PeerStream", sequence: int) -> None:
        """A packet that is not forwarded: its sequence number is not missing."""

    def relay_noise(
        self, source: "PeerStream", sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        """Take a description of comfort noise (RFC 3389), with which the peer pauses."""

    def fill_gap(self, now: float) -> None:
        """Send silence while nothing comes from the source."""

    def hear_silence(self, now: float) -> None:
        """Stop hearing the source."""


class PeerStream(Reception):
    """The received stream of one leg. Times are seconds of one monotonic clock.

    `loud_at` is when the peer last said something that can be heard, as far as one sample of each
    packet tells; with `listening` set, the next packet is looked at as a whole.
    """

    __slots__ = (
        "_decoded",
        "_kept_key",
        "_owner",
        "_relayed",
        "_run_start",
        "_target",
        "audio",
        "clocks",
        "detection",
        "event_clock_hz",
        "event_payload_types",
        "is_even",
        "is_noise",
        "is_over",
        "is_two_way",
        "keeps_keys",
        "leg",
        "listeners",
        "listening",
        "sound_tap",
        "tones",
    )

    def __init__(self, leg: StreamOwner, flow: Flow | None = None) -> None:
        super().__init__(flow)
        self.leg = leg
        self.audio: dict[int, str] = {}  # codec by payload type
        self.clocks: dict[str, int] = {}  # of the codecs that have another than 8000 Hz
        self.event_payload_types: tuple[int | None, ...] = ()
        self.event_clock_hz = CLOCK_HZ
        self.listeners: list[StreamListener] = []
        self.listening = False
        self.is_even = False  # the peer is a process of ours: see Connect
        self.is_noise = False  # the newest packet describes comfort noise: it pauses
        self.is_over = False  # its leg is closed
        self.is_two_way = False  # the peer may send, and be sent to
        self.keeps_keys = False  # from those who hear it, but for who is asking for them
        self.tones: ToneKeys | None = None  # where its keys come as sound
        self.detection: PacketTap | None = None  # while it is told who or what speaks
        self.sound_tap: SoundTap | None = None  # while the sound of a talk is looked at
        self._kept_key = -1  # the time stamp of the last key that was kept
        self._owner = -1  # the SSRC that was heard first of the peer
        self._decoded: DecodedStream | None = None  # where the codec is not G.711
        self._run_start = 0
        self._relayed = 0  # packets since it was taken back last
        self._target: OutgoingStream | None = None

    def expect(self, description: Connect) -> None:
        """Take what was agreed with the peer: its codec, beside G.711, and its key presses."""
        codec, payload_type = description.codec, description.payload_type
        self.audio = _STATIC_CODECS
        # As with keys: the number that it gave, or that it was given.
        for number in (payload_type, description.received_payload_type):
            if number is not None and self.audio.get(number) != codec:
                self.audio = {**self.audio, number: codec}
        self.clocks = {codec: Format(codec).clock_hz}
        # Some peers send the number that they gave, others the one that they were given.
        self.event_payload_types = (
            description.telephone_event_payload_type,
            description.telephone_event_received_payload_type,
        )
        self.event_clock_hz = description.telephone_event_clock_hz
        self.is_two_way = description.direction == "sendrecv"
        self.is_even = description.is_even

    @property
    def is_wide(self) -> bool:
        """Whether what was agreed carries 16 kHz."""
        return any(is_wide(codec) for codec in self.clocks)

    @property
    def loud_at(self) -> float:
        """When the peer was last heard to say something."""
        return self.flow.loud_at

    @loud_at.setter
    def loud_at(self, now: float) -> None:
        self.flow.loud_at = now

    def last_sample(self, codec: str) -> bytes:
        """The last sample of sound that the peer sent, in this codec: one byte."""
        flow = self.flow
        table = TRANSLATION[_CODEC_NAMES[flow.codec], codec]
        return bytes([flow.last if table is None else table[flow.last]])

    def renew(self) -> None:
        """The peer is another, or elsewhere: the next SSRC is its own, whatever flows."""
        self._owner = -1

    def book(self) -> None:
        """Bring the figures up to what the relay has forwarded so far."""
        self._book(self.flow.figures())

    def settle(self) -> None:
        """Take the stream back from the relay, with what it has forwarded booked."""
        self._book(self.flow.disarm())
        relayed = self._relayed
        if not relayed:
            return
        self._relayed = 0
        if self.tones is not None:
            newest = SoundPacket(self.epoch, self.highest, _CODEC_NAMES[self.flow.codec], b"")
            self.tones.relayed(relayed, newest, self.flow.heard_at)

    def _book(self, figures: Figures) -> None:
        expect, heard_at, failures, unauthentic = figures
        self.leg.protection.failures += unauthentic
        packets = (expect - self._run_start) // STEP if expect else 0
        if packets:
            self._run_start = expect
            self._relayed += packets
            self.advance(packets)
            if self._target is not None:
                self._target.advance(packets, heard_at, failures=failures)

    def receive_packet(self, packet: bytearray, size: int, now: float) -> None:
        """Deal with any datagram that came from the leg's peer, or as if from it."""
        if self.leg.multiplexed_rtcp(packet, size, now):
            return
        opened = self.leg.protection.open_rtp(packet, size)
        if opened is not None:
            self.receive_rtp(packet, opened, now)

    def receive_rtp(self, packet: bytearray, size: int, now: float) -> None:
        """Deal with any RTP packet that came from the leg's peer, or as if from it.

        A source address is forged easily, an SSRC that has been heard is not: another one counts
        only once the stream that is heard does not flow any more, and ends for the first.
        """
        leg = self.leg
        bounds = payload_bounds(packet, size)
        if bounds is None:
            leg.dropped_garbage += 1
            return
        start, end = bounds
        first, sequence, timestamp, ssrc = HEADER.unpack_from(packet)
        payload_type = first & 0x7F
        codec = self.audio.get(payload_type)
        if (
            codec is None
            and payload_type not in self.event_payload_types
            and payload_type != _COMFORT_NOISE_PAYLOAD_TYPE
        ):
            leg.dropped_garbage += 1
            if self._owner >= 0 and ssrc == self.ssrc:
                self._pass_over(sequence, now)
            return
        is_new = self._owner >= 0 and ssrc not in (self.ssrc, self._owner)
        if is_new and now - self.flow.heard_at < NEW_SSRC_S:
            leg.dropped_stranger += 1
            return
        self.settle()
        if self._owner < 0:
            self._owner = ssrc
        if codec is not None:
            self.clock_hz = self.clocks.get(codec, CLOCK_HZ)
        if ssrc != self.ssrc:
            self.start(ssrc, sequence, timestamp, now)
        extended = self.receive(sequence, timestamp, end - start, now, timed=codec is not None)
        if extended is None:
            return
        leg.peer_heard(now)
        if extended == self.highest:
            self.is_noise = codec is None and payload_type == _COMFORT_NOISE_PAYLOAD_TYPE
        payload = bytes(packet[start:end])
        marker = bool(first & MARKER_BIT)
        if self.tones is not None or self.detection is not None:
            self._hear(SoundPacket(self.epoch, extended, codec or "", payload), now)
        if codec is not None:
            if leg.tap is not None:
                ticks = timestamp
                if self.clock_hz != CLOCK_HZ:
                    ticks = timestamp * CLOCK_HZ // self.clock_hz & 0xFFFFFFFF
                leg.tap.write(extended, ticks, payload, codec, now)
            is_g711 = codec in CODECS
            if not is_g711:
                self._receive_coded(extended, payload, codec, now)
            else:
                if payload:
                    self.flow.codec, self.flow.last = CODECS[codec], payload[-1]
                self._hear_level(payload, codec, now)
                if self.sound_tap is not None and extended == self.highest:
                    self.sound_tap.hear(payload, codec, now)

            keeps_sound = self.keeps_keys and self.tones is not None
            for listener in self.listeners:
                # As each_alone does: a closure would make each packet a fifth dearer.
                try:
                    if keeps_sound and not listener.is_asking:
                        listener.relay_nothing(self, extended)
                    else:
                        listener.relay_audio(self, extended, timestamp, marker, payload, codec, now)
                except Exception:  # noqa: BLE001 - the listener's leg ends by it
                    log_fault(listener, leg.fail)
            if (
                is_g711
                and extended == self.highest
                and end - start == FRAME_SAMPLES
                and leg.tap is None
                and not self.listening
                and (self.tones is None or (self.tones.may_be_relayed and not self.keeps_keys))
                and self.detection is None
                and self.sound_tap is None
            ):
                self._arm(payload_type, codec)
            return
        if leg.tap is not None:
            leg.tap.skip(extended)
        if payload_type in self.event_payload_types:
            leg.event_received(payload, timestamp, now, late=extended != self.highest)
            if self.keeps_keys:
                self._kept_key = timestamp
            is_kept = timestamp == self._kept_key  # the end of a key is sent three times
            for listener in self.listeners:
                try:
                    if is_kept:
                        listener.relay_nothing(self, extended)
                    else:
                        listener.relay_event(self, extended, timestamp, marker, payload, now)
                except Exception:  # noqa: BLE001 - the listener's leg ends by it
                    log_fault(listener, leg.fail)
        else:
            each_alone(
                self.listeners,
                lambda listener: listener.relay_noise(self, extended, timestamp, payload, now),
                leg.fail,
            )

    def _hear(self, packet: SoundPacket, now: float) -> None:
        """Let those have the packet who look at what is said."""
        if self.tones is not None:
            self.tones.hear(packet, now)
        if self.detection is not None:
            self.detection.hear(packet, now)

    def _hear_level(self, payload: bytes, codec: str, now: float) -> None:
        if self.listening and payload:
            self.listening = False
            self.leg.heard_level(audible(payload, codec), now)
        elif payload and LOUD[codec][payload[len(payload) // 2]]:
            self.flow.loud_at = now

    def _receive_coded(self, sequence: int, payload: bytes, codec: str, now: float) -> None:
        """A packet that is not G.711: it is decoded for who looks at how loud it is."""
        decoded = self._decoded
        if decoded is None or decoded.codec != codec:
            decoded = self._decoded = DecodedStream(codec)
        self.flow.codec, self.flow.last = CODECS[NARROW], _SILENT
        if self.listening or decoded.is_due() or self.sound_tap is not None:
            sound = decoded.payload(payload)
            self._hear_level(sound, NARROW, now)
            if self.sound_tap is not None and sequence == self.highest:
                self.sound_tap.hear(sound, NARROW, now)

    def _pass_over(self, sequence: int, now: float) -> None:
        """A packet of the stream is of no agreed payload type: its number is not missing."""
        self.settle()
        extended = self.pass_over(sequence)
        if extended is None:
            return
        leg = self.leg
        if self.tones is not None or self.detection is not None:
            self._hear(SoundPacket(self.epoch, extended, "", b""), now)
        if leg.tap is not None:
            leg.tap.skip(extended)
        each_alone(self.listeners, lambda one: one.relay_nothing(self, extended), leg.fail)

    def _arm(self, payload_type: int, codec: str) -> None:
        sequence = (self.highest + 1) & 0xFFFF
        timestamp = (self.timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
        word = VERSION_BITS | payload_type
        expect = word << 48 | sequence << 32 | timestamp
        # No field may carry into the next one, neither in what comes nor in what is sent.
        room = min(0x10000 - sequence, (0xFFFFFFFF - timestamp) // FRAME_SAMPLES + 1)
        flow, listeners = self.flow, self.listeners
        if not listeners:
            self._target = None
            flow.out_fd = -1
        elif len(listeners) == 1 and listeners[0].relayed is self:
            listener = cast(RelayTarget, listeners[0])
            if listener.tap is not None or listener.mixed:
                return
            stream = listener.stream
            if not stream.is_at(self.timestamp):  # the sender's clock has gone back a little
                return
            out_sequence = (stream.sequence + 1) & 0xFFFF
            out_timestamp = (stream.timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
            out_word = VERSION_BITS | listener.payload_type
            room = min(
                room,
                0x10000 - out_sequence,
                (0xFFFFFFFF - out_timestamp) // FRAME_SAMPLES + 1,
            )
            self._target = stream
            flow.out_fd = listener.socket_fd
            sent = out_word << 48 | out_sequence << 32 | out_timestamp
            flow.delta = sent - expect & _ALL_BITS
            flow.out_ssrc = stream.ssrc
            flow.translation = TRANSLATIONS[codec, listener.codec]
            flow.srtp_out = 0 if listener.sender is None else listener.sender.address
        else:
            return
        receiver = self.leg.protection.receiver
        if self.tones is not None:
            self.tones.relay_goes_on()
        flow.srtp_in = 0 if receiver is None else receiver.address
        flow.size = PACKET_BYTES + (0 if receiver is None else TAG_BYTES[receiver.suite])
        flow.ssrc = self.ssrc
        flow.codec = CODECS[codec]
        self._run_start = expect
        flow.arm(expect, expect + room * STEP)
