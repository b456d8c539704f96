"""The conferences that there are: what creates and ends them, and every command."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final, Literal

import structlog

from ..calls.call import Call
from ..calls.services import CallServices
from ..errors import EngineError
from ..recordings.entry import RecordingOrder
from .conference import Conference, Member
from .controlled_call import ControlledCall
from .controlled_calls import ControlledCalls, Origination
from .recording_notices import tell_of_recordings

log = structlog.get_logger()

MOST_CONFERENCES = 1000


_CHANGES: Final = {
    ("muted", True): "conference.muted",
    ("muted", False): "conference.unmuted",
    ("deaf", True): "conference.deafened",
    ("deaf", False): "conference.undeafened",
}


class Conferences:
    """Every conference by its id. Their members are calls by command."""

    def __init__(self, services: CallServices, calls: ControlledCalls) -> None:
        self._services = services
        self._calls = calls
        self._all: dict[str, Conference] = {}
        self._limits: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, name: str) -> Conference:
        """The conference of this id. Raises EngineError `not_found`."""
        found = self._all.get(name)
        if found is None:
            raise EngineError("not_found", f"there is no conference {name}", field="conference")
        return found

    def all(self) -> list[Conference]:
        """Every conference, in the order in which they were created."""
        return list(self._all.values())

    # -- beginning and end ----------------------------------------------------------------------

    def create(self, name: str | None, max_members: int, context: dict[str, Any]) -> Conference:
        """Create a conference without members. Raises EngineError.

        It ends when its last member has left, and after `dial.max_duration_s` at the latest.
        """
        services = self._services
        name = name or f"conference-{services.new_id()}"
        if name in self._all:
            reason = f"there is a conference {name} already"
            raise EngineError("conflict", reason, field="conference")
        if len(self._all) >= MOST_CONFERENCES:
            raise EngineError("refused", f"there are {MOST_CONFERENCES} conferences already")
        conference = Conference(
            name,
            created=services.clock.now(),
            max_members=max_members,
            context=context,
            media=services.media,
            hold=services.hold,
            on_change=self._changed,
        )
        self._all[name] = conference
        limit = "maximum duration reached"
        self._limits[name] = asyncio.get_running_loop().call_later(
            services.dial.max_duration_s, lambda: self.end(name, hangs_up=True, cause=limit)
        )
        self._publish(conference, "conference.created", context=context, max_members=max_members)
        return conference

    def end(self, name: str, *, hangs_up: bool, cause: str = "ended by command") -> Conference:
        """End a conference. Its members are hung up, or stay up and hear silence."""
        conference = self.find(name)
        del self._all[name]
        self._limits.pop(name).cancel()
        for call in conference.invited:
            call.hang_up()
        for member in conference.members:
            conference.remove(member.call, cause)
            if hangs_up:
                member.call.hang_up()
        self._publish(conference, "conference.ended", cause=cause)
        return conference

    def _changed(self, conference: Conference) -> None:
        """A member has left, or hears or is heard otherwise than before."""
        self._review_recorder(conference)
        if not conference.members:
            self._emptied(conference)

    def _emptied(self, conference: Conference) -> None:
        """The last member has left: the conference ends, unless somebody is still being called."""
        if self._all.get(conference.name) is conference and not conference.invited:
            self.end(conference.name, hangs_up=True, cause="the last member has left")

    def _publish(self, conference: Conference, kind: str, **fields: Any) -> None:
        self._services.events.publish(kind, conference=conference.name, **fields)

    # -- recording ------------------------------------------------------------------------------

    async def record(self, name: str, *, is_on: bool) -> Conference:
        """Record a conference, or end that. Raises EngineError.

        What one member says and hears is the whole of it. Where that one leaves, holds the call or
        is held, is muted or deafened, another recording follows, of another member.
        """
        conference = self.find(name)
        if is_on == conference.is_recorded:
            what = "being recorded already" if is_on else "not being recorded"
            raise EngineError("state", f"conference {name} is {what}", field="conference")
        if is_on:
            await self._record_by(conference, conference.best_recorder())
        else:
            recorder, conference.recorder = conference.recorder, None
            assert recorder is not None
            await recorder.recorded.stop()
        return conference

    async def _record_by(self, conference: Conference, recorder: ControlledCall | None) -> None:
        """Record what this member says and hears, unless another has taken its place meanwhile."""
        if recorder is None:
            reason = f"nobody takes part in conference {conference.name}"
            raise EngineError("state", reason, field="conference")
        conference.recorder = recorder
        try:
            await recorder.recorded.start_by_command(RecordingOrder(channels=1))
        except BaseException as error:
            if conference.recorder is recorder:
                conference.recorder = None
            elif conference.recorder is not None and isinstance(error, EngineError):
                return  # another member is recorded
            raise

    def _review_recorder(self, conference: Conference) -> None:
        """Somebody has left, or hears less: record another member where that is better."""
        if not conference.is_recorded:
            conference.recorder = None
        before, best = conference.recorder, conference.best_recorder()
        member = None if before is None else conference.member_at(before)
        if before is None or (member is not None and member.may_record):
            return
        if best is not before:
            if best is not None:
                best.recorded.is_wanted = True
            conference.recorder = best
            self._begin_task(self._record_elsewhere(conference, before, best))

    async def _record_elsewhere(
        self, conference: Conference, before: ControlledCall, after: ControlledCall | None
    ) -> None:
        await before.recorded.stop()
        if after is not None:
            await after.recorded.stopped()
        if after is None or conference.recorder is not after:
            return
        try:
            await self._record_by(conference, after)
        except EngineError as error:
            log.info("conference_not_recorded", conference=conference.name, reason=error.message)

    def _begin_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- members --------------------------------------------------------------------------------

    async def tell_of_recording(self, name: str, call_id: str | None, leg_id: str | None) -> None:
        """Let the party of a call hear that the conference is recorded, before it takes part.

        The members hear it where that call is recorded. Returns at once where nothing is, or
        nothing is announced. Raises EngineError as `join`, and `unavailable` where the announcement
        of the conference was not heard.
        """
        conference = self.find(name)
        call = self._calls.find(call_id, leg_id)
        self._check_room(conference)
        call.check_alone("leg")
        await self._told(conference, call)

    async def _told(self, conference: Conference, call: ControlledCall) -> None:
        recorder = conference.recorder
        if recorder is not None and recorder.recorded.must_tell(call.leg):
            try:
                heard = await recorder.recorded.tell(call.leg)
            finally:
                if call.is_up:
                    call.arrange()
            if not heard:
                reason = f"leg {call.leg.id} has not heard that the conference is recorded"
                raise EngineError("unavailable", reason, field="leg")
        # What was begun to be recorded of one of them by a command of its own.
        await tell_of_recordings([call, *(member.call for member in conference.members)])

    def join(
        self, name: str, call_id: str | None, leg_id: str | None, *, muted: bool, deaf: bool
    ) -> Conference:
        """Let the party of a call take part, which is up and bridged with nobody.

        Raises EngineError.
        """
        conference = self.find(name)
        self._check_room(conference)
        self._enter(conference, self._calls.find(call_id, leg_id), muted=muted, deaf=deaf)
        return conference

    async def invite(
        self, name: str, asked: Origination, *, muted: bool, deaf: bool
    ) -> tuple[Conference, Call]:
        """Call somebody, who takes part once they have answered. Raises EngineError."""
        conference = self.find(name)
        self._check_room(conference)
        members = conference.members
        if members:
            asked = replace(asked, beside=members[0].call.leg.id)
        call = self._calls.find((await self._calls.originate(asked)).id, None)
        conference.invited.append(call)
        self._begin_task(self._until_answered(conference, call, muted=muted, deaf=deaf))
        return conference, call.call

    async def _until_answered(
        self, conference: Conference, call: ControlledCall, *, muted: bool, deaf: bool
    ) -> None:
        is_up = await call.answered()  # a call that is dialled is up or over in time
        reason = "they have not answered"
        try:
            if is_up:
                await self._told(conference, call)
        except EngineError as error:
            is_up, reason = False, error.message
        finally:
            conference.invited.remove(call)
        try:
            if is_up and self._all.get(conference.name) is conference:
                self._enter(conference, call, muted=muted, deaf=deaf)
                return
            reason = "the conference is over" if is_up else reason
        except EngineError as error:
            reason = error.message
        call.hang_up()
        self._publish(
            conference, "conference.failed", call=call.call.id, leg=call.leg.id, reason=reason
        )
        if not conference.members:
            self._emptied(conference)

    def _check_room(self, conference: Conference) -> None:
        if conference.locked:
            reason = f"conference {conference.name} is locked"
            raise EngineError("state", reason, field="conference")
        if len(conference.members) + len(conference.invited) >= conference.max_members:
            reason = f"conference {conference.name} has {conference.max_members} members"
            raise EngineError("refused", reason, field="conference")

    def _enter(
        self, conference: Conference, call: ControlledCall, *, muted: bool, deaf: bool
    ) -> None:
        call.check_alone("leg")
        media = self._services.media
        if any(not media.are_together(one.call.leg.id, call.leg.id) for one in conference.members):
            reason = f"leg {call.leg.id} has no media any more"
            raise EngineError("state", reason, field="leg")
        conference.add_member(call, self._services.clock.now(), muted=muted, deaf=deaf)

    def leave(
        self, name: str, call_id: str | None, leg_id: str | None, *, hangs_up: bool
    ) -> Conference:
        """Take a member out, who is hung up, or stays up alone. Raises EngineError."""
        conference, member = self._member(name, call_id, leg_id)
        cause = "removed by command" if hangs_up else "taken out by command"
        conference.remove(member.call, cause)
        if hangs_up:
            member.call.hang_up()
        return conference

    def change(
        self,
        name: str,
        call_id: str | None,
        leg_id: str | None,
        what: Literal["muted", "deaf"],
        *,
        is_on: bool,
    ) -> Conference:
        """Mute or deafen a member, or end that. Raises EngineError."""
        conference, member = self._member(name, call_id, leg_id)
        conference.change(member, what, _CHANGES[what, is_on], is_on=is_on)
        return conference

    def lock(self, name: str, *, is_on: bool) -> Conference:
        """Let nobody more join, or end that. Raises EngineError."""
        conference = self.find(name)
        if conference.locked != is_on:
            conference.locked = is_on
            self._publish(conference, "conference.locked" if is_on else "conference.unlocked")
        return conference

    def _member(
        self, name: str, call_id: str | None, leg_id: str | None
    ) -> tuple[Conference, Member]:
        conference = self.find(name)
        call = self._calls.find(call_id, leg_id)
        member = conference.member_at(call)
        if member is None:
            field = "call" if call_id is not None else "leg"
            reason = f"leg {call.leg.id} does not take part in conference {name}"
            raise EngineError("state", reason, field=field)
        return conference, member
