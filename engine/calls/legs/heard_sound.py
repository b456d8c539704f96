"""What the party of a leg hears: the source that the call gives it, and announcements."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from media.sources import Source, Tone

from .leg_media import OnPlayed

if TYPE_CHECKING:
    from .leg_media import LegMedia


class HeardSound:
    """The part of a leg that says what its party hears."""

    _media: "LegMedia"
    _publish: Callable[..., None]

    def hear(self, source: Source) -> int | None:
        """Let the party hear `source` from now on. Returns the play's number."""
        return self._media.hear(source)

    async def play(self, source: Source, *, limit_s: float) -> bool:
        """Let the party hear a finite source to its end, for `limit_s` at most. Whether it did."""
        return await self._media.play(source, limit_s=limit_s)

    def announce(self, source: Source, *, mix: bool, rounds: int, on_ended: OnPlayed) -> int | None:
        """Let the party hear `source` in place of what it hears, or over it.

        `on_ended` is told once how that has ended; None: the leg has. Returns the number, None
        where the leg has no media.
        """
        return self._media.announce(source, mix=mix, rounds=rounds, on_ended=on_ended)

    def stop_announcement(self, number: int) -> None:
        """End an announcement, if the party hears it still."""
        self._media.stop_announcement(number)

    def signal(self, source: Tone) -> None:
        """Let the party hear a short tone over whatever it hears: nothing ends for it."""
        self._media.signal(source)

    def publish_not_played(self, reason: str) -> None:
        """The party does not hear what it should: publish why. The call goes on."""
        self._publish("leg.not_played", self, error=reason)

    def publish_play(self, kind: str, **fields: object) -> None:
        """Publish an event of what a command lets the party hear."""
        self._publish(kind, self, **fields)
