"""Keys as sound, of any codec, in order and with what is lost concealed."""

import random

import pytest

from media.codec.formats import Format, encoder_of, unavailable
from media.protocol.messages import Codec
from media.sound.dtmf.tones import dtmf_clip
from media.sound.g711 import SILENCE, decode
from media.sound.resampler import Resampler
from media.worker.detecting.ordered_sound import SoundPacket
from media.worker.detecting.tone_keys import ToneKeys

KEYS = "1590"


def packets(codec: Codec, digits: str, on_ms: int, off_ms: int) -> list[SoundPacket]:
    form = Format(codec)
    sound = decode(dtmf_clip(digits, on_ms, off_ms).pcmu + b"\xff" * 1600, "PCMU")
    if form.rate_hz != 8000:
        sound = Resampler(8000, form.rate_hz).resample(sound)
    encoder, size = encoder_of(form, form.rate_hz), form.rate_hz // 50
    return [
        SoundPacket(1, 100 + number, codec, encoder.encode(sound[number * size :][:size]))
        for number in range(len(sound) // size)
    ]


def heard(sent: list[SoundPacket]) -> str:
    found: list[str] = []
    keys = ToneKeys(lambda digit, _ms: found.append(digit))
    for packet in sent:
        keys.hear(packet, 0.0)
    return "".join(found)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722", "L16/16000", "L16/8000", "opus"])
def test_keys_are_heard_in_every_codec(codec: Codec) -> None:
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    assert heard(packets(codec, KEYS, 100, 100)) == KEYS


def test_packets_that_have_changed_places_are_put_right() -> None:
    sent = packets("PCMU", KEYS, 60, 60)
    for at in range(0, len(sent) - 1, 3):
        sent[at], sent[at + 1] = sent[at + 1], sent[at]
    assert heard(sent) == KEYS


def test_most_keys_survive_a_tenth_of_the_packets() -> None:
    """By leaving out what is lost, 15 more of the 400 keys are missed."""
    rng = random.Random(7)
    missed = wrong = 0
    for _ in range(40):
        digits = "".join(rng.choice("0123456789*#") for _ in range(10))
        sent = [one for one in packets("PCMU", digits, 80, 80) if rng.random() > 0.1]
        found = heard(sent)
        rest = iter(digits)
        wrong += not all(key in rest for key in found)
        missed += len(digits) - len(found)
    assert wrong == 0
    assert missed <= 10


def test_what_is_no_sound_is_not_missing() -> None:
    sent = packets("PCMU", KEYS, 100, 100)
    silent = [SoundPacket(1, sent[0].sequence + number, "", b"") for number in range(6)]
    shifted = [one._replace(sequence=one.sequence + 6) for one in sent]
    assert heard([*silent, *shifted]) == KEYS


def test_a_stream_that_begins_anew_goes_on_at_once() -> None:
    first = packets("PCMU", "1", 100, 100)
    second = [one._replace(epoch=2, sequence=7 + at) for at, one in enumerate(first)]
    assert heard(first + second) == "11"


class Row:
    """Stands in for a row of the relay."""

    def __init__(self, kept: bytes = b"") -> None:
        self.watched: list[bytes] = []
        self._kept = kept

    def watch_tones(self, kept: bytes) -> None:
        self.watched.append(kept)

    def kept(self) -> bytes:
        return self._kept


def test_the_relay_may_go_on_where_no_key_is_heard_and_two_packets_follow_each_other() -> None:
    found: list[str] = []
    keys, row = ToneKeys(lambda digit, _ms: found.append(digit)), Row()
    keys.use_relay(row)
    silence = [SoundPacket(1, number, "PCMU", SILENCE["PCMU"]) for number in range(20)]
    keys.hear(silence[0], 0.0)
    assert not keys.may_be_relayed
    keys.hear(silence[1], 0.0)
    assert keys.may_be_relayed
    keys.relay_goes_on()
    assert row.watched == [SILENCE["PCMU"] * 2]
    keys.hear(silence[3], 0.0)  # the second one may still come
    assert not keys.may_be_relayed
    keys.hear(silence[2], 0.0)
    keys.hear(silence[4]._replace(codec="PCMA"), 0.0)
    assert not keys.may_be_relayed
    keys.hear(silence[5]._replace(codec="PCMA"), 0.0)
    assert keys.may_be_relayed
    key = [one._replace(sequence=one.sequence - 94) for one in packets("PCMU", "5", 100, 100)]
    for packet in key[:3]:
        keys.hear(packet, 0.0)
    assert not keys.may_be_relayed
    for packet in key[3:]:
        keys.hear(packet, 0.0)
    assert keys.may_be_relayed and found == ["5"]
    keys.use_relay(None)
    assert row.watched[1:] == [b""] and not keys.may_be_relayed


@pytest.mark.parametrize("relayed", [1, 2, 3, 100])
def test_a_key_that_begins_in_what_the_relay_has_kept_is_heard(relayed: int) -> None:
    found: list[tuple[str, int]] = []
    keys = ToneKeys(lambda digit, ms: found.append((digit, ms)))
    press = packets("PCMU", "5", 60, 100)
    keys.use_relay(Row(SILENCE["PCMU"] + press[0].payload))
    for number in range(2):
        keys.hear(SoundPacket(1, number, "PCMU", SILENCE["PCMU"]), 0.0)
    keys.relayed(relayed, SoundPacket(1, 1 + relayed, "PCMU", b""), 0.0)
    for nth, packet in enumerate(press[1:]):
        keys.hear(packet._replace(sequence=2 + relayed + nth), 0.0)
    ((digit, duration_ms),) = found
    assert digit == "5" and 50 <= duration_ms <= 70
