"""How a call came here: by whom it was diverted, as the trunk that brings it says.

Diversion (RFC 5806) and History-Info (RFC 7044). Both say anything that their sender likes, so they
are read from trusted trunks alone. What is kept is bounded, and has what rules can match as plain
text besides the whole of it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from sip.message.grammar import printable
from sip.message.grammar import unquote as without_quotes
from sip.message.message import Request
from sip.message.name_addr import NameAddr
from sip.message.uri import SipUri

from ...routing.numbers.number_plan import NumberPlan
from .caller_id import ANONYMOUS, Read, as_dialled, readable_addresses, user_of

MAX_DIVERSIONS: Final = 10
MAX_HISTORY: Final = 20
_MAX_WORD: Final = 32
_REASONS: Final[Mapping[int, str]] = {
    302: "unconditional",
    404: "unknown",
    408: "no-answer",
    480: "deflection",
    486: "user-busy",
    487: "deflection",
    503: "unavailable",
}
"""Why a call was diverted, by the cause of a History-Info (RFC 4458, RFC 7544 section 7.2)."""
_cause = re.compile(r"cause\s*=\s*\"?([0-9]{3})(?![0-9])", re.IGNORECASE).search


def diversions(request: Request, plan: NumberPlan, read: Read = str) -> dict[str, Any]:
    """What the context of a call has of its way here; empty where it came directly.

    `diverted_by` and `diverted_reason` are of the last diversion, `first_dialled` is what was
    dialled before the first; `diversion` and `history_info` have all that was read. `read` says
    which number the trunk means.
    """
    diverted = _diversion(request, plan, read)
    history = _history(request, plan, read)
    found: dict[str, Any] = {}
    if diverted:
        last = diverted[0]
        found["diverted_by"], found["first_dialled"] = last["by"], diverted[-1]["by"]
        if "reason" in last:
            found["diverted_reason"] = last["reason"]
    elif history:
        found |= _from_history(history)
    if diverted:
        found["diversion"] = diverted
    if history:
        found["history_info"] = history
    return found


def _diversion(request: Request, plan: NumberPlan, read: Read) -> list[dict[str, Any]]:
    """The values of Diversion: the last diversion first."""
    found = []
    for address in readable_addresses(request, "Diversion")[:MAX_DIVERSIONS]:
        is_withheld = _word(address, "privacy") in ("full", "uri")
        entry: dict[str, Any] = {"by": ANONYMOUS if is_withheld else _shown(address, plan, read)}
        if reason := _word(address, "reason"):
            entry["reason"] = reason
        if (counter := _word(address, "counter")).isdigit() and counter.isascii():
            entry["counter"] = int(counter[:4])
        found.append(entry)
    return found


def _history(request: Request, plan: NumberPlan, read: Read) -> list[dict[str, Any]]:
    """The values of History-Info in the order of their index: the first target first."""
    found = []
    for address in readable_addresses(request, "History-Info")[:MAX_HISTORY]:
        index = _word(address, "index")
        if not index.replace(".", "").isdigit():
            continue
        hidden = _header(address, "privacy").lower()
        is_withheld = "history" in hidden or "session" in hidden
        entry: dict[str, Any] = {
            "index": index,
            "to": ANONYMOUS if is_withheld else _shown(address, plan, read),
        }
        if cause := _cause_of(address):
            entry["cause"] = cause
        mapped_from = _word(address, "mp")
        if mapped_from:
            entry["mapped_from"] = mapped_from
        found.append(entry)
    return sorted(found, key=lambda entry: [int(part) for part in _parts(entry["index"])])


def _from_history(history: list[dict[str, Any]]) -> dict[str, str]:
    """By whom the call was diverted: the last target before one that has a cause or was mapped."""
    found: dict[str, str] = {}
    for place in range(len(history) - 1, 0, -1):
        entry = history[place]
        if "mapped_from" not in entry and entry.get("cause") not in _REASONS:
            continue
        wanted = entry.get("mapped_from")
        before = next((one for one in history if one["index"] == wanted), history[place - 1])
        found["diverted_by"], found["first_dialled"] = before["to"], history[0]["to"]
        # RFC 4458 has the cause in the new target, RFC 7044 in the one that was left.
        reason = _REASONS.get(entry.get("cause", 0)) or _REASONS.get(before.get("cause", 0))
        if reason is not None:
            found["diverted_reason"] = reason
        break
    return found


def _cause_of(address: NameAddr) -> int | None:
    """The cause of a History-Info: that of its URI (RFC 4458), else of the Reason in it."""
    uri = address.uri
    if isinstance(uri, SipUri) and (given := uri.params.get("cause") or ""):
        text = f"cause={given}"
    else:
        text = _header(address, "reason")
    found = _cause(text)
    return None if found is None else int(found[1])


def _header(address: NameAddr, name: str) -> str:
    """A header that a URI has in it, such as `?Privacy=history`; "" where there is none."""
    uri = address.uri
    if not isinstance(uri, SipUri):
        return ""
    headers = uri.headers.items()
    return next((unquote(value) for key, value in headers if key.lower() == name), "")


def _parts(index: str) -> list[str]:
    return [part for part in index.split(".") if part][:MAX_HISTORY]


def _word(address: NameAddr, name: str) -> str:
    """A parameter in lower case and without quotes."""
    value = address.params.get(name) or ""
    text = without_quotes(value) if value.startswith('"') else value
    return printable(text).strip().lower()[:_MAX_WORD]


def _shown(address: NameAddr, plan: NumberPlan, read: Read) -> str:
    return as_dialled(read(user_of(address)), plan)[0] or ANONYMOUS
