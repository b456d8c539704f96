"""Legs whose parties are recognised all the time, by command: what they say is published."""

import asyncio

from ...errors import EngineError
from ..call import Call
from ..leg import Leg
from ..legs.event_budget import EventBudget
from ..legs.leg_listener import LegListener, ObservedLeg
from .recognitions import Recognition, Recognitions
from .speech import HeardSpeech, WantedSpeech


class RecognisedLeg(LegListener):
    """Publishes what the party of one leg says; with `has_guesses` also what it seems to say.

    `budget` bounds its events.
    """

    def __init__(
        self, legs: "RecognisedLegs", leg: Leg, budget: EventBudget, *, has_guesses: bool
    ) -> None:
        self._legs = legs
        self.leg = leg
        self._budget = budget
        self._has_guesses = has_guesses
        self.recognition: Recognition | None = None

    def speech_began(self) -> None:
        """See SpeechListener."""

    def speech_heard(self, heard: HeardSpeech) -> None:
        """See SpeechListener."""
        if (heard.is_final or self._has_guesses) and self._budget.spend():
            self.leg.publish_play(
                "speech.recognised",
                text=heard.text,
                word=heard.word,
                confidence=heard.confidence,
                final=heard.is_final,
                from_ms=heard.from_ms,
                to_ms=heard.to_ms,
            )

    def recognition_over(self, reason: str, *, has_failed: bool) -> None:
        """See SpeechListener."""
        self._legs.over(self, reason, has_failed=has_failed)

    def leg_ended(self, _leg: ObservedLeg) -> None:
        """See LegListener."""
        self._legs.over(self, "the leg has ended", has_failed=False)


class RecognisedLegs:
    """Begins and ends the recognition of legs: one at a time of each."""

    def __init__(self, recognitions: Recognitions) -> None:
        self._recognitions = recognitions
        self._up: dict[Leg, RecognisedLeg] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def begin(
        self, call: Call, leg: Leg, wanted: WantedSpeech, *, has_guesses: bool = False
    ) -> str:
        """Recognise the party of a leg until `end`, or its end. Returns its id.

        Raises EngineError `state` where it is recognised already, and as Recognitions.begin.
        """
        if leg in self._up:
            raise EngineError("state", f"leg {leg.id} is recognised already", field="leg")
        recognised = RecognisedLeg(self, leg, EventBudget(), has_guesses=has_guesses)
        self._up[leg], is_up = recognised, False
        try:
            recognition = await self._recognitions.begin(call, leg, wanted, recognised)
            is_up = leg.hangup_cause is None
        finally:
            if not is_up:
                del self._up[leg]
        recognised.recognition = recognition
        if not is_up:
            await self._recognitions.end(recognition)
            raise EngineError("state", f"leg {leg.id} is not up", field="leg")
        leg.listen(recognised)
        leg.publish_play("recognition.started", recognition=recognition.id)
        return recognition.id

    def end(self, leg: Leg) -> None:
        """Recognise it no more. Raises EngineError `state` where it is not recognised."""
        recognised = self._up.get(leg)
        if recognised is None or recognised.recognition is None:
            raise EngineError("state", f"leg {leg.id} is not recognised", field="leg")
        self.over(recognised, "ended by command", has_failed=False)

    def over(self, recognised: RecognisedLeg, reason: str, *, has_failed: bool) -> None:
        """Nothing more is recognised: publish why. Only the first end counts."""
        leg, recognition = recognised.leg, recognised.recognition
        if recognition is None or self._up.pop(leg, None) is None:
            return
        leg.forget(recognised)
        failed = {"failed": True} if has_failed else {}
        leg.publish_play("recognition.ended", recognition=recognition.id, cause=reason, **failed)
        ending = asyncio.get_running_loop().create_task(self._recognitions.end(recognition))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
