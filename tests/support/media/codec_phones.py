"""Phones of any codec at a switch of the media worker, each with a sound of its own."""

import numpy as np
from numpy.typing import NDArray

from media.codec.formats import Format, decoder_of, encoder_of
from media.protocol.messages import Codec, Connect
from tests.support.media.coded_peers import PAYLOAD_TYPES
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone, assert_unbroken
from tests.support.phones.wire.sockets import Packet


class CodecPhone(FramePhone):
    """Speaks one codec in packets of 20 ms, and keeps what it hears."""

    def __init__(
        self,
        desk: SwitchBench,
        leg: str,
        codec: Codec,
        sound: NDArray[np.int16],
        *,
        is_even: bool = False,
    ) -> None:
        super().__init__(len(desk.phones) + 1)
        self.is_even = is_even
        self.form = Format(codec)
        self.rate_hz = self.form.rate_hz
        self.leg = leg
        self.sound = sound
        self.name: Codec = codec
        self._desk = desk
        self._encoder = encoder_of(self.form, self.rate_hz)
        self._said = 0
        desk.phones.append(self)
        desk.open(leg)
        desk.switch.execute(self.connect_as(codec))

    def connect_as(self, codec: Codec) -> Connect:
        """The command that says which codec the phone wants."""
        return Connect(
            self.leg,
            self.rtp_socket.getsockname()[0],
            self.port,
            int(self.rtcp_socket.getsockname()[1]),
            codec,
            PAYLOAD_TYPES[codec],
            None if self.is_even else 101,
            "sendrecv",
            is_even=self.is_even,
        )

    def say(self) -> None:
        """Send the next 20 ms."""
        self.send_packet(
            self._next_payload(),
            self._desk.addresses[self.leg],
            payload_type=PAYLOAD_TYPES[self.name],
        )
        self._pass_frame()

    def expect_loss(self, share: float) -> None:
        """Send what helps against the loss of this share, where the codec has such."""
        self._encoder.expect_loss(share)

    def lose(self) -> None:
        """Say the next 20 ms, of which nothing comes."""
        self._next_payload()
        self.sequence = (self.sequence + 1) % 2**16
        self._pass_frame()

    def _next_payload(self) -> bytes:
        size = self.rate_hz // 50
        samples = np.take(self.sound, np.arange(self._said, self._said + size), mode="wrap")
        self._said += size
        return self._encoder.encode(samples)

    def _pass_frame(self) -> None:
        self.timestamp = (self.timestamp + self.form.clock_hz // 50) % 2**32

    def sound_heard(self) -> NDArray[np.int16]:
        """All that it has heard so far, which has to be unbroken, at the rate of its codec."""
        self.listen()
        if self.form.clock_hz == 8000:
            assert_unbroken(self.heard)
        return self.sound_of(self.heard)

    def sound_of(self, packets: list[Packet]) -> NDArray[np.int16]:
        """The sound of some of what it has heard."""
        decoder = decoder_of(self.form, self.rate_hz)
        return np.concatenate([decoder.decode(packet.payload) for packet in packets])


def talk(desk: SwitchBench, phones: list[CodecPhone], frames: int) -> None:
    """Let all of them speak for so many frames of 20 ms."""
    for _ in range(frames):
        for phone in phones:
            phone.say()
        desk.drain()
        desk.tick()
        for phone in phones:
            phone.listen()
