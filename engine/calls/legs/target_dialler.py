"""Calls a party by its targets, best first, until one answers.

A target that fails gives way to the next only where its trunk is at fault. A redirection (3xx) is
followed where the dial policy permits every place that it leads to (RFC 3261 section 8.1.3.4).
"""

import asyncio
from sys import intern
from typing import Final, Protocol

from sip.endpoint import SipEndpoint
from sip.errors import ParseError
from sip.hop import Hop

from ...routing.targets.destination import DialTarget
from ...routing.trunk_figures import TrunkTry
from ..dialling import TRUNK_RESPONSE_S, DialOptions, hops_of, until_clear
from ..hangup_cause import HangupCause, at_trunk, of_no_answer
from .leg_listener import LegOwner, ObservedLeg
from .redirection import Redirections

# The trunk has done its part: it reached the party.
_OF_THE_PARTY: Final = frozenset({"busy", "declined", "cancelled", "completed", "hung_up"})
NO_WAY: Final = HangupCause("unreachable", "no way to dial")


class DialledLeg(ObservedLeg, Protocol):
    """The part of a leg that its dialling uses."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all has come back for the INVITE."""

    @property
    def alerted_at(self) -> float | None:
        """When the party of this INVITE was first said to ring, by the clock of the loop."""

    def expect(self) -> "asyncio.Future[HangupCause | None]":
        """What is set once the next INVITE is answered (None), has failed, or is not wanted."""

    def invite(self, options: DialOptions, target: DialTarget, hop: Hop) -> None:
        """Send the INVITE. Raises ParseError and ValueError where that cannot be written."""

    def give_up(self, cause: HangupCause) -> None:
        """Hang the INVITE up: it has failed with this cause."""

    def forget_early_media(self) -> None:
        """What a target let ring or speak is over, and the next one starts afresh."""

    def publish_redirected(self, targets: list[str], refused: list[str]) -> None:
        """The call is redirected."""


