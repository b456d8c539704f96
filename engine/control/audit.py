"""The audit log: who changed something, or was refused, on the control socket.

Each entry is a row that goes to the disk with whatever else is saved in that moment, a tenth of a
second later at the latest. Secrets are left out of it. It can be read, not changed; housekeeping
cuts off its old end.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from config.urls import without_secrets

from ..errors import EngineError
from ..store.protocols import RowWriter
from .connections.jsonrpc import METHOD_NOT_FOUND, RpcError
from .connections.peer import Peer
from .method_roles import NoRight, changes
from .rights import Principal

PARAMS_BYTES = 2048
REASON_LENGTH = 500
# The same refusal is written once in this time, with how often it was repeated since the last one:
# a client that goes on asking must not push out what else there is.
REPEATED_S = 1.0
MOST_REFUSALS = 1000

# Whose data were handed out or erased must not be kept by the log of it.
_OF_PERSONS = frozenset({"person.erase", "person.export"})
_SECRETS = ("password", "secret", "token")
# Of a URL what only its receiver may know is left out.
_URLS = ("url", "notify_url")
# Parameters that hold none of these hold no secret; \u would be another spelling of anything.
_SUSPECT = (b"password", b"secret", b"token", b"url", b"\\u")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Refusal:
    written: float
    repeated: int = 0


class Audit:
    """Writes the audit log to `store`."""

    def __init__(self, store: RowWriter, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._refusals: dict[tuple[str, str, str], _Refusal] = {}

    def answered(
        self, who: Principal, peer: Peer, method: str, params: bytes, error: Exception | None = None
    ) -> None:
        """A request was done, or came to this error: it is written where it is for this log."""
        if isinstance(error, NoRight):
            self.refused(who, peer, method, params, error.message)
        elif changes(method) and not _is_unknown(error):
            if error is None:
                self.done(who, peer, method, params)
            else:
                outcome = error.kind if isinstance(error, EngineError) else "error"
                self.done(who, peer, method, params, outcome, str(error))

    def done(
        self,
        who: Principal,
        peer: Peer,
        method: str,
        params: bytes,
        outcome: str = "done",
        reason: str | None = None,
    ) -> None:
        """A request that changes something has this `outcome`: `done`, or a kind of error."""
        self._write(who, peer, method, params, outcome, reason, 0)

    def refused(self, who: Principal, peer: Peer, method: str, params: bytes, reason: str) -> None:
        """Somebody asked for something for which they have no right."""
        now = self._clock()
        key = (who.name, peer.address.rpartition(":")[0], method)
        known = self._refusals.get(key)
        if known is not None and 0 <= now - known.written < REPEATED_S:
            known.repeated += 1
            return
        if known is None and len(self._refusals) >= MOST_REFUSALS:
            self._refusals.clear()
        repeated = known.repeated if known is not None else 0
        self._refusals[key] = _Refusal(now)
        self._write(who, peer, method, params, "refused", reason, repeated)

    def _write(
        self,
        who: Principal,
        peer: Peer,
        method: str,
        params: bytes,
        outcome: str,
        reason: str | None,
        repeated: int,
    ) -> None:
        self._store.insert(
            "audit",
            {
                "time": self._clock(),
                "who": who.name,
                "role": "agent" if who.agent is not None else who.role,
                "peer": str(peer),
                "method": method[:64],
                "params": shown(params) if method not in _OF_PERSONS else "{}",
                "outcome": outcome,
                "reason": reason and reason[:REASON_LENGTH],
                "repeated": repeated,
            },
        )


def _is_unknown(error: Exception | None) -> bool:
    return isinstance(error, RpcError) and error.code == METHOD_NOT_FOUND


def shown(params: bytes) -> str:
    """Parameters as the audit log keeps them: without secrets, and not longer than fits there."""
    if len(params) <= PARAMS_BYTES and not _is_suspect(params.lower()):
        return params.decode(errors="replace")
    try:
        text: str = _encode(_without_secrets(_decode(params))).decode()
    except (msgspec.DecodeError, RecursionError):
        return ""  # what cannot be read cannot be cleaned
    return text if len(text) <= PARAMS_BYTES else text[: PARAMS_BYTES - 1] + "…"


def _is_suspect(params: bytes) -> bool:
    # Written out: it is asked of every request that changes something.
    password, secret, token, url, escape = _SUSPECT
    is_suspect = password in params or secret in params or token in params
    return is_suspect or url in params or escape in params


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shown_member(name.lower(), one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    return value


def _shown_member(name: str, value: Any) -> Any:
    if any(word in name for word in _SECRETS):
        return "***"
    if name in _URLS and isinstance(value, str):
        return without_secrets(value)
    return _without_secrets(value)
