"""What commands let the parties of calls hear: files, tones, music and spoken texts."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from media.sound.tones.progress_tones import PROGRESS_TONES, ProgressTone, progress_spec
from media.sound.tones.tone_spec import ToneError, parse
from media.sources import Hold, Playlist, Prompt, Source, Tone

from ...errors import EngineError
from ..call import Call, CallRegistry
from ..leg import Leg
from .leg_plays import DEFAULT_PRIORITY, LegPlays, OnFinished, Play
from .sound_files import NoSound
from .whisper import Announcement, Announcer, Unspoken

_UP = frozenset({"answered", "held"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HowPlayed:
    """How something is played: `rounds` is how often (0: until it is stopped); with `mix` over
    what is heard, not in its place."""

    mix: bool = False
    rounds: int = 1
    priority: int = DEFAULT_PRIORITY


class Plays:
    """Lets the parties of the calls of `registry` hear what commands say.

    `hold` is the hold sound, `country` that of tones which name none.
    """

    def __init__(
        self,
        registry: CallRegistry,
        announcer: Announcer,
        *,
        hold: Hold,
        country: str,
    ) -> None:
        self._registry = registry
        self._announcer = announcer
        self._hold = hold
        self._country = country
        self._of_legs: dict[Leg, LegPlays] = {}

    # -- whose ------------------------------------------------------------------------------

    def leg_up(self, call_id: str | None, leg_id: str | None) -> tuple[Call, Leg]:
        """A leg that is up: the one named, or of a call the one that is up, or the customer's.

        Raises EngineError `not_found`, `state`.
        """
        call = self._registry.call_of(call_id, leg_id)
        if leg_id is not None:
            leg = next((one for one in call.legs if one.id == leg_id), None)
            if leg is None:
                reason = f"leg {leg_id} is not of call {call.id}"
                raise EngineError("not_found", reason, field="leg")
            if not _is_up(leg):
                raise EngineError("state", f"leg {leg_id} is not up", field="leg")
            return call, leg
        up = [leg for leg in call.legs if _is_up(leg)]
        if not up:
            raise EngineError("state", f"no party of call {call.id} is up", field="call")
        customers = [leg for leg in up if leg.role == "customer"]
        return call, up[0] if len(up) == 1 or not customers else customers[-1]

    # -- what -------------------------------------------------------------------------------

    async def files(self, names: Sequence[str], field: str, *, loop: bool = False) -> Source:
        """Sound files in the directories of `media.sounds`. Raises EngineError `refused`."""
        sounds = self._announcer.sounds
        paths = []
        for name in names:
            await self._announcer.inspect(name)
            try:
                sounds.check(name)
                paths.append(str(sounds.requested(name)))
            except NoSound as error:
                raise EngineError("refused", str(error), field=field) from error
        if len(paths) == 1:
            return Prompt(paths[0], loop=loop)
        return Playlist(tuple(paths), loop=loop)

    def tone(self, tone: str, country: str | None, *, loop: bool = False) -> Source:
        """A call-progress tone by its name, or a tone by its frequencies. Raises EngineError."""
        try:
            if tone in PROGRESS_TONES:
                name: ProgressTone = next(one for one in PROGRESS_TONES if one == tone)
                tone = progress_spec(name, country or self._country)
            parse(tone)
        except ToneError as error:
            raise EngineError("refused", str(error), field="tone") from error
        return Tone(tone, loop=loop)

    def stream(self, name: str) -> Source:
        """A music stream of the configuration. Raises EngineError `refused`."""
        try:
            return self._announcer.sounds.stream(name)
        except NoSound as error:
            raise EngineError("refused", str(error), field="stream") from error

    def hold_sound(self) -> Source:
        """The hold sound of the configuration."""
        return self._hold

    async def speech(
        self, text: str, language: str, speed: float, *, is_personal: bool
    ) -> Announcement:
        """A spoken text, to be given to `begin`. Raises EngineError `refused`."""
        spoken = await self._announcer.speak(
            text, voice=language, speed=speed, is_personal=is_personal
        )
        if isinstance(spoken, Unspoken):
            raise EngineError("refused", spoken.reason, field="text")
        return spoken

    # -- the plays --------------------------------------------------------------------------

    def begin(
        self,
        leg: Leg,
        sound: Source | Announcement,
        how: HowPlayed,
        on_finished: OnFinished = lambda _play: None,
    ) -> Play:
        """Let the party of a leg hear a sound. Raises EngineError `state`."""

        def finished(play: Play) -> None:
            if isinstance(sound, Announcement):
                self._announcer.forget(sound)
            on_finished(play)

        play = Play(
            id=f"play-{secrets.token_hex(8)}",
            source=sound.source if isinstance(sound, Announcement) else sound,
            mix=how.mix,
            rounds=how.rounds,
            priority=how.priority,
            on_finished=finished,
        )
        of_leg = self._of_legs.get(leg)
        if of_leg is None:
            of_leg = self._of_legs[leg] = LegPlays(leg, lambda: self._forget(leg))
        of_leg.begin(play)
        return play

    def stop(self, leg: Leg, play_id: str | None) -> None:
        """Stop a play of a leg, or all of them. Raises EngineError `not_found`."""
        of_leg = self._of_legs.get(leg)
        found = of_leg is not None and of_leg.stop(play_id)
        if not found and play_id is not None:
            reason = f"leg {leg.id} has no play {play_id}, or it is over"
            raise EngineError("not_found", reason, field="play")

    def _forget(self, leg: Leg) -> None:
        self._of_legs.pop(leg, None)


def _is_up(leg: Leg) -> bool:
    return leg.hangup_cause is None and leg.record.state in _UP
