"""What a phone does when it is called, read from the user part of the URI that was called.

The user part is words joined by dots: who it is, then what it does, with times in milliseconds.

    a17.answer-20.bye-500     side a of callback 17: ring, answer after 20 ms, hang up 500 ms later
    b17.busy                  side b: 486
    b17.reject-404            any final response
    b17.noanswer              ring until cancelled
    b17.late                  ring; when cancelled, answer 200 all the same (the 200 crosses)
    b17.silent                never say anything
    b17.early-300.answer-900  183 with SDP and sound after 300 ms
    b17.answer-0.mute         send no RTP
"""

from dataclasses import dataclass

REJECTIONS = {"busy": 486, "decline": 603, "unavailable": 480, "notfound": 404}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One phone's part in a call. Times are None where the thing does not happen."""

    number: int
    side: str
    answer_ms: int | None = None
    early_ms: int | None = None
    bye_ms: int | None = None
    reject: int | None = None
    late: bool = False
    silent: bool = False
    mute: bool = False


class UnknownBehaviour(ValueError):
    """The user part says something that no phone here can do."""


def read_behaviour(user: str) -> Behaviour:
    """Read a user part. Raises UnknownBehaviour."""
    name, *words = user.split(".")
    if name[:1] not in ("a", "b") or not name[1:].isdigit():
        raise UnknownBehaviour(f"{user}: must begin with a or b and the callback's number")
    found: dict[str, int | bool] = {}
    for word in words:
        verb, _, value = word.partition("-")
        if verb in ("answer", "early", "bye") and value.isdigit():
            found[f"{verb}_ms"] = int(value)
        elif verb == "reject" and value.isdigit():
            found["reject"] = int(value)
        elif word in REJECTIONS:
            found["reject"] = REJECTIONS[word]
        elif word in ("late", "silent", "mute"):
            found[word] = True
        elif word != "noanswer":
            raise UnknownBehaviour(f"{user}: {word} is none of the words a phone knows")
    return Behaviour(int(name[1:]), name[0], **found)  # type: ignore[arg-type]
