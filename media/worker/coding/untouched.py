"""The edges of a stream that is passed on untouched, where its codec is not G.711.

What is heard before it and after it is made here, and nobody decodes what lies between. So the
newest payloads are kept: of them the end is made out of which the next sound rises.
"""

from collections import deque
from typing import Final

import numpy as np

from ...codec.codec import CodecError, Samples
from ...codec.formats import Format, decoder_of
from ...sound import l16
from ...sound.fade import going_on, rising
from ...sound.form import WIDE, WIDE_HZ, encode, rate_hz
from .decoded_stream import NARROW, DecodedStream

_KEPT: Final = 3  # payloads; a decoder that begins anew has settled by the last of them
_FADES_A_SECOND: Final = 100


class Untouched:
    """What has been passed on of one stream."""

    __slots__ = ("_codec", "_decoded", "_payloads")

    def __init__(self) -> None:
        self._codec = ""
        self._decoded: DecodedStream | None = None  # for who records it
        self._payloads: deque[bytes] = deque(maxlen=_KEPT)

    def note(self, codec: str, payload: bytes) -> None:
        """A payload was passed on."""
        if codec != self._codec:
            self.forget()
            self._codec = codec
        self._payloads.append(payload)

    def forget(self) -> None:
        """Something else is heard."""
        self._payloads.clear()
        self._decoded = None

    def recorded(self, codec: str, payload: bytes, *, is_wide: bool) -> tuple[bytes, str]:
        """A payload that was passed on as it is recorded, and its form; empty where it has none."""
        form = WIDE if is_wide and Format(codec).rate_hz >= WIDE_HZ else NARROW
        decoded = self._decoded
        if decoded is None or (decoded.codec, decoded.form) != (codec, form):
            decoded = self._decoded = DecodedStream(codec, form)
        return decoded.payload(payload), form

    def falling(self, form: str) -> bytes:
        """What goes on from its end for 10 ms, in this form; empty where nothing is known."""
        if not self._payloads:
            return b""
        try:
            decoder = decoder_of(Format(self._codec), rate_hz(form))
            samples = np.concatenate([decoder.decode(one) for one in self._payloads])
        except CodecError:
            return b""
        return going_on(encode(samples[-decoder.rate_hz // _FADES_A_SECOND :], form), form)


def faded(before: Samples, payload: bytes, codec: str) -> bytes:
    """A payload that rises out of what would have been heard before it, at its rate.

    Of L16 alone: with another codec it would have to be encoded anew, and the next one as well.
    """
    if Format(codec).codec != "L16":
        return payload
    samples = l16.decode(payload)
    count = min(len(samples), len(before))
    rise = rising(count)
    samples[:count] = np.rint(samples[:count] * rise + before[:count] * (1 - rise))
    return l16.encode(samples)
