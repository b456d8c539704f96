"""The edges of a stream that is passed on untouched, where its codec is not G.711.

What is heard before it and after it is made here, and nobody decodes what lies between. So the
newest payloads are kept: of them the end is made out of which the next sound rises.
"""

from typing import Final

import numpy as np

from ...codec.codec import CodecError, Samples
from ...codec.comfort_noise import is_quiet
from ...codec.formats import Format, decoder_of
from ...sound import l16
from ...sound.fade import risen

_KEPT: Final = 8  # payloads; a decoder that begins anew has settled by the last of them
QUIET_FRAMES: Final = 4
"""In so many frames what a codec has heard before has fallen to nothing."""


class Untouched:
    """What has been passed on of one stream."""

    __slots__ = ("_codec", "_payloads")

    def __init__(self) -> None:
        self._codec = ""
        self._payloads: list[bytes] = []

    def note(self, codec: str, payload: bytes) -> None:
        """A payload was passed on."""
        if codec != self._codec:
            self.forget()
            self._codec = codec
        self._payloads.append(payload)
        del self._payloads[:-_KEPT]

    def forget(self) -> None:
        """Something else is heard."""
        self._payloads.clear()

    def newest(self) -> Samples:
        """The newest of its sound, at the rate of the codec; empty where nothing is known."""
        pieces = [np.zeros(0, np.int16)]
        if self._payloads:
            form = Format(self._codec)
            try:
                decoder = decoder_of(form, form.rate_hz)
                pieces += [decoder.decode(one) for one in self._payloads]
            except CodecError:  # of what cannot be decoded the peer has heard nothing either
                pieces = pieces[:1]
        return np.concatenate(pieces)


class Splice:
    """A stream that is about to be passed on: decoded, and encoded anew packet by packet.

    An encoder of G.722 relies on what its decoder has heard. Where that was the sound of another
    encoder, the peer's decoder would crack, at full scale if that was loud. So the encoder that it
    knows goes on until the speaker is quiet for a moment, after which nothing is left of either.
    """

    __slots__ = ("_decoder", "_quiet")

    def __init__(self, codec: str) -> None:
        form = Format(codec)
        self._decoder = decoder_of(form, form.rate_hz)
        self._quiet = 0

    def decode(self, payload: bytes) -> Samples:
        """The sound of the next packet. Raises CodecError."""
        samples = self._decoder.decode(payload)
        self._quiet = self._quiet + 1 if is_quiet(samples) else 0
        return samples

    @property
    def is_over(self) -> bool:
        """Whether packets may be passed on untouched from here on."""
        return self._quiet >= QUIET_FRAMES


def faded(before: Samples, payload: bytes, codec: str) -> bytes:
    """A payload that rises out of what would have been heard before it, at its rate.

    Of L16 alone: with another codec it would have to be encoded anew, and the next one as well.
    """
    if Format(codec).codec != "L16":
        return payload
    return l16.encode(risen(l16.decode(payload), before))
