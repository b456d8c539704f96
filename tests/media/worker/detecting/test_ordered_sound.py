"""A stream for who looks at it: in order, and what is lost concealed."""

import numpy as np
import pytest

from media.codec import opus
from media.codec.codec import CodecError, Samples
from media.codec.formats import Format, encoder_of
from media.rtp.in_order import MOST_LOST
from media.sound import g711
from media.worker.detecting.ordered_sound import OrderedSound, SoundPacket
from tests.support.voices import level_of, tone


def packets(count: int) -> list[SoundPacket]:
    sound = g711.encode(tone(400, count / 50), "PCMU")
    return [SoundPacket(1, at, "PCMU", sound[at * 160 :][:160]) for at in range(count)]


def heard(sent: list[SoundPacket]) -> Samples:
    sound = OrderedSound()
    pieces = [piece for one in sent for piece in sound.receive(one)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def test_what_comes_in_order_is_there_at_once() -> None:
    sound = OrderedSound()
    for one in packets(5):
        (piece,) = sound.receive(one)
        assert (piece == g711.decode(one.payload, "PCMU")).all()


def test_packets_that_change_places_are_put_right() -> None:
    sent = packets(10)
    mixed = [sent[at] for at in (0, 2, 1, 3, 5, 6, 4, 7, 8, 9)]
    assert (heard(mixed) == heard(sent)).all()


def test_what_is_lost_takes_its_time_and_is_concealed() -> None:
    sent = packets(10)
    found = heard([one for one in sent if one.sequence != 5])
    assert len(found) == 1600
    assert level_of(400, found[800:960]) > 6000


def test_all_that_is_lost_of_opus_takes_its_time() -> None:
    if opus.missing():
        pytest.skip(opus.missing())
    form = Format("opus")
    encoder = encoder_of(form, form.rate_hz)
    said = np.split(tone(400, 1.0, form.rate_hz), 50)
    sent = [SoundPacket(1, at, "opus", encoder.encode(one)) for at, one in enumerate(said)]
    assert len(heard([*sent[:20], *sent[20 + MOST_LOST :]])) == 8000


def test_packets_that_are_no_sound_leave_nothing_out() -> None:
    sent = packets(10)
    keys = [SoundPacket(1, at, "", b"") for at in (4, 5, 6)]
    assert len(heard([*sent[:4], *keys, *sent[7:]])) == 7 * 160


def test_a_long_pause_is_no_loss() -> None:
    sent = packets(40)
    assert len(heard([*sent[:5], *sent[30:]])) == 15 * 160


def test_a_codec_that_is_not_here_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise CodecError("no libopus")

    monkeypatch.setattr(opus, "_library", missing)
    assert not len(heard([SoundPacket(1, 0, "opus", b"\x08")]))


def test_what_cannot_be_decoded_is_concealed() -> None:
    if opus.missing():
        pytest.skip(opus.missing())
    assert not len(heard([SoundPacket(1, 0, "opus", b"\xff\xff")]))
