"""The methods of the control protocol that let a party hear something: call.play and others."""

from typing import Annotated, Final, TypedDict

from msgspec import Meta

from ...calls.announcing.leg_plays import DEFAULT_PRIORITY
from ...calls.announcing.plays import HowPlayed, Plays
from ...errors import BadParams
from ...request import Identifier, Params, one_of
from ..method import Method
from ..peer import Peer

MOST_FILES: Final = 100
_MOST_ROUNDS: Final = 1000
_SLOWEST, _QUICKEST = 0.5, 3.0
_WORDS_A_MINUTE = 80.0

FileName = Annotated[str, Meta(min_length=1, max_length=1024)]
Priority = Annotated[int, Meta(ge=0, le=9)]


class LegRef(Params):
    """A leg, by its id or by that of its call: the party that is up; of two, the customer."""

    call: Identifier | None = None
    leg: Identifier | None = None

    def __post_init__(self) -> None:
        if self.call is None and self.leg is None:
            raise BadParams("leg", "give call or leg")


class ToneRequest(Params):
    """A call-progress tone by its name, or a tone by its frequencies, of a country."""

    name: Annotated[str, Meta(min_length=1, max_length=512)]
    country: Annotated[str, Meta(min_length=2, max_length=2)] | None = None


class HowRequested(LegRef):
    """How something is to be heard."""

    loop: bool | int = False
    mix: bool = False
    priority: Priority = DEFAULT_PRIORITY

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.loop, bool) and not 1 <= self.loop <= _MOST_ROUNDS:
            raise BadParams("loop", f"must be true, false, or a number from 1 to {_MOST_ROUNDS}")

    def how(self) -> HowPlayed:
        """How it is played."""
        rounds = 0 if self.loop is True else int(self.loop) or 1
        return HowPlayed(mix=self.mix, rounds=rounds, priority=self.priority)


class PlayRequest(HowRequested):
    """call.play: one of `file`, `files`, `tone`, `stream` and `hold`."""

    file: FileName | None = None
    files: Annotated[list[FileName], Meta(min_length=1, max_length=MOST_FILES)] | None = None
    tone: Annotated[str, Meta(min_length=1, max_length=512)] | ToneRequest | None = None
    hold: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hold is False:
            raise BadParams("hold", "must be true, or left out")
        names = ("file", "files", "tone", "hold")
        one_of(names, {name: getattr(self, name) for name in names})


class SayRequest(HowRequested):
    """call.say: a text in a language (or voice), at a speed.

    `speed` is a factor, 1 for the usual one, or words a minute from 80 on.
    """

    text: Annotated[str, Meta(min_length=1, max_length=2000)] = ""
    language: Annotated[str, Meta(max_length=64)] = ""
    speed: Annotated[float, Meta(gt=0, le=450)] = 1.0
    personal: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.text.strip():
            raise BadParams("text", "give what is to be said")
        is_factor = _SLOWEST <= self.speed <= _QUICKEST
        if not is_factor and self.speed < _WORDS_A_MINUTE:
            reason = (
                f"must be a factor from {_SLOWEST:g} to {_QUICKEST:g}, "
                f"or words a minute from {_WORDS_A_MINUTE:g} on"
            )
            raise BadParams("speed", reason)


class StopRequest(LegRef):
    """call.stop: one play of the leg, or all of them."""

    play: Identifier | None = None


class PlayView(TypedDict):
    """call.play, call.say."""

    call: str
    """The call."""
    leg: str
    """The leg whose party hears it."""
    play: str
    """What names the play, for call.stop and in its events."""


class StoppedView(TypedDict):
    """call.stop."""

    call: str
    """The call."""
    leg: str
    """The leg whose party hears it no more."""


class PlayMethods:
    """What a client may let parties hear."""

    def __init__(self, plays: Plays) -> None:
        self._plays = plays

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "call.play": Method(PlayRequest, self._play),
            "call.say": Method(SayRequest, self._say),
            "call.stop": Method(StopRequest, self._stop),
        }

    async def _play(self, params: PlayRequest, _peer: Peer) -> PlayView:
        plays, loop = self._plays, params.loop is True
        plays.leg_up(params.call, params.leg)
        if params.file is not None:
            source = await plays.files([params.file], "file", loop=loop)
        elif params.files is not None:
            source = await plays.files(params.files, "files", loop=loop)
        elif isinstance(params.tone, ToneRequest):
            source = plays.tone(params.tone.name, params.tone.country, loop=loop)
        elif params.tone is not None:
            source = plays.tone(params.tone, None, loop=loop)
        else:
            source = plays.hold_sound()
        call, leg = plays.leg_up(params.call, params.leg)
        play = plays.begin(leg, source, params.how())
        return {"call": call.id, "leg": leg.id, "play": play.id}

    async def _say(self, params: SayRequest, _peer: Peer) -> PlayView:
        plays = self._plays
        plays.leg_up(params.call, params.leg)
        spoken = await plays.speech(
            params.text, params.language, params.speed, is_personal=params.personal
        )
        call, leg = plays.leg_up(params.call, params.leg)
        play = plays.begin(leg, spoken, params.how())
        return {"call": call.id, "leg": leg.id, "play": play.id}

    def _stop(self, params: StopRequest, _peer: Peer) -> StoppedView:
        call, leg = self._plays.leg_up(params.call, params.leg)
        self._plays.stop(leg, params.play)
        return {"call": call.id, "leg": leg.id}
