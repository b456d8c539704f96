"""The trace: the SIP of the calls that are up and of those that ended last, within bounds.

Three things are bounded apart, so that none of them pushes out another: the messages of calls; what
we began ourselves and is no call (registrations, OPTIONS to trunks); and everything else that comes
in, most of it from unknown sources. An INVITE that comes in is among the last until a call flow
takes it.

It is asked about every message, so it looks at nothing but the Call-ID, and masks secrets.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, Literal, Protocol

from config.tracing import Trace as Settings
from sip.hop import Hop

from ..job import LegRecord
from .flow import FlowLimits, SipFlow, TracedMessage
from .masking import masked
from .same_number import is_same_number, users_in
from .traced_call import CallToTrace, TracedCall, TracedLeg

# What of the memory is for messages that belong to no call: for our own, and for those of others.
_OWN_SHARE: Final = 0.1
_FOREIGN_SHARE: Final = 0.15
_FLOW_BYTES: Final = 600  # the flow itself, and its places in tables
_OTHER_FLOW: Final = FlowLimits(first=10, latest=20, size_bytes=96 * 1024)
# Then the messages of a call that is up are compressed: most calls are set up in less.
QUIET_S: Final = 2.0
_LONGEST_BYTES: Final = 64 * 1024  # no message is longer

# What comes in and is of no call that we know is cut off there: masking all of it would cost more
# than reading it did.
FOREIGN_BYTES: Final = 8 * 1024
_CUT_OFF: Final = b"\r\n[cut off]"

_NO_CALL_ID: Final = b""
_call_id = re.compile(rb"[\r\n](?:call-id|i)[ \t]*:[ \t]*([^\s]+)", re.IGNORECASE).search

Origin = Literal["own", "foreign"]
Sink = Callable[[TracedMessage, bytes], None]
"""Is given each message, and its Call-ID."""


class CallAskedFor(Protocol):
    """Parameters that name a call; some have `call_id` besides."""

    @property
    def call(self) -> str | None:
        """Its own id."""


class Trace:
    """See MessageObserver. With `keep_calls` 0 nothing is kept, and `sink` hears of each message.

    `clock` gives Unix seconds. `on_call` is called when there are messages of a call: they may be
    compressed by `fold_quiet` in a while.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        sink: Sink | None = None,
        clock: Callable[[], float] = time.time,
        on_call: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._on_call = on_call
        self._sink = sink
        self._calls: OrderedDict[str, TracedCall] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._of_job: dict[str, list[str]] = {}
        self._flows: OrderedDict[bytes, SipFlow] = OrderedDict()  # of calls; the latest used last
        self._owner: dict[bytes, str] = {}
        self._unfolded: OrderedDict[bytes, float] = OrderedDict()  # flows of calls, by the latest
        self._others: dict[Origin, OrderedDict[bytes, SipFlow]] = {
            "own": OrderedDict(),
            "foreign": OrderedDict(),
        }
        self._bytes: dict[Origin | Literal["calls"], int] = {"own": 0, "foreign": 0, "calls": 0}
        self._waiting: list[Callable[[], None]] = []
        self.number = 0
        """Of the last message."""
        self.configure(settings or Settings())

    def configure(self, settings: Settings) -> None:
        """From now on keep this number of calls, and this number of MiB in all."""
        whole = int(settings.keep_mib * 1024 * 1024) if settings.keep_calls else 0
        self._keep_calls = settings.keep_calls
        self._most: dict[Origin | Literal["calls"], int] = {
            "own": int(whole * _OWN_SHARE),
            "foreign": int(whole * _FOREIGN_SHARE),
        }
        self._most["calls"] = whole - sum(self._most.values())
        self._flow_limits = FlowLimits(
            first=100, latest=400, size_bytes=max(4 * _LONGEST_BYTES, self._most["calls"] // 16)
        )
        self._trim_calls()
        for origin in self._others:
            self._trim_others(origin)

    @property
    def is_on(self) -> bool:
        """Whether anything is kept."""
        return self._keep_calls > 0

    @property
    def call_count(self) -> int:
        """How many calls are kept."""
        return len(self._calls)

    @property
    def size_bytes(self) -> int:
        """What all of it takes, about."""
        return sum(self._bytes.values())

    # -- from the SIP endpoint --------------------------------------------------------------

    def received(self, data: bytes, source: Hop, local: Hop) -> None:
        """See MessageObserver."""
        self._add(data, source, local, False)

    def sent(self, data: bytes, target: Hop, local: Hop) -> None:
        """See MessageObserver."""
        self._add(data, target, local, True)

    def _add(self, data: bytes, peer: Hop, local: Hop, is_sent: bool) -> None:
        if not self._keep_calls and self._sink is None:
            return
        found = data.find(b"\r\nCall-ID: ")
        if found >= 0 and data.find(b"\r\n\r\n", 0, found) < 0:
            call_id = data[found + 11 : data.find(b"\r", found + 11)]
        else:
            match = _call_id(data)
            call_id = _NO_CALL_ID if match is None else match[1]
        if len(data) > FOREIGN_BYTES and not is_sent and call_id not in self._flows:
            data = data[:FOREIGN_BYTES] + _CUT_OFF
        self.number += 1
        message = TracedMessage(self.number, self._clock(), is_sent, local, peer, masked(data))
        if self._keep_calls:
            self._keep(call_id, message)
        if self._sink is not None:
            self._sink(message, call_id)
        if self._waiting:
            self._wake()

    def _keep(self, call_id: bytes, message: TracedMessage) -> None:
        flow = self._flows.get(call_id)
        if flow is not None:
            self._flows.move_to_end(call_id)
            self._note_unfolded(call_id, message.at)
            self._bytes["calls"] += flow.add_message(message)
            if self._bytes["calls"] > self._most["calls"]:
                self._trim_calls()
            return
        origin: Origin = "own" if call_id in self._others["own"] else "foreign"
        flow = self._others[origin].get(call_id)
        if flow is None:
            # An answer to a request that nobody has shown us is as foreign as that.
            if message.is_sent and not message.data.startswith(b"SIP/2.0 "):
                origin = "own"
            flow = self._others[origin][call_id] = SipFlow(call_id, _OTHER_FLOW)
            self._bytes[origin] += _FLOW_BYTES + len(call_id)
        else:
            self._others[origin].move_to_end(call_id)
        self._bytes[origin] += flow.add_message(message)
        if self._bytes[origin] > self._most[origin]:
            self._trim_others(origin)

    # -- from the calls ---------------------------------------------------------------------

    def belongs(self, call: CallToTrace, record: LegRecord) -> None:
        """The SIP of the record's Call-ID is that of a leg of `call`, from its first message on."""
        if not self._keep_calls or record.call_id is None:
            return
        traced = self._calls.get(call.id)
        if traced is None:
            traced = self._calls[call.id] = TracedCall(call)
            self._bytes["calls"] += traced.size_bytes
            if traced.job_id is not None:
                self._of_job.setdefault(traced.job_id, []).append(traced.id)
        leg = traced.leg_of(record)
        if leg is None:
            before = traced.size_bytes
            leg = TracedLeg(record)
            traced.legs.append(leg)
            self._bytes["calls"] += traced.size_bytes - before
        key = _key(record.call_id)
        if key not in self._owner:
            # The line of an agent belongs to itself; the calls that borrow it look at it.
            key = self._take_over(key)
            self._owner[key] = call.id
        if key not in leg.call_ids:
            leg.call_ids = (*leg.call_ids, key)
        self._trim_calls()

    def _take_over(self, key: bytes) -> bytes:
        """What was of no call until now is of one. Returns the same key, as the flow has it."""
        for origin, flows in self._others.items():
            flow = flows.pop(key, None)
            if flow is not None:
                self._bytes[origin] -= flow.size_bytes + _FLOW_BYTES + len(key)
                break
        else:
            flow = SipFlow(key, self._flow_limits)
        flow.widen(self._flow_limits)
        key = flow.call_id
        self._flows[key] = flow
        self._note_unfolded(key, self._clock())
        self._on_call()
        self._bytes["calls"] += flow.size_bytes + _FLOW_BYTES + len(key)
        return key

    def over(self, call_id: str) -> None:
        """The call of this id has ended."""
        call = self._calls.get(call_id)
        if call is not None and call.is_up:
            call.end(self._clock())
            self._ended[call_id] = None

    # -- compression ------------------------------------------------------------------------

    def _note_unfolded(self, call_id: bytes, at: float) -> None:
        self._unfolded[call_id] = at
        self._unfolded.move_to_end(call_id)

    @property
    def has_unfolded(self) -> bool:
        """Whether there are messages that `fold_quiet` may compress, now or later."""
        return bool(self._unfolded)

    def fold_quiet(self, most: int) -> bool:
        """Compress the messages of calls that are up and of which none came for QUIET_S.

        Those of `most` dialogs at most. Returns whether that is all of them.
        """
        until = self._clock() - QUIET_S
        for _ in range(most):
            key, at = next(iter(self._unfolded.items()), (_NO_CALL_ID, until))
            if not key or at > until:
                return True
            del self._unfolded[key]
            flow, call = self._flows.get(key), self._calls.get(self._owner.get(key, ""))
            if flow is not None and call is not None and call.is_up:
                self._bytes["calls"] += flow.fold()
        return False

    # -- bounds -----------------------------------------------------------------------------

    def _trim_calls(self) -> None:
        """Forget the calls that ended first, and only where that does not do those that are up."""
        while self._calls and (
            len(self._calls) > self._keep_calls or self._bytes["calls"] > self._most["calls"]
        ):
            self._forget(next(iter(self._ended or self._calls)))

    def _forget(self, call_id: str) -> None:
        call = self._calls.pop(call_id)
        self._ended.pop(call_id, None)
        self._bytes["calls"] -= call.size_bytes
        for key in (key for leg in call.legs for key in leg.call_ids):
            if self._owner.get(key) != call_id:
                continue
            del self._owner[key]
            flow = self._flows.pop(key, None)
            if flow is not None:
                self._bytes["calls"] -= flow.size_bytes + _FLOW_BYTES + len(key)
        if call.job_id is not None:
            calls = self._of_job[call.job_id]
            calls.remove(call_id)
            if not calls:
                del self._of_job[call.job_id]

    def _trim_others(self, origin: Origin) -> None:
        flows = self._others[origin]
        while flows and self._bytes[origin] > self._most[origin]:
            key, flow = flows.popitem(last=False)
            self._bytes[origin] -= flow.size_bytes + _FLOW_BYTES + len(key)

    def erase(self, is_theirs: Callable[[TracedCall], bool]) -> int:
        """Forget the calls for which this holds. Returns how many they were."""
        found = [call.id for call in self._calls.values() if is_theirs(call.refresh())]
        for call_id in found:
            self._forget(call_id)
        return len(found)

    def forget_person(self, number: str | None, jobs: Collection[str]) -> None:
        """Forget the calls of these jobs, or that have these ids; and those with this number, and
        dialogs with it."""
        if number is None:
            self.erase(lambda call: call.job_id in jobs or call.id in jobs)
            return
        self.erase(lambda call: call.job_id in jobs or call.about.get("number") == number)
        for origin, flows in self._others.items():
            theirs = [key for key, flow in flows.items() if _is_about(flow, number)]
            for key in theirs:
                flow = flows.pop(key)
                self._bytes[origin] -= flow.size_bytes + _FLOW_BYTES + len(key)

    # -- to be read -------------------------------------------------------------------------

    def call(self, call_id: str) -> TracedCall | None:
        """A call that is kept, by its own id."""
        call = self._calls.get(call_id)
        return None if call is None else call.refresh()

    def calls_of_job(self, job_id: str) -> list[TracedCall]:
        """The calls of a job that are kept, in the order in which they began."""
        return [self._calls[call_id].refresh() for call_id in self._of_job.get(job_id, ())]

    def call_of_flow(self, call_id: bytes) -> TracedCall | None:
        """The call whose SIP has this Call-ID."""
        owner = self._owner.get(call_id)
        return None if owner is None else self.call(owner)

    def meant_by(self, asked: CallAskedFor) -> TracedCall | None:
        """The call that somebody asks for by its own id, or by a Call-ID of its SIP."""
        if asked.call is not None:
            return self.call(asked.call)
        call_id = getattr(asked, "call_id", None)
        return None if call_id is None else self.call_of_flow(_key(call_id))

    def flow(self, call_id: bytes) -> SipFlow | None:
        """The messages with this Call-ID, of a call or of none."""
        found = self._flows.get(call_id)
        return found or self._others["own"].get(call_id) or self._others["foreign"].get(call_id)

    def flows_after(self, number: int) -> Iterator[SipFlow]:
        """The flows with messages after this number, in no order."""
        for flows in (self._flows, *self._others.values()):
            for flow in reversed(flows.values()):
                if flow.last_number <= number:
                    break
                yield flow

    def wait(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` at the next message. Returns what ends this."""
        self._waiting.append(wake)

        def stop() -> None:
            if wake in self._waiting:
                self._waiting.remove(wake)

        return stop

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()


def _is_about(flow: SipFlow, number: str) -> bool:
    return any(
        is_same_number(user, number)
        for message in flow.messages()
        for user in users_in(message.data)
    )


def _key(call_id: str) -> bytes:
    return call_id.encode("utf-8", "surrogateescape")


def messages_of(flows: Iterable[SipFlow]) -> list[TracedMessage]:
    """The messages of several flows in the order in which they came and went."""
    return sorted((one for flow in flows for one in flow.messages()), key=lambda one: one.number)
