"""The methods of the control protocol about speech: call.recognise and call.unrecognise."""

from typing import TypedDict

from ...calls.announcing.plays import Plays
from ...calls.recognition.recognised_legs import RecognisedLegs
from ..connections.peer import Peer
from ..method import Method
from ..speech_params import SpeechRequest
from .plays import LegRef


class RecogniseRequest(LegRef):
    """call.recognise: what the party says is published; with `guesses` also what it seems to say.

    `speech` says what is listened for; without it, anything.
    """

    speech: SpeechRequest | None = None
    guesses: bool = False


class RecognitionView(TypedDict):
    """call.recognise."""

    call: str
    """The call."""
    leg: str
    """The leg whose party is recognised."""
    recognition: str
    """What names the recognition in its events."""


class UnrecognisedView(TypedDict):
    """call.unrecognise."""

    call: str
    """The call."""
    leg: str
    """The leg whose party is recognised no more."""


class SpeechMethods:
    """What a client may have recognised."""

    def __init__(self, plays: Plays, recognised: RecognisedLegs) -> None:
        self._plays = plays
        self._recognised = recognised

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "call.recognise": Method(RecogniseRequest, self._recognise),
            "call.unrecognise": Method(LegRef, self._unrecognise),
        }

    async def _recognise(self, params: RecogniseRequest, _peer: Peer) -> RecognitionView:
        call, leg = self._plays.leg_up(params.call, params.leg)
        wanted = (params.speech or SpeechRequest()).wanted()
        recognition = await self._recognised.begin(call, leg, wanted, has_guesses=params.guesses)
        return {"call": call.id, "leg": leg.id, "recognition": recognition}

    def _unrecognise(self, params: LegRef, _peer: Peer) -> UnrecognisedView:
        call, leg = self._plays.leg_up(params.call, params.leg)
        self._recognised.end(leg)
        return {"call": call.id, "leg": leg.id}
