"""The methods of the control protocol about what a party hears and the keys that it presses."""

from typing import Annotated, Final, NotRequired, TypedDict

from msgspec import Meta

from media.sources import Source

from ...calls.announcing.leg_plays import DEFAULT_PRIORITY
from ...calls.announcing.plays import HowPlayed, Plays
from ...calls.announcing.whisper import Announcement
from ...calls.keys.gather import MOST_DIGITS, GatherEnd, GatherSettings
from ...calls.keys.gathers import Gathers
from ...errors import BadParams
from ...request import Identifier, Params, one_of
from ..connections.peer import Peer
from ..method import Method
from ..speech_params import SpeechRequest

MOST_FILES: Final = 100
_MOST_ROUNDS: Final = 1000
_SLOWEST, _QUICKEST = 0.5, 3.0
_WORDS_A_MINUTE = 80.0

FileName = Annotated[str, Meta(min_length=1, max_length=1024)]
Priority = Annotated[int, Meta(ge=0, le=9)]
Patience = Annotated[float, Meta(gt=0, le=600)]
KEYS: Final = "0123456789*#ABCD"


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


Files = Annotated[list[FileName], Meta(min_length=1, max_length=MOST_FILES)]
AnyTone = Annotated[str, Meta(min_length=1, max_length=512)] | ToneRequest


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
    files: Files | None = None
    tone: AnyTone | None = None
    stream: Identifier | None = None
    hold: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hold is False:
            raise BadParams("hold", "must be true, or left out")
        names = ("file", "files", "tone", "stream", "hold")
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
        _check_speed(self.speed)


def _check_speed(speed: float) -> None:
    if not _SLOWEST <= speed <= _QUICKEST and speed < _WORDS_A_MINUTE:
        reason = (
            f"must be a factor from {_SLOWEST:g} to {_QUICKEST:g}, "
            f"or words a minute from {_WORDS_A_MINUTE:g} on"
        )
        raise BadParams("speed", reason)


class StopRequest(LegRef):
    """call.stop: one play of the leg, or all of them; with `gather` also what is gathered."""

    play: Identifier | None = None
    gather: bool = False


class PromptRequest(Params):
    """What is heard while keys are waited for: one of `file`, `files`, `tone` and `text`."""

    file: FileName | None = None
    files: Files | None = None
    tone: AnyTone | None = None
    text: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None
    language: Annotated[str, Meta(max_length=64)] = ""
    speed: Annotated[float, Meta(gt=0, le=450)] = 1.0
    personal: bool = False

    def __post_init__(self) -> None:
        names = ("file", "files", "tone", "text")
        one_of(names, {name: getattr(self, name) for name in names})
        _check_speed(self.speed)


class GatherRequest(LegRef):
    """call.gather: keys that the party presses, or words that they say."""

    max_digits: Annotated[int, Meta(ge=0, le=MOST_DIGITS)] = MOST_DIGITS
    min_digits: Annotated[int, Meta(ge=0, le=MOST_DIGITS)] = 1
    terminator: Annotated[str, Meta(max_length=16)] = "#"
    first_digit_s: Patience = 5.0
    between_digits_s: Patience = 3.0
    prompt: PromptRequest | None = None
    barge_in: bool = True
    secret: bool = True
    type_ahead_s: Annotated[float, Meta(ge=0, le=60)] = 0.0
    speech: SpeechRequest | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.max_digits and self.speech is None:
            raise BadParams("max_digits", "0 is for speech alone")
        if self.min_digits > max(self.max_digits, 1):
            raise BadParams("min_digits", "must not be more than max_digits")
        if not set(self.terminator) <= set(KEYS):
            raise BadParams("terminator", f"must be keys: {KEYS}")

    def settings(self) -> GatherSettings:
        """What is gathered."""
        names = [name for name in GatherSettings.__dataclass_fields__ if name != "speech"]
        speech = None if self.speech is None else self.speech.wanted()
        return GatherSettings(**{name: getattr(self, name) for name in names}, speech=speech)


class GatheredView(TypedDict):
    """call.gather."""

    call: str
    """The call."""
    leg: str
    """The leg whose party was asked."""
    digits: str
    """The keys, without the one that ended it."""
    ended: GatherEnd
    """How it ended."""
    text: NotRequired[str]
    """What was said."""
    word: NotRequired[str | None]
    """What of the words it is, or the digits in figures."""
    confidence: NotRequired[float | None]
    """How sure the recogniser is, from 0 to 1."""
    speech_failed: NotRequired[str]
    """Why nothing more was recognised."""


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

    def __init__(self, plays: Plays, gathers: Gathers) -> None:
        self._plays = plays
        self._gathers = gathers

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "call.play": Method(PlayRequest, self._play),
            "call.say": Method(SayRequest, self._say),
            "call.stop": Method(StopRequest, self._stop),
            "call.gather": Method(GatherRequest, self._gather),
        }

    async def _play(self, params: PlayRequest, _peer: Peer) -> PlayView:
        plays, loop = self._plays, params.loop is True
        plays.leg_up(params.call, params.leg)
        if params.hold:
            source = plays.hold_sound()
        elif params.stream is not None:
            source = plays.stream(params.stream)
        else:
            source = await self._source(params.file, params.files, params.tone, loop=loop)
        call, leg = plays.leg_up(params.call, params.leg)
        play = plays.begin(leg, source, params.how())
        return {"call": call.id, "leg": leg.id, "play": play.id}

    async def _source(
        self,
        file: str | None,
        files: list[str] | None,
        tone: str | ToneRequest | None,
        *,
        loop: bool = False,
    ) -> Source:
        """What can be heard of the one that is given."""
        plays = self._plays
        if file is not None:
            return await plays.files([file], "file", loop=loop)
        if files is not None:
            return await plays.files(files, "files", loop=loop)
        if isinstance(tone, ToneRequest):
            return plays.tone(tone.name, tone.country, loop=loop)
        return plays.tone(tone or "", None, loop=loop)

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
        if params.gather:
            self._gathers.stop(leg)
        return {"call": call.id, "leg": leg.id}

    async def _gather(self, params: GatherRequest, _peer: Peer) -> GatheredView:
        """Replies once it is over."""
        plays, prompt = self._plays, params.prompt
        plays.leg_up(params.call, params.leg)
        sound: Source | Announcement | None = None
        if prompt is not None and prompt.text is not None:
            sound = await plays.speech(
                prompt.text, prompt.language, prompt.speed, is_personal=prompt.personal
            )
        elif prompt is not None:
            sound = await self._source(prompt.file, prompt.files, prompt.tone)
        call, leg = plays.leg_up(params.call, params.leg)
        gathered = await self._gathers.run(call, leg, params.settings(), sound)
        view: GatheredView = {
            "call": call.id,
            "leg": leg.id,
            "digits": gathered.digits,
            "ended": gathered.ended,
        }
        if gathered.text is not None:
            view["text"], view["word"] = gathered.text, gathered.word
            view["confidence"] = gathered.confidence
        if gathered.speech_failed is not None:
            view["speech_failed"] = gathered.speech_failed
        return view
