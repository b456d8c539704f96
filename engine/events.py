"""The event log: numbered events, a bounded replay of them, and whoever listens.

An event is encoded once, when it is published: that takes a microsecond, no later change of what
it was made of can reach it, and the line it gives is shared by the replay and all listeners.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import msgspec

Context = Mapping[str, Any] | msgspec.Raw


class Event(NamedTuple):
    """One published event: `line` is the whole notification, with its line end."""

    seq: int
    type: str
    line: bytes


Listener = Callable[[Event], None]


class Gap(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What a replay cannot give: events `from_` to `to`; `to` is None where nobody can know."""

    from_: int
    to: int | None
    reason: str  # "evicted": no longer kept; "epoch": they belong to an earlier run of the engine


def encode_event(encoder: msgspec.json.Encoder, params: Mapping[str, Any]) -> bytes:
    """An event notification as a line of the control protocol."""
    return encoder.encode({"jsonrpc": "2.0", "method": "event", "params": params}) + b"\n"


class EventLog:
    """Numbers, stamps, keeps and hands out events.

    `capacity` events and `capacity_bytes` bytes of them are kept at most, the newest ones.
    `epoch` names this run of the engine: sequence numbers begin anew with it.
    """

    def __init__(
        self,
        *,
        epoch: str | None = None,
        capacity: int = 100_000,
        capacity_bytes: int = 64 << 20,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.epoch = epoch or secrets.token_hex(8)
        self.seq = 0
        self.kept_bytes = 0
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._clock = clock
        self._kept: deque[Event] = deque()
        self._listeners: dict[Listener, None] = {}
        self._encoder = msgspec.json.Encoder()

    def publish(
        self,
        type: str,
        *,
        job: str | None = None,
        call: str | None = None,
        leg: str | None = None,
        context: Context | None = None,
        **fields: Any,
    ) -> int:
        """Publish an event of `type`; gives its sequence number. What is None is left out."""
        self.seq = seq = self.seq + 1
        params: dict[str, Any] = {
            "seq": seq,
            "epoch": self.epoch,
            "time": self._clock(),
            "type": type,
        }
        if job is not None:
            params["job"] = job
        if call is not None:
            params["call"] = call
        if leg is not None:
            params["leg"] = leg
        if context is not None:
            params["context"] = context
        for name, value in fields.items():
            if value is not None:
                params[name] = value
        event = Event(seq, type, encode_event(self._encoder, params))
        self._keep(event)
        if self._listeners:
            # A listener may go away while it is told.
            for listener in tuple(self._listeners):
                listener(event)
        return seq

    def _keep(self, event: Event) -> None:
        kept = self._kept
        kept.append(event)
        self.kept_bytes += len(event.line)
        while len(kept) > self._capacity or (
            self.kept_bytes > self._capacity_bytes and len(kept) > 1
        ):
            self.kept_bytes -= len(kept.popleft().line)

    @property
    def oldest(self) -> int:
        """The sequence number of the oldest event that is kept; `seq + 1` when none is."""
        return self._kept[0].seq if self._kept else self.seq + 1

    def after(self, seq: int) -> Iterator[Event]:
        """The kept events after `seq`. Publish nothing while iterating."""
        return islice(self._kept, max(0, seq + 1 - self.oldest), None)

    def gap(self, since: int, epoch: str | None) -> Gap | None:
        """What a listener who has everything up to `since` (of `epoch`) has missed for good."""
        if since > self.seq or (epoch is not None and epoch != self.epoch):
            return Gap(since + 1, None, "epoch")
        if since + 1 < self.oldest:
            return Gap(since + 1, self.oldest - 1, "evicted")
        return None

    def listen(self, listener: Listener) -> None:
        """Call `listener` with each event from now on, at once and in order. It must not raise."""
        self._listeners[listener] = None

    def forget(self, listener: Listener) -> None:
        """Stop calling `listener`. Does nothing when it does not listen."""
        self._listeners.pop(listener, None)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)
