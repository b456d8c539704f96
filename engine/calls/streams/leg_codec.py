"""In which codec a service at the other end of a stream hears a leg, and is heard by it."""

from typing import Final

from media.protocol.messages import Codec

# What carries more than the band of G.711.
_WIDE: Final = frozenset({"G722", "opus", "L16/16000"})
_WIDE_HZ: Final = 16000


def stream_codec(spoken: str, rate_hz: int) -> Codec:
    """What to use beside a leg that speaks `spoken`, with a service that has `rate_hz`.

    Wide sound where both sides have it, else the law of G.711 that needs no conversion.
    """
    if spoken in _WIDE and rate_hz >= _WIDE_HZ:
        return "L16/16000"
    return "PCMA" if spoken == "PCMA" else "PCMU"
