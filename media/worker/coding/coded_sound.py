"""What is encoded for the peer of one leg: whether it has to be, and by what.

A leg of G.711 in packets of 20 ms needs nothing of this before it hears a leg of another codec, or
one whose packets are longer or shorter than its peer wants.
"""

from collections.abc import Callable
from typing import Final

from ...codec.codec import CodecError, Samples
from ...codec.formats import G711, Format
from ...protocol.messages import Codec, Connect
from ...rtp.outgoing_stream import OutgoingStream
from ...sound.form import WIDE, WIDE_HZ, decode, encode
from ...sound.mixed_clip import MixedClips
from ..recording.recorder import Tap
from .packet_coder import PacketCoder
from .packetizer import NARROW_HZ, PacketFormat, Packetizer
from .transcoder import Transcoder
from .untouched import Splice, Untouched, faded

_REMEMBERING: Final = ("G722", "opus")
_REMEMBERED_LOSS: Final = 0.7  # from one report to the next: 5 % for half a minute
_LEAST_LOSS: Final = 0.005  # below it nothing is done about it
_ODD_PACKETS: Final = 2  # of another length than is wanted: these are passed on all the same


class CodedSound:
    """The packetizer and the transcoder of one leg, made when they are needed.

    `send` gets payload type, marker and payload of each packet, once the stream has its numbers.
    """

    __slots__ = (
        "_lost_share",
        "_misfits",
        "_send",
        "_splice",
        "_stream",
        "_wanted_ticks",
        "codec",
        "coder",
        "packet",
        "packetizer",
        "transcoder",
        "untouched",
    )

    def __init__(self, stream: OutgoingStream, send: Callable[[int, bool, bytes], None]) -> None:
        self._stream = stream
        self._send = send
        self.codec: Codec = "PCMU"
        """What the peer gets."""
        self.packet = PacketFormat(Format("PCMU"), 20, 0)
        self.packetizer: Packetizer | None = None
        """Where a frame of the clock is no packet as it is."""
        self.transcoder: Transcoder | None = None
        """While a stream is heard that cannot be passed on."""
        self.coder: PacketCoder | None = None
        """While one is heard that is coded packet by packet."""
        self.untouched = Untouched()
        self._splice: Splice | None = None  # while packets are not passed on as they are yet
        self._wanted_ticks = 0  # the length of the packets that the peer has asked for
        self._lost_share = 0.0  # of what was sent lately
        self._misfits = 0  # packets of another length that came in a row

    def agree(self, description: Connect) -> bool:
        """Take over what packets are like; False where they cannot be made here.

        Whoever calls has stopped the transcoder where `is_other` says so.
        """
        self._wanted_ticks = 0
        if description.wants_ptime:
            self._wanted_ticks = description.ptime_ms * Format(description.codec).clock_hz // 1000
        if not self.is_other(description):
            return True
        self.codec = description.codec
        self.packet = _packet_format(description)
        self._stream.set_clock(self.packet.format.clock_hz)
        self.packetizer = self.coder = None
        return self.is_plain or self.packetizes()

    def is_other(self, description: Connect) -> bool:
        """Whether packets are to be others from now on."""
        return _packet_format(description) != self.packet

    @property
    def is_plain(self) -> bool:
        """Whether a frame of the clock is a packet as it is."""
        packet = self.packet
        return (
            packet.format.name in G711
            and packet.ptime_ms == 20
            and packet.noise_payload_type is None
        )

    def packetizes(self) -> bool:
        """Make a packetizer, if there is none; False where the codec does not work here."""
        if self.packetizer is None:
            try:
                self.packetizer = Packetizer(self.packet, self._stream, self._send)
            except CodecError:
                self._stream.errors += 1
                return False
            self.packetizer.expect_loss(self._lost_share)
        return True

    def report_loss(self, share: float) -> None:
        """The peer reports that it has lost this share; what it lost before is soon forgotten."""
        share = max(share, self._lost_share * _REMEMBERED_LOSS)
        self._lost_share = share if share >= _LEAST_LOSS else 0.0
        if self.packetizer is not None:
            self.packetizer.expect_loss(self._lost_share)

    @property
    def remembers(self) -> bool:
        """Whether the peer's decoder relies on what it has heard: no encoder follows another."""
        return self.packet.format.name in _REMEMBERING

    def must_code(self, codec: str, payload: bytes, *, is_relayed: bool) -> bool:
        """Whether a packet cannot be passed on as it is: another codec, or another length."""
        form = self.packet.format
        if codec != form.name and not (codec in G711 and form.name in G711):
            return True
        transcoder = self.transcoder
        if transcoder is None and not self._wanted_ticks:
            return False
        fits = not self._wanted_ticks or form.ticks(payload) in (0, self._wanted_ticks)
        if transcoder is not None:
            return not transcoder.note(fits=fits)
        self._misfits = 0 if fits else self._misfits + 1
        return self._misfits > (_ODD_PACKETS if is_relayed else 0)

    def begin(self, codec: str) -> Transcoder | None:
        """The transcoder, made if there is none; None where the codec does not work here.

        `codec` is that of the stream that is heard. Where both sides have more than 8 kHz, so has
        what is between them.
        """
        if self.transcoder is None and self.packetizes():
            self.transcoder = Transcoder(min(Format(codec).rate_hz, self.packet.format.rate_hz))
        return self.transcoder

    def may_code_packets(self, codec: str) -> bool:
        """Whether a stream of this codec can be coded packet by packet."""
        packet = self.packet
        is_other = codec != packet.format.name and codec not in G711
        return is_other and not self.is_plain and packet.ptime_ms == 20

    def begin_packets(self, codec: str) -> bool:
        """Code what comes packet by packet, from the next one on; False where that cannot be."""
        self._splice = self.coder = None
        self.untouched.forget()
        if not self.packetizes():
            return False
        rate_hz = min(Format(codec).rate_hz, self.packet.format.rate_hz)
        try:
            self.coder = PacketCoder(codec, rate_hz)
        except CodecError:
            self._stream.errors += 1
        return self.coder is not None

    @staticmethod
    def is_wide(description: Connect) -> bool:
        """Whether the peer can hear more than 8 kHz."""
        return Format(description.codec).rate_hz >= WIDE_HZ

    def send_frame(
        self, payload: bytes, form: str, before: bytes | None, mixed: MixedClips, now: float
    ) -> tuple[bytes, str]:
        """Send a frame of the clock; as it was sent, and its form (see sound/form.py).

        It is raised to 16 kHz where the peer can hear more and it, or what is mixed over it, has
        more. It rises out of `before`, 10 ms in any form.
        """
        packetizer = self.packetizer
        assert packetizer is not None
        law = "PCMU" if form == WIDE else form
        if before is not None:
            packetizer.fade_from(before, law)
        samples = packetizer.risen(packetizer.fitted(decode(payload, form)))
        if mixed:
            form = WIDE if packetizer.rate_hz >= WIDE_HZ else law
            payload = mixed.over(encode(samples, form), form)
            packetizer.send_risen(decode(payload, form), now, under=samples)
            return payload, form
        packetizer.send_risen(samples, now)
        return encode(samples, WIDE) if form == WIDE else payload, form

    def passed_on(self, payload: bytes, before: bytes | None) -> bytes:
        """A payload of our codec, which is not G.711, as it is passed on.

        It rises out of `before`, 10 ms in any form, if that has to fall.
        """
        packetizer, codec = self.packetizer, self.packet.format.name
        assert packetizer is not None
        if self._splice is not None:
            if before is not None:
                packetizer.fade_from(before, "PCMU")
            payload = self._spliced(self._splice, packetizer, payload)
        elif before is not None:
            payload = faded(packetizer.continued(before, "PCMU"), payload, codec)
        packetizer.goes_on = False
        self.untouched.note(codec, payload)
        return payload

    def _spliced(self, splice: Splice, packetizer: Packetizer, payload: bytes) -> bytes:
        try:
            payload = packetizer.encode_passed_on(splice.decode(payload))
        except CodecError:  # the peer may know better
            return payload
        if splice.is_over:
            self._splice = None
        return payload

    def begin_untouched(self) -> bool:
        """What is passed on from here on is another stream; whether it is spliced at first."""
        codec = self.packet.format.name
        self.untouched.forget()
        self._splice = self.coder = None
        if codec == "G722" and self._stream.packets_sent:
            self._splice = Splice(codec)
        return self._splice is not None

    def end_untouched(self, form: str) -> bytes:
        """What follows comes from here again. What it rises out of, in this form of our rate.

        Empty where nothing is known of what was passed on.
        """
        if self.coder is not None and self.packetizer is not None:
            self.coder = None
            self.packetizer.forget()
            return self.packetizer.falling(form)
        splice, packetizer, said = self._splice, self.packetizer, self.untouched.newest()
        self._splice = None
        self.untouched.forget()
        if packetizer is None or not len(said):
            return b""
        if splice is not None:
            return packetizer.falling(form)
        return encode(packetizer.take_over(said), form)

    def record_passed_on(
        self, tap: Tap, payload: bytes, numbers: tuple[int, int], now: float
    ) -> None:
        """Let a payload of our codec be recorded as it was passed on; `numbers` never wrap."""
        form, (sequence, timestamp) = self.packet.format, numbers
        ticks = timestamp * NARROW_HZ // form.clock_hz & 0xFFFFFFFF
        tap.write(sequence, ticks, payload, form.name, now)

    def stop(self, form: str) -> bytes:
        """Hear no stream any more; what goes on for 10 ms from what was sent of it, in this form.

        Empty where nothing was.
        """
        transcoder, packetizer = self.transcoder, self.packetizer
        if transcoder is None or packetizer is None:
            return b""
        self.transcoder = None
        self._misfits = 0
        falling = packetizer.falling(form) if transcoder.is_heard else b""
        packetizer.forget()
        if self.is_plain:
            self.packetizer = None
        return falling

    def close(self) -> None:
        """Send nothing any more, and hold nobody who might be told."""
        self.transcoder = self.packetizer = self.coder = None
        self._send = _nobody

    def next_frame(self, now: float) -> Samples | None:
        """The next 20 ms of the stream that is heard; None while there is nothing to be sent."""
        transcoder = self.transcoder
        if transcoder is None:
            return None
        samples = transcoder.next_frame(now)
        return samples if transcoder.has_begun else None


def _nobody(_payload_type: int, _marker: bool, _payload: bytes) -> None:
    """Takes the packets of a leg that is closed."""


def _packet_format(description: Connect) -> PacketFormat:
    return PacketFormat(
        Format(description.codec, description.bits_a_second, description.has_copy),
        description.ptime_ms,
        description.payload_type,
        description.comfort_noise_payload_type,
    )