class TargetDialler:
    """Calls the party of one leg."""

    def __init__(
        self, leg: DialledLeg, sip: SipEndpoint, owner: LegOwner, options: DialOptions
    ) -> None:
        self._leg = leg
        self._sip = sip
        self._owner = owner
        self._options = options
        self._redirections = Redirections(owner.redirected)

    async def dial(self, targets: tuple[DialTarget, ...]) -> HangupCause | None:
        """Call by each target in turn. None once it is answered, otherwise why not."""
        cause = NO_WAY
        waiting = list(targets)
        is_first = True
        while waiting:
            target = waiting.pop(0)
            if not is_first:
                self._leg.forget_early_media()
            is_first = False
            failure = await self._counted(target, is_last=not waiting)
            if failure is None:
                return None
            cause = failure
            if self._leg.hangup_cause is not None:
                break
            if cause.contacts:
                # Where the call is redirected to is called in place of the other trunks.
                followed = self._redirections.follow(cause, target)
                self._leg.publish_redirected(followed.shown, list(followed.refused))
                waiting = list(followed.targets)
                cause = followed.cause
            elif not (cause.trunk_failed or self._may_search(cause)):
                break
        return cause

    def _may_search(self, cause: HangupCause) -> bool:
        """Whether the next place that the call was redirected to may be tried (RFC 3261 8.1.3.4).

        Not after a 6xx, which speaks for all of them.
        """
        return self._redirections.has_followed and (cause.sip_status or 0) < 600

    async def _counted(self, target: DialTarget, *, is_last: bool) -> HangupCause | None:
        """As `_try`, and tell how the trunk did, also where the call is called off meanwhile."""
        if not self._owner.trunk_entered(self._leg, target.line_of):
            reason = f"trunk {target.line_of} is full"
            return HangupCause("unavailable", reason, trunk_failed=True)
        if target.trunk is None:
            return await self._try(target, is_last=is_last)
        began = asyncio.get_running_loop().time()
        try:
            failure = await self._try(target, is_last=is_last)
        except asyncio.CancelledError:
            silent_s = asyncio.get_running_loop().time() - began
            is_dead = self._leg.is_silent and silent_s > TRUNK_RESPONSE_S
            why = of_no_answer(silent_s, is_silent=True) if is_dead else None
            self._owner.trunk_tried(self._tried(target.trunk, began, why))
            raise
        # Where a call is redirected to, another call is: RFC 6076 section 4.6 counts no 3xx.
        if failure is None or not failure.contacts:
            self._owner.trunk_tried(
                self._tried(target.trunk, began, failure, answered=failure is None)
            )
        return failure

    def _tried(
        self, trunk: str, began: float, why: HangupCause | None, *, answered: bool = False
    ) -> TrunkTry:
        """One try by a trunk. What the party says, or we, is no failure of the trunk."""
        alerted_at = self._leg.alerted_at
        if answered and alerted_at is None:
            alerted_at = asyncio.get_running_loop().time()
        delay_s = None if alerted_at is None or alerted_at < began else alerted_at - began
        if why is None or why.result in _OF_THE_PARTY or self._leg.hangup_cause is not None:
            return TrunkTry(trunk, answered, delay_s)
        return TrunkTry(trunk, answered, delay_s, why.phrase, why.sip_status)

    async def _try(self, target: DialTarget, *, is_last: bool) -> HangupCause | None:
        """Call the party by one target, at each host of its trunk. None once it is answered."""
        failure: HangupCause | None = NO_WAY
        ways = (target, *target.others)
        for number, way in enumerate(ways, start=1):
            is_last_host = number == len(ways)
            self._redirections.note_tried(way)
            failure = await self._try_host(way, is_last=is_last and is_last_host)
            if failure is None:
                return None
            if way.trunk and failure.trunk_rests_s > 0:
                self._owner.trunk_failed(way, failure)
            if not failure.trunk_failed or self._leg.hangup_cause is not None:
                break
            if not is_last_host:
                self._leg.forget_early_media()
        return failure

    async def _try_host(self, target: DialTarget, *, is_last: bool) -> HangupCause | None:
        """Call the party at each address of one host. None once it is answered."""
        leg = self._leg
        leg.record.begin_try(target.target, target.trunk)
        hops = await hops_of(self._sip, target, is_last=is_last)
        if isinstance(hops, HangupCause):
            return hops
        for number, hop in enumerate(hops, start=1):
            is_last_hop = number == len(hops)
            failure = await self._try_at(hop, target, is_last=is_last and is_last_hop)
            if failure is not None and target.trunk is not None:
                failure = at_trunk(
                    failure,
                    has_credentials=target.credentials is not None,
                    has_rung=leg.alerted_at is not None,
                )
            if failure is None or not failure.hop_failed or leg.hangup_cause is not None:
                return failure
            self._sip.rest(hop, failure.trunk_rests_s or None)
            if not is_last_hop:
                leg.forget_early_media()
        return failure

    async def _try_at(self, hop: Hop, target: DialTarget, *, is_last: bool) -> HangupCause | None:
        """Call the party by one target at one address."""
        leg = self._leg
        leg.record.begin_try(target.target, target.trunk, intern(str(hop)))
        outcome = leg.expect()
        if not self._sip.is_clear(target.request_uri):
            await until_clear(self._sip, target, or_until=outcome)
        wait_s = 0.0 if target.line_of is None else self._owner.trunk_turn_s(target.line_of)
        if wait_s > 0.0:
            await asyncio.wait([outcome], timeout=wait_s)
        if leg.hangup_cause is not None:  # hung up meanwhile
            return leg.hangup_cause
        try:
            options = self._options.with_headers(self._owner.headers_for(target))
            leg.invite(options, target, hop)
        except (ParseError, ValueError) as error:
            return HangupCause("failed", f"cannot be dialled: {error}")
        loop = asyncio.get_running_loop()
        give_up = None if is_last else loop.call_later(TRUNK_RESPONSE_S, self._no_response)
        try:
            return await outcome
        finally:
            if give_up is not None:
                give_up.cancel()

    def _no_response(self) -> None:
        if self._leg.is_silent:
            self._leg.give_up(of_no_answer(TRUNK_RESPONSE_S, is_silent=True))
