"""Opus (RFC 6716, RFC 7587) by libopus, which has to be on the machine (Debian: libopus0).

One channel, at any rate that the library can do; a stereo stream is mixed by it. The RTP clock is
48000 Hz, whatever the rate is. Lost packets are concealed by the library, and recovered from the
one that follows where the sender put a copy into it.
"""

import ctypes
import ctypes.util
from functools import cache
from typing import Any, Final

import numpy as np

from .codec import CodecError, Samples

CLOCK_HZ: Final = 48000
RATES_HZ: Final = (16000, 48000, 8000)
MOST_PAYLOAD_BYTES: Final = 3 * 1276  # RFC 6716 section 3.4, for 60 ms
_LONGEST_S: Final = 0.12
_STEPS_A_SECOND: Final = 400  # it conceals whole steps of 2.5 ms
_COMPLEXITY: Final = 5  # of 10: twice the work of 1, and by PESQ 0.3 to 0.8 better
# With 16 kHz and fewer bits, libopus pays for the copy with the upper half of the band.
_BITS_A_SECOND: Final = {8000: 16_000, 16000: 32_000, 48000: 40_000}
_VOICE: Final = 2048  # OPUS_APPLICATION_VOIP
_LEAST_LOSS_PERCENT: Final = 10  # at half of it libopus makes no copy
_MOST_LOSS_PERCENT: Final = 25


@cache
def _library() -> tuple[Any, Any, Any]:
    """Those modules of opuslib-next that decode, encode and set. Raises CodecError."""
    if ctypes.util.find_library("opus") is None:
        raise CodecError("libopus is not on this machine (Debian and Ubuntu: libopus0)")
    try:
        import opuslib_next.api.ctl as ctl
        import opuslib_next.api.decoder as decoder
        import opuslib_next.api.encoder as encoder
    except (ImportError, OSError, AttributeError) as error:
        raise CodecError(f"libopus cannot be used: {error}") from error
    return decoder, encoder, ctl


def missing() -> str:
    """Why there is no Opus here; empty where there is."""
    try:
        _library()
    except CodecError as error:
        return error.reason
    return ""


class OpusDecoder:
    """Decodes Opus to one channel of `rate_hz`. Raises CodecError without libopus."""

    name = "opus"
    clock_hz = CLOCK_HZ
    channels = 1

    def __init__(self, rate_hz: int) -> None:
        self._api, _encoder, _ctl = _library()
        self.rate_hz = rate_hz
        self._state = self._api.create_state(rate_hz, 1)
        self._samples = np.zeros(int(_LONGEST_S * rate_hz), np.int16)
        self._buffer = self._samples.ctypes.data_as(ctypes.POINTER(ctypes.c_int16))
        self._step = rate_hz // _STEPS_A_SECOND

    def __del__(self) -> None:
        """Give the state of the library back."""
        if hasattr(self, "_state"):
            self._api.destroy(self._state)

    def decode(self, payload: bytes) -> Samples:
        """See Decoder; at most 120 ms."""
        if not payload:
            return np.zeros(0, np.int16)
        return self._decode(payload, len(self._samples), has_copy=False)

    def conceal(self, samples: int) -> Samples:
        """See Decoder: in steps of 2.5 ms."""
        if not samples:
            return np.zeros(0, np.int16)
        return self._decode(None, self._whole(samples), has_copy=False)

    def recover(self, payload: bytes, samples: int) -> Samples:
        """See Decoder: from the copy in the payload that follows, where there is one."""
        try:
            return self._decode(payload, self._whole(samples), has_copy=True)
        except CodecError:
            return self.conceal(samples)

    def _whole(self, samples: int) -> int:
        return min(-(-samples // self._step) * self._step, len(self._samples))

    def _decode(self, payload: bytes | None, most: int, *, has_copy: bool) -> Samples:
        size = 0 if payload is None else len(payload)
        if size > MOST_PAYLOAD_BYTES:
            raise CodecError(f"{size} bytes are no Opus packet")
        count = self._api.libopus_decode(
            self._state, payload, size, self._buffer, most, int(has_copy)
        )
        if count < 0:
            raise CodecError(f"libopus refuses the packet ({count})")
        return self._samples[:count].copy()


class OpusEncoder:
    """Encodes one channel of `rate_hz`. Raises CodecError without libopus.

    `bits_a_second` is what the peer wants at most; 0: as is good for the rate. With `has_copy` each
    packet carries a rough copy of the one before it (in-band FEC), while packets are lost: it takes
    a third of the bits.
    """

    name = "opus"
    clock_hz = CLOCK_HZ
    channels = 1

    def __init__(self, rate_hz: int, *, bits_a_second: int = 0, has_copy: bool = True) -> None:
        _decoder, self._api, self._ctl = _library()
        self.rate_hz = rate_hz
        self._has_copy = has_copy
        self._loss_percent = 0
        self._state = self._api.create_state(rate_hz, 1, _VOICE)
        good = _BITS_A_SECOND[rate_hz]
        for change, value in (
            (self._ctl.set_complexity, _COMPLEXITY),
            (self._ctl.set_bitrate, min(good, bits_a_second) if bits_a_second else good),
            (self._ctl.set_inband_fec, int(has_copy)),
        ):
            self._api.encoder_ctl(self._state, change, value)
        self._payload = ctypes.create_string_buffer(MOST_PAYLOAD_BYTES)

    def __del__(self) -> None:
        """Give the state of the library back."""
        if hasattr(self, "_state"):
            self._api.destroy(self._state)

    def expect_loss(self, share: float) -> None:
        """See Encoder."""
        percent = 0
        if share > 0.0 and self._has_copy:
            percent = min(max(round(share * 100), _LEAST_LOSS_PERCENT), _MOST_LOSS_PERCENT)
        if percent != self._loss_percent:
            self._loss_percent = percent
            self._api.encoder_ctl(self._state, self._ctl.set_packet_loss_perc, percent)

    def encode(self, samples: Samples) -> bytes:
        """See Encoder: 10, 20, 40 or 60 ms."""
        samples = np.ascontiguousarray(samples, np.int16)
        size = self._api.libopus_encode(
            self._state,
            samples.ctypes.data_as(ctypes.POINTER(ctypes.c_int16)),
            len(samples),
            self._payload,
            len(self._payload),
        )
        if size < 0:
            raise CodecError(f"libopus cannot encode {len(samples)} samples ({size})")
        return self._payload.raw[:size]
