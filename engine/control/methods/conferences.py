"""The methods of the control protocol that are about conferences: conference.*."""

from typing import Annotated, Any, TypedDict

import msgspec
from msgspec import Meta

from ...call_control.conference import ConferenceView
from ...call_control.conferences import Conferences
from ...call_control.controlled_calls import Origination
from ...calls.call import CallView
from ...request import Identifier, Params, Target, check_context, one_of
from ..connections.peer import Peer
from ..method import Method
from ..params import NoParams

MOST_MEMBERS = 100


class Create(Params):
    """conference.create: `conference` is its id; left out, it is made up."""

    conference: Identifier | None = None
    max_members: Annotated[int, Meta(ge=2, le=MOST_MEMBERS)] = 50
    context: dict[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_context(self.context)


class ConferenceRef(Params):
    """conference.get."""

    conference: Identifier


class End(ConferenceRef, kw_only=True):
    """conference.end: with `hang_up` false its members stay up, each alone."""

    hang_up: bool = True


class Join(ConferenceRef, kw_only=True):
    """conference.join: a call by command that is up, or whom the engine is to call."""

    call: Identifier | None = None
    leg: Identifier | None = None
    to: Target | None = None
    agent: Identifier | None = None
    muted: bool = False
    deaf: bool = False
    trunk: Identifier | None = None
    caller_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    ring_s: Annotated[float, Meta(gt=0, le=600)] | None = None

    def __post_init__(self) -> None:
        whom = {"call": self.call, "leg": self.leg, "to": self.to, "agent": self.agent}
        one_of(("call", "leg", "to", "agent"), whom)


class MemberRef(ConferenceRef, kw_only=True):
    """A member of a conference, by its call or its leg."""

    call: Identifier | None = None
    leg: Identifier | None = None

    def __post_init__(self) -> None:
        one_of(("call", "leg"), {"call": self.call, "leg": self.leg})


class Kick(MemberRef, kw_only=True):
    """conference.kick: with `hang_up` false the member stays up alone."""

    hang_up: bool = True


class Switch(MemberRef, kw_only=True):
    """conference.mute, conference.deafen."""

    on: bool = True


class Lock(ConferenceRef, kw_only=True):
    """conference.lock, conference.record."""

    on: bool = True


class ConferenceList(TypedDict):
    """conference.list."""

    conferences: list[ConferenceView]
    """Every conference, in the order in which they were created."""


class Joined(TypedDict):
    """conference.join."""

    conference: ConferenceView
    """The conference as it is now."""
    call: CallView | None
    """The call that the engine makes for it; null for one that was up."""


class ConferenceMethods:
    """What a client may do with conferences."""

    def __init__(self, conferences: Conferences) -> None:
        self._conferences = conferences

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "conference.create": Method(Create, self._create),
            "conference.deafen": Method(Switch, self._deafen),
            "conference.end": Method(End, self._end),
            "conference.get": Method(ConferenceRef, self._get),
            "conference.join": Method(Join, self._join),
            "conference.kick": Method(Kick, self._kick),
            "conference.list": Method(NoParams, self._list),
            "conference.lock": Method(Lock, self._lock),
            "conference.mute": Method(Switch, self._mute),
            "conference.record": Method(Lock, self._record),
        }

    def _create(self, params: Create, _peer: Peer) -> ConferenceView:
        return self._conferences.create(
            params.conference, params.max_members, params.context
        ).view()

    def _list(self, _params: NoParams, _peer: Peer) -> ConferenceList:
        return {"conferences": [one.view() for one in self._conferences.all()]}

    def _get(self, params: ConferenceRef, _peer: Peer) -> ConferenceView:
        return self._conferences.find(params.conference).view()

    def _end(self, params: End, _peer: Peer) -> ConferenceView:
        return self._conferences.end(params.conference, hangs_up=params.hang_up).view()

    async def _join(self, params: Join, _peer: Peer) -> Joined:
        to, conferences = params.to or params.agent, self._conferences
        roles = {"muted": params.muted, "deaf": params.deaf}
        if to is None:
            await conferences.tell_of_recording(params.conference, params.call, params.leg)
            joined = conferences.join(params.conference, params.call, params.leg, **roles)
            return {"conference": joined.view(), "call": None}
        asked = Origination(
            to=to, trunk=params.trunk, caller_id=params.caller_id, ring_s=params.ring_s
        )
        conference, call = await conferences.invite(params.conference, asked, **roles)
        return {"conference": conference.view(), "call": call.view()}

    def _kick(self, params: Kick, _peer: Peer) -> ConferenceView:
        return self._conferences.leave(
            params.conference, params.call, params.leg, hangs_up=params.hang_up
        ).view()

    def _mute(self, params: Switch, _peer: Peer) -> ConferenceView:
        return self._conferences.change(
            params.conference, params.call, params.leg, "muted", is_on=params.on
        ).view()

    def _deafen(self, params: Switch, _peer: Peer) -> ConferenceView:
        return self._conferences.change(
            params.conference, params.call, params.leg, "deaf", is_on=params.on
        ).view()

    def _lock(self, params: Lock, _peer: Peer) -> ConferenceView:
        return self._conferences.lock(params.conference, is_on=params.on).view()

    async def _record(self, params: Lock, _peer: Peer) -> ConferenceView:
        return (await self._conferences.record(params.conference, is_on=params.on)).view()
