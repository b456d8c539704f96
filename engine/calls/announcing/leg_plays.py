"""What commands let the party of one leg hear: one play at a time, the rest by priority."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from media.protocol.messages import Played, PlayEnd
from media.sources import Source

from ...errors import EngineError

MOST_WAITING: Final = 16
DEFAULT_PRIORITY: Final = 5

OnFinished = Callable[["Play"], None]


class HearingLeg(Protocol):
    """The leg whose party hears the plays."""

    id: str

    def announce(
        self, source: Source, *, mix: bool, rounds: int, on_ended: Callable[[Played | None], None]
    ) -> int | None:
        """Let the party hear a source. Returns its number, None where it has no media."""

    def stop_announcement(self, number: int) -> None:
        """End it."""

    def publish_play(self, kind: str, **fields: Any) -> None:
        """Publish an event."""


@dataclass(slots=True, kw_only=True)
class Play:
    """One thing that a party is to hear. `rounds` is how often, 0: until it is stopped.

    `end` is how it has ended, `heard_ms` how much was sent to the party.
    """

    id: str
    source: Source
    mix: bool = False
    rounds: int = 1
    priority: int = DEFAULT_PRIORITY
    on_finished: OnFinished = lambda _play: None
    end: PlayEnd | None = None
    heard_ms: int = 0
    error: str | None = None
    number: int | None = field(default=None, init=False)


class LegPlays:
    """The plays of one leg. `on_idle` is called whenever none is left.

    A play replaces one of the same or a lower priority. While one of a higher priority is heard,
    it waits, and is heard after that.
    """

    def __init__(self, leg: HearingLeg, on_idle: Callable[[], None] = lambda: None) -> None:
        self._leg = leg
        self._on_idle = on_idle
        self._current: Play | None = None
        self._waiting: list[Play] = []

    def begin(self, play: Play) -> None:
        """Let the party hear it, now or in its turn. Raises EngineError `state`."""
        current = self._current
        if current is None or current.priority <= play.priority:
            self._start(play)
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append(play)
        else:
            raise EngineError("state", f"{MOST_WAITING} plays of leg {self._leg.id} wait already")

    def stop(self, play_id: str | None = None) -> bool:
        """Stop the play of this id, or all. Whether there was any."""
        stopped = [one for one in self._waiting if play_id in (None, one.id)]
        for play in stopped:
            self._waiting.remove(play)
            self._finish(play, "stopped")
        current = self._current
        if current is not None and play_id in (None, current.id):
            if current.number is not None:
                self._leg.stop_announcement(current.number)
            return True
        return bool(stopped)

    def _start(self, play: Play) -> None:
        self._current = play
        play.number = self._leg.announce(
            play.source,
            mix=play.mix,
            rounds=play.rounds,
            on_ended=lambda played: self._ended(play, played),
        )
        if play.number is None:
            self._current = None
            self._finish(play, "leg_ended")
            self._leg_ended()
        else:
            self._leg.publish_play("play.started", play=play.id)

    def _ended(self, play: Play, played: Played | None) -> None:
        if played is None:
            self._finish(play, "leg_ended")
        else:
            play.heard_ms, play.error = played.heard_ms, played.error
            self._finish(play, "failed" if played.error is not None else played.end)
        if play is not self._current:  # another one is heard in its place
            return
        self._current = None
        if play.end == "leg_ended":
            self._leg_ended()
        elif self._waiting:
            following = max(self._waiting, key=lambda one: one.priority)  # the first of equals
            self._waiting.remove(following)
            self._start(following)
        else:
            self._on_idle()

    def _leg_ended(self) -> None:
        waiting, self._waiting = self._waiting, []
        for play in waiting:
            self._finish(play, "leg_ended")
        self._on_idle()

    def _finish(self, play: Play, end: PlayEnd) -> None:
        play.end = end
        fields = {} if play.error is None else {"error": play.error}
        self._leg.publish_play(
            "play.finished", play=play.id, reason=end, heard_ms=play.heard_ms, **fields
        )
        play.on_finished(play)
