"""Gathers keys and words of legs by command: with a prompt, one gathering of a leg at a time."""

from collections.abc import Callable, Iterable

from media.sources import Source

from ...errors import BadParams, EngineError
from ..announcing.leg_plays import Play
from ..announcing.plays import HowPlayed, Plays
from ..announcing.whisper import Announcement
from ..call import Call, CallRegistry, Silenced
from ..leg import Leg
from ..legs.leg_listener import LegListener, ObservedLeg
from ..recognition.recognitions import Recognition, Recognitions
from ..recognition.speech import WantedSpeech
from .gather import Gather, Gathered, GatherSettings
from .kept_keys import KeptKeys
from .secret_span import SecretSpan
from .typed_ahead import TypedAhead

PROMPT_PRIORITY = 9
LOST = "the recogniser is lost: the reply says why"
"""What events say where the party tells a secret: a recogniser may say why in what it has heard."""


class Gathers:
    """Carries out every gathering. `plays` lets parties hear the prompts.

    `recognitions` hears what they say. `recorders` has what records a call of `registry`.
    """

    def __init__(
        self,
        plays: Plays,
        recognitions: Recognitions,
        registry: CallRegistry,
        recorders: Callable[[Call], Iterable[Silenced]],
    ) -> None:
        self._plays = plays
        self._recognitions = recognitions
        self._registry = registry
        self._recorders = recorders
        self._under_way: dict[Leg, Gather] = {}
        self._secrets: dict[Leg, SecretSpan] = {}
        self._kept = KeptKeys()

    async def run(
        self,
        call: Call,
        leg: Leg,
        settings: GatherSettings,
        prompt: Source | Announcement | None = None,
        typed: TypedAhead | None = None,
    ) -> Gathered:
        """Gather keys, or words, of a leg of a call.

        Raises EngineError `state` where it is asked for some already; `unavailable` and BadParams
        where speech cannot be recognised.

        Keys that are pressed meanwhile are for this alone, and the other party hears nothing of
        them; where they are secret, a soft tone in the place of each, a recording pauses, and
        supervisors, services and other recognisers do not hear the party. Those of `typed` were
        pressed before, and come first: a prompt that they answer is not heard. Without `typed`
        these are the keys that the gathering before has let the party type ahead.
        """
        if leg in self._under_way:
            raise EngineError("state", f"leg {leg.id} is asked for keys already", field="leg")
        if settings.speech is not None:
            self._recognitions.check(settings.speech)
        keeps_keys = typed is None
        if typed is None:
            typed = self._kept.claim(leg) or TypedAhead(is_secret=True)
        playing: Play | None = None

        def stop_prompt() -> None:
            if playing is not None and playing.end is None:
                self._plays.stop(leg, playing.id)

        gather = self._under_way[leg] = Gather(settings, stop_prompt)
        watch = _LegEnd(gather)
        leg.listen(watch)
        before = leg.take_keys(gather)
        unused = gather.take_typed(typed.take_all())
        leg.publish_play("gather.started")
        recognition: Recognition | None = None
        try:
            if settings.secret:
                secret = SecretSpan(call, leg, self._registry, self._recorders)
                self._secrets[leg] = secret
                await secret.begin()
            if settings.speech is not None and not gather.has_begun:
                recognition = await self._recognise(call, leg, settings.speech, gather)
            if prompt is None or gather.has_begun:
                gather.prompt_over()
            else:
                how = HowPlayed(priority=PROMPT_PRIORITY)
                playing = self._plays.begin(leg, prompt, how, lambda _play: gather.prompt_over())
            gathered = await gather.run()
        finally:
            del self._under_way[leg]
            leg.take_keys(before)
            leg.forget(watch)
            stop_prompt()
            try:
                if leg in self._secrets:
                    await self._secrets.pop(leg).end()
            finally:
                if recognition is not None:
                    await self._recognitions.end(recognition)
        is_full = gathered.ended == "max_digits"
        typed.put_back(unused + gather.late, settings.terminator if is_full else "")
        if keeps_keys and settings.type_ahead_s and gathered.ended != "leg_ended":
            self._kept.keep(leg, typed, settings.type_ahead_s)
        said = _published(gathered, is_secret=settings.secret)
        if settings.secret and recognition is not None and gathered.speech_failed is not None:
            said["speech_failed"] = LOST
        leg.publish_play("gather.finished", **said)
        return gathered

    async def _recognise(
        self, call: Call, leg: Leg, wanted: WantedSpeech, gather: Gather
    ) -> Recognition | None:
        """Listen to the party; where that cannot be, the gathering goes on with keys."""
        try:
            return await self._recognitions.begin(call, leg, wanted, gather, hears_secrets=True)
        except EngineError as error:
            gather.recognition_over(error.message, has_failed=True)
            return None

    def can_recognise(self, wanted: WantedSpeech) -> bool:
        """Whether this can be listened for now."""
        try:
            self._recognitions.check(wanted)
        except (EngineError, BadParams):
            return False
        return True

    async def begins_recording(self, recorder: Silenced) -> None:
        """A recording is about to begin: it is silent for every secret that it would have."""
        for secret in tuple(self._secrets.values()):
            await secret.begins_recording(recorder)

    def stop(self, leg: Leg) -> None:
        """End what is gathered of a leg now, if anything is."""
        gather = self._under_way.get(leg)
        if gather is not None:
            gather.end("stopped")


def _published(gathered: Gathered, *, is_secret: bool) -> dict[str, object]:
    """What the event of its end has."""
    said: dict[str, object] = {"ended": gathered.ended, "keys": len(gathered.digits)}
    if not is_secret:
        said |= {"digits": gathered.digits}
    if gathered.text is not None:
        said |= {"confidence": gathered.confidence}
        if not is_secret:
            said |= {"text": gathered.text, "word": gathered.word}
    if gathered.speech_failed is not None:
        said |= {"speech_failed": gathered.speech_failed}
    return said


class _LegEnd(LegListener):
    """Ends a gathering with its leg."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather

    def leg_ended(self, _leg: ObservedLeg) -> None:
        """See LegListener."""
        self._gather.end("leg_ended")
