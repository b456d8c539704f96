"""What is known of a call that came in: caller, dialled number, and what route and rules say."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from config.inbound import Inbound as Route

from ..calls.templates import Subject, fill
from ..job import site_of
from ..routing.router import Router
from ..routing.rules import Ruling
from ..stir.verdict import NOT_SIGNED, Verdict
from .caller.caller_id import CallingParty

log = structlog.get_logger()

RULES_LIMIT_S: Final = 1.0


@dataclass(slots=True, kw_only=True)
class InboundCallInfo:
    """One call by `trunk` to the number `dialled`. What rules set goes before the route.

    A visitor who speaks from a web page calls by no trunk (""), and has dialled the site.
    """

    call: str
    route: Route
    trunk: str
    party: CallingParty
    dialled: str
    user_to_user: str = ""
    diversions: Mapping[str, Any] = field(default_factory=dict)
    """What `diversion.diversions` has found."""
    verdict: Verdict = NOT_SIGNED
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """What `other_bodies.other_bodies` has found."""
    default_whisper: str = ""
    ruling: Ruling = field(default_factory=Ruling)
    context: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        party = self.party
        self.context = {**self.route.context, "caller": party.user, "dialled": self.dialled}
        if party.name:
            self.context["caller_name"] = party.name
        if self.user_to_user:
            self.context["user_to_user"] = self.user_to_user
        self.context |= self.diversions

    async def apply_rules(self, router: Router, now: float) -> None:
        """Let the rules decide. Where they take too long, the route alone does."""
        try:
            async with asyncio.timeout(RULES_LIMIT_S):
                self.ruling = await router.call(
                    self.party.number or self.party.user,
                    dialled=self.dialled,
                    trunk=self.trunk,
                    queue=self.route.queue,
                    context=self.context,
                    attestation=self.verdict.attestation,
                    now=now,
                )
        except TimeoutError:
            log.warning("rules_late", call=self.call)

    def moves_to(self, queue: str) -> None:
        """The caller is transferred to another queue, where no agent is theirs yet."""
        self.ruling = replace(self.ruling, queue=queue, agent=None, known_agent=None)

    @property
    def queue(self) -> str:
        """The queue that the call enters."""
        return self.ruling.queue or self.route.queue

    @property
    def agent(self) -> str | None:
        """The agent the rules name, if any. Other agents of the queue may answer in their place."""
        return self.ruling.agent

    @property
    def known_agent(self) -> str | None:
        """The agent for whom the queue keeps the call at first."""
        return self.ruling.agent or self.ruling.known_agent

    @property
    def priority(self) -> int:
        """Its priority in the queue."""
        return self.route.priority if self.ruling.priority is None else self.ruling.priority

    @property
    def skills(self) -> dict[str, int]:
        """The skill levels that an agent must have."""
        return {**self.route.skills, **self.ruling.skills}

    @property
    def site(self) -> str | None:
        """The site that its context names, if any."""
        return site_of(self.context)

    @property
    def is_recorded(self) -> bool:
        """Whether the talk is recorded."""
        return self.route.record if self.ruling.record is None else self.ruling.record

    @property
    def subject(self) -> Subject:
        """What templates are filled from."""
        return Subject(self.call, self.party.user, self.context)

    @property
    def whisper(self) -> str:
        """What the agent hears first; empty for nothing."""
        template = self.ruling.whisper or self.route.whisper or self.default_whisper
        return fill(template, self.subject)

    def waiting(self, joined_at: float) -> dict[str, Any]:
        """How the call waits in a queue: the members of Waiting."""
        return {
            "id": self.call,
            "kind": "call",
            "queue": self.queue,
            "joined_at": joined_at,
            "priority": self.priority,
            "skills": self.skills,
            "number": self.party.number,
            "region": self.party.region,
            "site": self.site,
            "context": self.context,
            "known_agent": self.known_agent,
            "known_agent_s": self.route.agent_s if self.agent is not None else None,
            "centre": self.ruling.centre,
            "ring_s": self.ruling.ring_s,
        }

    @property
    def brought(self) -> dict[str, Any]:
        """What its view and its first event show of it besides."""
        return {"bodies": self.bodies} if self.bodies else {}

    def shown(self) -> dict[str, Any]:
        """What its events and views show of it."""
        return {
            "from": self.party.user,
            "number": self.party.number,
            "site": self.site,
            "dialled": self.dialled,
            "trunk": self.trunk or None,
            "route": self.route.name,
            **attested(self.verdict),
        }


def attested(verdict: Verdict) -> dict[str, Any]:
    """What events and views show of whether the caller's number is verified."""
    shown: dict[str, Any] = {"attestation": verdict.attestation}
    if verdict.reason is not None:
        shown["attestation_reason"] = verdict.reason
    return shown
