"""The audio of one dialog: what our side offers or takes, and what was agreed on."""

import msgspec

from .audio_formats import NARROW_HZ, PTIME_MS, OpusWish
from .description import Direction
from .sdes import LocalKeys, SrtpKeys, SrtpPolicy


class LocalAudio(msgspec.Struct, frozen=True, gc=False):
    """Our side of the audio: RTP address, codecs in order of preference, and direction.

    `other_speaks` is the codec of the other party, where there is one already.

    `srtp` is the policy for SRTP. Other than "off", it needs `keys`. Of an offer, the codec that
    its sender prefers is taken, or with `prefers_own` that which comes first in `codecs`; where it
    has none of them, one of `spare_codecs`, which are never offered. `ptime_ms` is how long the
    packets of both sides should be. With `comfort_noise`, silence may be described (RFC 3389).
    """

    host: str
    port: int
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    telephone_event: bool = True
    direction: Direction = "sendrecv"
    srtp: SrtpPolicy = "off"
    keys: LocalKeys | None = None
    other_speaks: str = ""
    spare_codecs: tuple[str, ...] = ()
    prefers_own: bool = False
    ptime_ms: int = PTIME_MS
    comfort_noise: bool = False

    @property
    def ranks(self) -> list[tuple[str, ...]]:
        """Groups of codecs; of each, the one that the sender of an offer prefers is taken."""
        own = [(codec,) for codec in self.codecs] if self.prefers_own else [self.codecs]
        return [*own, self.spare_codecs]


class NegotiatedAudio(msgspec.Struct, frozen=True, gc=False):
    """The agreed audio: the RTP address of the peer, the formats, and the direction from our view.

    `host` may be a name. `telephone_event_payload_type` is the number to send. The peer may send
    another one, which our own description named (RFC 3264 section 5.1). While the peer holds the
    call by the address 0.0.0.0, `host` is its last real address, if there was one. `srtp` is None
    for plain RTP. With `rtcp_mux`, RTCP shares the port of RTP on both sides (RFC 5761).

    `received_payload_type` is the number that our own description gave the codec. Our packets are
    `ptime_ms` long; with `wants_ptime` the peer has asked for that. `opus` is what it wants of our
    encoder.
    """

    host: str
    port: int
    rtcp_port: int
    codec: str
    payload_type: int
    telephone_event_payload_type: int | None
    direction: Direction
    ptime_ms: int
    telephone_event_received_payload_type: int | None = None
    srtp: SrtpKeys | None = None
    rtcp_mux: bool = False
    received_payload_type: int | None = None
    wants_ptime: bool = False
    telephone_event_clock_hz: int = NARROW_HZ
    comfort_noise_payload_type: int | None = None
    opus: OpusWish = OpusWish()
