"""How long the sound of a talk with a bot waits in the media worker: in no playout buffer."""

import random
from unittest.mock import patch

import numpy as np
import pytest

from media.codec.codec import CodecError
from media.codec.formats import unavailable
from media.protocol import messages as m
from media.protocol.messages import Codec
from media.sources import Peer, Silence, Tone
from tests.support.media.codec_phones import CodecPhone
from tests.support.media.line import Line
from tests.support.media.switch import key
from tests.support.voices import level_of, tone

LOUD = 3000
CODECS_MS = 8.0  # encoder and decoder of Opus have 6.5


def delay_ms(line: Line, mouth: CodecPhone, ear: CodecPhone) -> float:
    """From the first packet of a tone at the mouth to the tone at the ear."""
    mouth.sound = np.zeros(mouth.rate_hz, np.int16)
    line.pass_ms(200)
    mouth.sound = tone(1000, 1.0, mouth.rate_hz)
    said, known, passed_ms, said_ms = mouth._said, len(ear.heard), 0, -1
    while passed_ms < 2000:
        line.pass_ms(1)
        passed_ms += 1
        if said_ms < 0 and mouth._said > said:
            said_ms = passed_ms
        if len(ear.heard) > known:
            known = len(ear.heard)
            (loud,) = np.nonzero(np.abs(ear.sound_of(ear.heard)[-ear.rate_hz // 50 :]) > LOUD)
            if len(loud):
                return passed_ms + float(loud[0]) * 1000 / ear.rate_hz - said_ms
    raise AssertionError("nothing is heard")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("codec", ["PCMU", "G722", "opus"])
def test_no_packet_waits_on_its_way_to_a_bot_or_from_it(codec: Codec, seed: int) -> None:
    """The phones send at any moment between two ticks of the worker."""
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    bots: Codec = "PCMU" if codec == "PCMU" else "L16/16000"
    line = Line(random.Random(seed), {"a": codec, "c": bots}, even="c")
    phone, bot = line.named["a"], line.named["c"]
    try:
        line.execute(m.Bridge("a", "c"))
        line.pass_ms(300)
        assert 0 <= delay_ms(line, phone, bot) <= CODECS_MS
        assert 0 <= delay_ms(line, bot, phone) <= CODECS_MS
        assert line.longest_ms <= 40
    finally:
        line.close()


def bot_line(codec: Codec) -> Line:
    """A phone `a` of this codec that talks with a bot `c` already."""
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    line = Line(random.Random(7), {"a": codec, "c": "L16/16000"}, even="c")
    line.execute(m.Bridge("a", "c"))
    line.pass_ms(300)
    return line


def test_a_key_is_no_lost_sound() -> None:
    """The bot is told of it otherwise; no sound is made up in its place."""
    line = bot_line("G722")
    phone, bot = line.named["a"], line.named["c"]
    try:
        before = len(bot.heard)
        phone.press(line.addresses["a"], key(5))
        line.pass_ms(200)
        assert len(bot.heard) == before + 10
    finally:
        line.close()


def test_a_bot_that_changes_its_codec_hears_at_once() -> None:
    """It is called before the party is known."""
    line = bot_line("opus")
    phone, bot = line.named["a"], line.named["c"]
    try:
        for codec in ("PCMU", "L16/16000"):
            line.execute(bot.connect_as(codec))
            line.pass_ms(300)
        bot.heard.clear()
        assert 0 <= delay_ms(line, phone, bot) <= CODECS_MS
    finally:
        line.close()


async def test_what_is_announced_over_a_bot_costs_no_time() -> None:
    line = bot_line("G722")
    phone, bot = line.named["a"], line.named["c"]
    music = Tone("350", loop=True, gain_db=-20)
    try:
        await line.switch._library.load(music)
        line.execute(m.Announce("a", 1, music, True, 9))
        line.pass_ms(300)
        assert 0 <= delay_ms(line, bot, phone) <= CODECS_MS
        heard = phone.sound_of(phone.heard)[-phone.rate_hz // 10 :]
        assert level_of(350, heard, phone.rate_hz) > 100
        assert line.longest_ms <= 40
    finally:
        line.close()


def test_a_phone_that_falls_silent_is_followed_by_silence_and_is_heard_at_once_again() -> None:
    line = bot_line("opus")
    phone, bot = line.named["a"], line.named["c"]
    try:
        line.talking.discard("a")
        line.pass_ms(500)
        before = len(bot.heard)
        line.pass_ms(200)
        assert len(bot.heard) == before + 10
        line.talking.add("a")
        assert 0 <= delay_ms(line, phone, bot) <= CODECS_MS
    finally:
        line.close()


def test_keys_are_passed_on_to_who_heard_a_bot_before_that_fell_silent() -> None:
    line = Line(random.Random(7), {"a": "G722", "b": "PCMU", "c": "L16/16000"}, even="c")
    try:
        line.execute(m.Bridge("a", "c"))
        line.pass_ms(300)
        line.talking.discard("c")
        line.pass_ms(300)
        line.execute(m.Bridge("a", "b"))
        line.pass_ms(300)
        phone, other = line.named["a"], line.named["b"]
        phone.heard.clear()
        other.press(line.addresses["b"], key(5))
        line.pass_ms(200)
        assert any(one.payload_type == 101 for one in phone.heard)
    finally:
        line.close()


def test_where_a_codec_does_not_work_here_there_is_silence() -> None:
    line = bot_line("G722")
    bot = line.named["c"]
    try:
        with patch("media.worker.coding.packet_coder.decoder_of", side_effect=CodecError("gone")):
            line.execute(m.Hear("c", 1, Silence()))
            line.pass_ms(100)
            line.execute(m.Hear("c", 2, Peer("a")))
            before = len(bot.heard)
            line.pass_ms(200)
        assert len(bot.heard) == before + 10
        assert not np.any(bot.sound_of(bot.heard[-5:]))
    finally:
        line.close()
