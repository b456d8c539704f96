"""A conference: parties of calls by command who hear each other, muted and deaf ones apart.

Two who talk alone are relayed, more are mixed: see Bridge.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from media.sources import Hold, Silence, Source
from media.worker_pool import WorkerPool

from ..calls.bridge import Bridge
from ..calls.leg import Leg
from ..calls.legs.leg_listener import ObservedLeg
from .controlled_call import ControlledCall
from .controlled_leg import ControlledLeg


class MemberView(TypedDict):
    """A member of a conference."""

    call: str
    """Its call."""
    leg: str
    """Its leg."""
    muted: bool
    """Whether nobody hears it."""
    deaf: bool
    """Whether it hears nobody."""
    joined_at: float
    """Since when it takes part (Unix seconds)."""


class ConferenceView(TypedDict):
    """A conference."""

    conference: str
    """Its id."""
    created: float
    """When it was created (Unix seconds)."""
    locked: bool
    """Whether nobody more may join."""
    max_members: int
    """How many may take part at once."""
    context: dict[str, Any]
    """What the client gave."""
    members: list[MemberView]
    """Who takes part, in the order in which they joined."""
    recorded_by: str | None
    """The call whose recording is that of the conference; null: it is not recorded."""
    invited: list[str]
    """The calls of those who are being called, and join when they answer."""


@dataclass(eq=False, slots=True)
class Member:
    """One call that takes part."""

    call: ControlledCall
    joined_at: float
    muted: bool = False
    deaf: bool = False

    @property
    def is_away(self) -> bool:
        """Whether it holds the call, or is on hold: it is not heard, and hears nobody."""
        return self.call.leg.is_held or self.call.leg.is_on_hold

    @property
    def may_record(self) -> bool:
        """Whether what it says and hears is the whole of the conference."""
        return not (self.muted or self.deaf or self.is_away)

    def view(self) -> MemberView:
        """What `conference.get` shows of it."""
        return {
            "call": self.call.call.id,
            "leg": self.call.leg.id,
            "muted": self.muted,
            "deaf": self.deaf,
            "joined_at": self.joined_at,
        }


class Conference(Bridge):
    """One conference. `on_change` is called when a member has left, or hears or is heard otherwise
    than before."""

    def __init__(
        self,
        name: str,
        *,
        created: float,
        max_members: int,
        context: dict[str, Any],
        media: WorkerPool,
        hold: Hold,
        on_change: Callable[["Conference"], None],
    ) -> None:
        super().__init__((), media=media, hold=hold, publish=lambda _kind, _leg: None)
        self.name = name
        self.locked = False
        self.max_members = max_members
        self.context = context
        self.invited: list[ControlledCall] = []
        self.recorder: ControlledCall | None = None
        """Whose recording is that of the conference: what it says, and what it hears."""
        self._created = created
        self._members: dict[Leg, Member] = {}
        self._on_change = on_change

    def view(self) -> ConferenceView:
        """What `conference.get` shows of it."""
        return {
            "conference": self.name,
            "created": self._created,
            "locked": self.locked,
            "max_members": self.max_members,
            "context": self.context,
            "members": [member.view() for member in self.members],
            "recorded_by": self.recorder.call.id if self.recorder and self.is_recorded else None,
            "invited": [call.call.id for call in self.invited],
        }

    @property
    def is_recorded(self) -> bool:
        """Whether it is recorded, or about to be: not any more where that has failed."""
        return self.recorder is not None and self.recorder.recorded.is_wanted

    @property
    def members(self) -> list[Member]:
        """Who takes part, in the order in which they joined."""
        return list(self._members.values())

    @property
    def legs(self) -> tuple[ControlledLeg, ...]:
        """Their legs."""
        return tuple(member.call.leg for member in self.members)

    def member_at(self, call: ControlledCall) -> Member | None:
        """The member with this call."""
        return self._members.get(call.leg)

    def best_recorder(self) -> ControlledCall | None:
        """The member who hears most, and is heard; None where nobody takes part.

        Of equals it is the one that records now.
        """

        def worth(one: Member) -> tuple[bool, ...]:
            return one.is_away, one.deaf, one.muted, one.call is not self.recorder

        return min(self.members, key=worth).call if self._members else None

    # -- coming and going ---------------------------------------------------------------------

    def add_member(self, call: ControlledCall, now: float, *, muted: bool, deaf: bool) -> None:
        """The party of a call, which is up and alone, takes part from now on."""
        self._members[call.leg] = Member(call, now, muted, deaf)
        call.conference = self
        call.leg.listen(self)
        call.call.bridged_at = now
        call.publish(
            "conference.joined", conference=self.name, leg=call.leg.id, muted=muted, deaf=deaf
        )
        self._renew()
        self._tell_partners()

    def remove(self, call: ControlledCall, cause: str) -> None:
        """See ConferenceOfCall. The party hears silence where it is up still. Idempotent."""
        if self._members.pop(call.leg, None) is None:
            return
        call.conference = None
        call.call.bridged_at = None
        call.leg.forget(self)
        call.publish("conference.left", conference=self.name, leg=call.leg.id, cause=cause)
        if call.is_up:
            call.hear_alone()
        self._renew()
        self._on_change(self)

    def _renew(self) -> None:
        self._parties = tuple(self._members)
        self._supervisors = tuple(one.call.call.supervisors for one in self.members)
        self.arrange()

    # -- what is changed by command -------------------------------------------------------------

    def change(
        self, member: Member, what: Literal["muted", "deaf"], kind: str, *, is_on: bool
    ) -> None:
        """Mute or deafen a member, or end that: the event `kind` is published."""
        if getattr(member, what) != is_on:
            setattr(member, what, is_on)
            leg = member.call.leg.id
            member.call.publish(kind, conference=self.name, leg=leg)
            self.arrange()
            self._on_change(self)

    def hold_changed(self, leg: ObservedLeg) -> None:
        """See LegListener, and ConferenceOfCall."""
        super().hold_changed(leg)
        self._on_change(self)

    def digit_pressed(self, leg: ObservedLeg, digit: str) -> None:
        """Keys are for whoever controls the conference, not for its members."""

    def info_received(self, leg: ObservedLeg, digit: str, duration_ms: int) -> None:
        """As `digit_pressed`."""

    # -- who hears whom: see Bridge --------------------------------------------------------------

    def _goes_on(self, leg: Leg, others: list[Leg]) -> bool:
        return False

    def _is_heard(self, leg: Leg) -> bool:
        member = self._members[leg]
        return super()._is_heard(leg) and not member.muted and not member.call.leg.is_on_hold

    def _hears_music(self, leg: Leg) -> bool:
        member = self._members[leg]
        return member.deaf or member.call.leg.is_on_hold

    def _alone(self, leg: Leg) -> Source:
        """Music on hold, and for who waits alone; silence where the others are mute."""
        member = self._members[leg]
        if member.call.leg.is_on_hold:
            return self._hold
        return self._hold if len(self._members) == 1 and not member.deaf else Silence()
