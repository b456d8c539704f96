"""How a call that came in ends: its result, and what the caller hears before the BYE."""

from dataclasses import dataclass

from config.inbound import Room

from ..acd.waiting import Leave
from ..errors import EngineError


@dataclass(frozen=True, slots=True)
class Result:
    """How the call ended: one word, and a sentence for a person."""

    word: str
    cause: str


CALLED_BACK = Result("callback", "the caller asked to be called back")
# The SIP status where the room has no sentence that says why the queue admits nobody. Not 503, at
# which a trunk would send no more calls at all.
REFUSALS = {"closed": 480, "full": 486}


class Refused(Exception):
    """The call is not answered: its INVITE gets `status`."""

    def __init__(self, status: int, result: Result, retry_after_s: float | None = None) -> None:
        super().__init__(result.cause)
        self.status = status
        self.result = result
        self.retry_after_s = retry_after_s


class TurnedAway(Exception):
    """No agent is going to talk to the caller: they hear `text`, and are hung up."""

    def __init__(self, result: Result, text: str) -> None:
        super().__init__(result.cause)
        self.result = result
        self.text = text


def of_not_taken(error: EngineError, room: Room) -> TurnedAway:
    """Turn away a caller whom the queue did not admit."""
    reason = error.data.get("reason")
    if reason in ("closed", "full"):
        return TurnedAway(Result(reason, error.message), _text(reason, room))
    return TurnedAway(Result("unavailable", error.message), room.texts.timeout)


def of_sent_away(leave: Leave, room: Room) -> TurnedAway:
    """Turn away a caller who waited, and whom the queue sends away."""
    cause = f"sent away by the queue: {leave.reason}"
    return TurnedAway(Result(leave.reason, cause), _text(leave.reason, room))


def refusal_of(turned_away: TurnedAway, error: EngineError, now: float) -> Refused | None:
    """The refusal where there is nothing to say to the caller; None where there is something."""
    status = REFUSALS.get(turned_away.result.word)
    if turned_away.text or status is None:
        return None
    opens_at = error.data.get("opens_at")
    return Refused(
        status, turned_away.result, None if opens_at is None else max(1.0, opens_at - now)
    )


def _text(reason: str, room: Room) -> str:
    texts = room.texts
    return {"closed": texts.closed, "full": texts.full}.get(reason, texts.timeout)
