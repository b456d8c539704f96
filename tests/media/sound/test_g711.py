import importlib
import warnings
from typing import Any

import numpy as np
import pytest

from media.sound import g711

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))


def reference() -> Any:
    """The standard library's own G.711, gone from Python 3.13."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return importlib.import_module("audioop")
        except ImportError:
            pytest.skip("this Python has no audioop to compare with")


def test_every_sample_encodes_as_the_reference_does() -> None:
    audioop = reference()
    assert g711.encode(EVERY_SAMPLE, "PCMU") == audioop.lin2ulaw(EVERY_SAMPLE.tobytes(), 2)
    assert g711.encode(EVERY_SAMPLE, "PCMA") == audioop.lin2alaw(EVERY_SAMPLE.tobytes(), 2)


def test_every_code_decodes_as_the_reference_does() -> None:
    audioop = reference()
    assert g711.decode(EVERY_CODE, "PCMU").tobytes() == audioop.ulaw2lin(EVERY_CODE, 2)
    assert g711.decode(EVERY_CODE, "PCMA").tobytes() == audioop.alaw2lin(EVERY_CODE, 2)


@pytest.mark.parametrize(
    ("codec", "code", "sample"),
    [
        # ITU-T G.711 tables 1a to 2b: first, last and segment-end output values, 16-bit scale
        ("PCMU", 0xFF, 0),
        ("PCMU", 0xFE, 2 * 4),
        ("PCMU", 0xF0, 30 * 4),
        ("PCMU", 0xEF, 33 * 4),
        ("PCMU", 0x80, 8031 * 4),
        ("PCMU", 0x00, -8031 * 4),
        ("PCMA", 0xD5, 1 * 8),
        ("PCMA", 0x55, -1 * 8),
        ("PCMA", 0xD5 ^ 32, 66 * 8),
        ("PCMA", 0xD5 ^ 127, 4032 * 8),
        ("PCMA", 0x55 ^ 127, -4032 * 8),
    ],
)
def test_output_values_of_the_recommendation(codec: str, code: int, sample: int) -> None:
    assert int(g711.decode(bytes([code]), codec)[0]) == sample


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_decoding_and_encoding_is_identity(codec: str) -> None:
    again = g711.encode(g711.decode(EVERY_CODE, codec), codec)
    # u-law has two zeros: 0x7F, negative zero, comes back as 0xFF.
    expected = EVERY_CODE.replace(b"\x7f", b"\xff") if codec == "PCMU" else EVERY_CODE
    assert again == expected


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_quantisation_error_is_within_half_an_interval(codec: str) -> None:
    decoded = g711.decode(g711.encode(EVERY_SAMPLE, codec), codec).astype(np.int32)
    magnitude = np.abs(EVERY_SAMPLE.astype(np.int32))
    error = np.abs(decoded - EVERY_SAMPLE)
    assert (error <= np.maximum(16, magnitude / 32 + 8))[magnitude < 32124].all()


def test_translation_keeps_the_sign_and_stays_within_one_interval() -> None:
    for table, source, target in (
        (g711.ULAW_TO_ALAW, "PCMU", "PCMA"),
        (g711.ALAW_TO_ULAW, "PCMA", "PCMU"),
    ):
        before = g711.decode(EVERY_CODE, source).astype(np.int32)
        after = g711.decode(EVERY_CODE.translate(table), target).astype(np.int32)
        assert (before * after >= 0).all()
        assert (np.abs(before - after) <= np.maximum(8, np.abs(before) * 0.033)).all()


def test_translation_there_and_back() -> None:
    through_alaw = EVERY_CODE.translate(g711.ULAW_TO_ALAW).translate(g711.ALAW_TO_ULAW)
    changed = {(0xFF ^ u) & 0x7F for u, v in zip(EVERY_CODE, through_alaw, strict=True) if u != v}
    # A-law has half as many intervals next to zero and four fewer further up.
    assert changed == {0, 2, 4, 6, 8, 10, 12, 14}
    through_ulaw = EVERY_CODE.translate(g711.ALAW_TO_ULAW).translate(g711.ULAW_TO_ALAW)
    changed = {(0xD5 ^ a) & 0x7F for a, b in zip(EVERY_CODE, through_ulaw, strict=True) if a != b}
    assert changed == {25, 27, 29, 31, 44, 46, 62, 80}


def test_translation_agrees_with_the_published_tables() -> None:
    # ITU-T G.711 table 3: positive u-law decoder values 0, 1, 48, 64, 80, 81 and 127
    to_alaw = {0: 0, 1: 0, 48: 45, 64: 63, 80: 79, 81: 81, 127: 127}
    for ulaw, alaw in to_alaw.items():
        assert g711.ULAW_TO_ALAW[0xFF ^ ulaw] == 0xD5 ^ alaw
        assert g711.ULAW_TO_ALAW[0x7F ^ ulaw] == 0x55 ^ alaw
    # table 4
    to_ulaw = {0: 1, 7: 15, 24: 32, 25: 32, 62: 64, 63: 64, 79: 80, 80: 80, 127: 127}
    for alaw, ulaw in to_ulaw.items():
        assert g711.ALAW_TO_ULAW[0xD5 ^ alaw] == 0xFF ^ ulaw
        assert g711.ALAW_TO_ULAW[0x55 ^ alaw] == 0x7F ^ ulaw


def test_silence_decodes_to_nothing_audible() -> None:
    assert {codec: len(frame) for codec, frame in g711.SILENCE.items()} == {
        "PCMU": 160,
        "PCMA": 160,
    }
    assert set(g711.SILENCE["PCMU"]) == {0xFF}
    assert set(g711.SILENCE["PCMA"]) == {0xD5}


def test_other_arrays_and_codecs() -> None:
    assert g711.encode(EVERY_SAMPLE[::2], "PCMU") == g711.encode(EVERY_SAMPLE, "PCMU")[::2]
    assert g711.encode(np.zeros(0, np.int16), "PCMA") == b""
    with pytest.raises(KeyError):
        g711.encode(EVERY_SAMPLE, "G729")
