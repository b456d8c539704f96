"""Idempotency: whether two requests with one id ask for the same.

Requests are compared by what they mean: a parameter that is given as the default says what leaving
it out says, and a number is the same however it is written.
"""

import hashlib
from typing import Any

import msgspec

from config.sections import Dial

from ..errors import EngineError
from ..request import CallbackRequest
from ..routing.dialplan import Dialplan

# How a number is written says nothing that the number does not say, and who else waits nothing.
_SAYS_NOTHING = ("to_kind", "region", "queue_taken")
_NUMBERS = ("to", "agent", "caller_id")


def fingerprint_of(params: CallbackRequest) -> str:
    """A hash that is the same for requests with the same members, in any order.

    Members that are left out do not count, so that parameters added later change nothing.
    """
    return _hash(_given(params))


def meaning_of(params: CallbackRequest, dial: Dial, dialplan: Dialplan) -> str:
    """A hash that is the same for requests that mean the same by these settings."""
    given = _given(params)
    region = given.get("region")
    for name in _NUMBERS:
        if name in given:
            given[name] = _in_full(given[name], dialplan, region)
    numbers = given.get("numbers")
    if numbers is not None:
        given["numbers"] = [_in_full(one, dialplan, region) for one in numbers]
    for name in _SAYS_NOTHING:
        given.pop(name, None)
    whisper = params.whisper
    if whisper is not None:
        tone = f"{whisper.tone:g}" if isinstance(whisper.tone, float) else whisper.tone
        given["whisper"] = [whisper.text, whisper.file, tone]
    defaults: dict[str, Any] = {
        "order": "agent_first",
        "context": {},
        "numbers": [],
        "skills": {},
        "retry": {},
        "priority": 0,
        "record": False,
        "join": dial.join,
        "ring_s": dial.ring_s,
        "max_duration_s": dial.max_duration_s,
        "on_crash": dial.on_crash,
        "site": (params.context or {}).get("site"),
    }
    if not params.retry:
        defaults["max_attempts"] = dial.max_attempts
    if "context" in given:
        given["context"] = _as_numbers(given["context"])
    meant = {
        name: value
        for name, value in given.items()
        if name not in defaults or value != defaults[name]
    }
    return _hash(meant)


def _as_numbers(value: Any) -> Any:
    """JSON has one kind of number: 1.0 says what 1 says."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {name: _as_numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_numbers(one) for one in value]
    return value


def _given(params: CallbackRequest) -> dict[str, Any]:
    given = msgspec.structs.asdict(params)
    return {name: value for name, value in given.items() if value is not None}


def _hash(given: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(given, order="deterministic")).hexdigest()


def _in_full(text: str, dialplan: Dialplan, region: str | None) -> str:
    try:
        reading = dialplan.classify(text, region=region)
    except EngineError:  # what is wrong with it is said when it is checked
        return text
    return reading.number.e164 if reading.number is not None else text
