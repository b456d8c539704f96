"""Keys of a leg: published, told to listeners, or to who has asked for them."""

import asyncio
from typing import Any, cast

from engine.calls.legs.leg_listener import LegListener
from engine.calls.legs.pressed_keys import KeyTaker, PressedKeys
from sip.sdp.offer_answer import NegotiatedAudio
from tests.support.virtual_loop import run


class Media:
    def __init__(self) -> None:
        self.blocked: list[bool] = []

    def block_keys(self, *, is_blocked: bool) -> None:
        self.blocked.append(is_blocked)

    def has_keys_as_sound(self, _audio: NegotiatedAudio) -> bool:
        return False


class Audio:
    telephone_event_payload_type = 101


class Listener(LegListener):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def digit_pressed(self, _leg: Any, digit: str) -> None:
        self.heard.append(digit)

    def info_received(self, _leg: Any, digit: str, _duration_ms: int) -> None:
        self.heard.append(f"info {digit}")

    def key_hidden(self, _leg: Any) -> None:
        self.heard.append("hidden")


class Taker(KeyTaker):
    def __init__(self, *, is_secret: bool, is_alone: bool = True) -> None:
        self._is_secret, self.is_alone = is_secret, is_alone
        self.taken: list[str] = []

    @property
    def is_secret(self) -> bool:
        return self._is_secret

    def press(self, digit: str) -> None:
        self.taken.append(digit)


class Leg(PressedKeys):
    def __init__(self) -> None:
        self.audio: NegotiatedAudio | None = None
        self._media = Media()  # type: ignore[assignment]
        self.listener = Listener()
        self._listeners = (self.listener,)
        self.events: list[dict[str, Any]] = []
        self.may_publish = True

        def publish(_kind: str, _leg: Any, **fields: Any) -> bool:
            self.events.append(fields)
            return self.may_publish

        self._publish_bounded = publish


async def test_a_key_is_published_and_told() -> None:
    leg = Leg()
    assert leg.pressed("1", 100)
    leg.info_digit("2", 90)
    assert leg.listener.heard == ["1", "2", "info 2"]
    assert leg.events == [{"digit": "1", "duration_ms": 100}, {"digit": "2", "duration_ms": 90}]


async def test_one_too_many_is_dropped() -> None:
    leg = Leg()
    leg.may_publish = False
    leg.info_digit("2", 90)
    assert leg.listener.heard == []


async def test_who_asks_for_keys_has_them_alone() -> None:
    leg, open_, secret = Leg(), Taker(is_secret=False), Taker(is_secret=True)
    leg.take_keys(open_)
    leg.info_digit("1", 90)
    leg.take_keys(secret)
    assert not leg.pressed("2", 90)
    leg.take_keys(None)
    leg.pressed("3", 90)
    assert (open_.taken, secret.taken) == (["1"], ["2"])
    assert leg.listener.heard == ["hidden", "3"]
    assert [event.get("digit") for event in leg.events] == ["1", None, "3"]
    assert leg._media.blocked == [True, True, False]  # type: ignore[attr-defined]


async def test_listeners_hear_of_keys_that_are_not_for_one_alone() -> None:
    leg, taker = Leg(), Taker(is_secret=False, is_alone=False)
    assert leg.take_keys(taker) is None
    assert not leg.pressed("7", 100)
    assert (taker.taken, leg.listener.heard) == (["7"], ["7"])
    assert leg.take_keys(None) is taker


async def test_a_press_that_is_reported_both_ways_is_one() -> None:
    leg = Leg()
    assert leg.pressed("5", 100)
    leg.info_digit("5", 100)
    leg.info_digit("6", 100)
    assert not leg.pressed("6", 100)
    assert leg.pressed("5", 100)
    assert [event["digit"] for event in leg.events] == ["5", "6", "5"]
    assert leg.listener.heard == ["5", "6", "info 6", "5"]


def test_a_press_that_is_reported_both_ways_is_sent_on_once() -> None:
    """The media worker relays the telephone-event, whichever report is the first."""

    async def script() -> None:
        leg = Leg()
        leg.audio = cast(NegotiatedAudio, Audio)
        leg.info_digit("5", 100)
        await asyncio.sleep(0.1)
        assert not leg.pressed("5", 100)
        assert leg.pressed("6", 100)
        leg.info_digit("6", 100)
        await asyncio.sleep(2.0)
        assert leg.listener.heard == ["5", "6"]

    run(script())
