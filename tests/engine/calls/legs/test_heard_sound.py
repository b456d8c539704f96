"""What the party of a leg hears: the endpoint is told, and events say it."""

from typing import Any, cast

from engine.calls.legs.heard_sound import HeardSound
from engine.calls.legs.leg_media import LegMedia
from media.protocol.messages import Played
from media.sources import Silence, Tone
from tests.engine.calls.legs.test_leg_media import HELLO, endpoint
from tests.support.virtual_loop import run


class Leg(HeardSound):
    """The part of a leg that is looked at."""

    def __init__(self, media: LegMedia) -> None:
        self._media = media
        self.events: list[tuple[str, Any]] = []
        self._publish = lambda kind, leg, **fields: self.events.append((kind, fields))


def test_a_source_of_its_own_and_an_announcement() -> None:
    async def main() -> None:
        media, pool = endpoint()
        leg = Leg(media)
        ended: list[Played | None] = []
        assert leg.hear(Silence()) is None
        assert leg.announce(HELLO, mix=False, rounds=1, on_ended=ended.append) is None
        await media.open(beside=None)
        assert leg.hear(Silence()) == 1
        await leg.play(HELLO, limit_s=1.0)
        assert pool.heard["leg-1"] == [Silence(), HELLO]
        number = leg.announce(HELLO, mix=True, rounds=2, on_ended=ended.append)
        assert number == 3
        assert pool.announced == [("leg-1", HELLO, True, 2)]
        leg.stop_announcement(number)
        assert media.end_play(Played("leg-1", number, end="stopped"))
        assert not media.end_play(Played("leg-1", number, end="stopped"))
        assert [one.end for one in ended if one is not None] == ["stopped"]
        leg.announce(HELLO, mix=True, rounds=2, on_ended=ended.append)
        leg.signal(Tone("620/120"))
        assert pool.signals == [("leg-1", Tone("620/120"))]
        await media.close()
        assert ended[1:] == [None]

    run(main())


def test_what_is_published() -> None:
    leg = Leg(cast(LegMedia, None))
    leg.publish_not_played("gone")
    leg.publish_play("play.started", play="play-1")
    assert leg.events == [
        ("leg.not_played", {"error": "gone"}),
        ("play.started", {"play": "play-1"}),
    ]


def test_an_endpoint_that_goes_to_another_ends_its_announcements() -> None:
    async def main() -> None:
        media, pool = endpoint()
        await media.open(beside=None)
        ended: list[Played | None] = []
        number = media.announce(HELLO, mix=False, rounds=1, on_ended=ended.append)
        media.abandon()
        assert ended == [None]
        assert number in pool.stop_asked

    run(main())
