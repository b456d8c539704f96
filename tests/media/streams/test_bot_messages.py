"""The text frames of bots: what is understood, and what is said of what is not."""

import json

import pytest

from media.streams import bot_messages as bot


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"ready"}', bot.Ready()),
        ('{"type":"reject","reason":"busy"}', bot.Reject("busy")),
        ('{"type":"mark","name":"a","more":1}', bot.Mark("a")),
        ('{"type":"clear"}', bot.Clear()),
        ('{"type":"pause"}', bot.Pause()),
        ('{"type":"resume"}', bot.Resume()),
        ('{"type":"dtmf","digits":"12#"}', bot.Dtmf("12#")),
        ('{"type":"hangup"}', bot.Hangup()),
        ('{"type":"handover","agent":"bo"}', bot.Handover(agent="bo")),
        (
            '{"type":"handover","queue":"q","context":{"a":[1]}}',
            bot.Handover(queue="q", context={"a": [1]}),
        ),
        ('{"type":"stop","reason":"done"}', bot.Stop("done")),
        (r'{"type":"stop","reason":"a\r\n\u001b[31mb"}', bot.Stop("a   [31mb")),
        (r'{"type":"hangup","reason":"bye\nX: y"}', bot.Hangup("bye X: y")),
    ],
)
def test_each_message_is_read(text: str, message: bot.BotMessage) -> None:
    assert bot.read_bot_message(text) == message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "truncated"),
        ("hello", "malformed"),
        ("[]", "object"),
        ('{"type":"sing"}', "sing"),
        ('{"name":"a"}', "type"),
        ('{"type":"mark"}', "name"),
        ('{"type":"mark","name":""}', "length"),
        ('{"type":"dtmf","digits":"x"}', "regex"),
        ('{"type":"handover"}', "one of queue, agent and to"),
        ('{"type":"handover","queue":"q","to":"1"}', "one of queue, agent and to"),
        (r'{"type":"handover","queue":"a\u001b[31m"}', "printable"),
        ('{"type":"hangup","reason":"' + "x" * 300 + '"}', "length"),
        ('{"type":"clear"}' + " " * bot.MAX_TEXT_BYTES, "bytes"),
        ("[" * 40_000, ""),
        ('{"type":"\ud800"}', ""),
    ],
)
def test_what_is_no_message_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(bot.NotUnderstood) as refused:
        bot.read_bot_message(text)
    assert reason in refused.value.reason.lower()
    assert 0 < len(refused.value.reason) <= bot.MAX_REASON_CHARACTERS


def test_what_a_bot_asks_of_the_engine_arrives_as_it_was() -> None:
    asked = bot.Handover(queue="q", context={"mood": "good"})
    assert bot.read_asked(bot.encode_message(asked)) == asked


def test_start_says_how_the_stream_is_whatever_is_said_of_the_call() -> None:
    start = json.loads(bot.start_message(b'{"call":"c","rate_hz":1}', {"rate_hz": 8000}))
    assert start == {"type": "start", "call": "c", "rate_hz": 8000}
