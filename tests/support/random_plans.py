"""Random days of a call centre, drawn by hypothesis: who asks for what, and what phones do.

Times are in whole seconds, so that much happens at once: answers cross with cancels, hang-ups with
answers, the end of a wrap-up with an offer. Kills come between the seconds as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from config.agents import Address
from config.agents import Agent as AgentSettings
from config.inbound import Inbound as InboundRoute
from config.inbound import Room
from config.queues import Overflow, Queue
from config.rules import Match, Rule, Setting
from config.sections import Dial, Log, Media, Route, Store, Trunk, Whisper
from config.settings import Settings
from config.spoken import Texts
from tests.support.phones.virtual import KEY, MOBILE, SILENT, Conduct, Step

QUEUES = ("sales", "support")
# Where support overflows to: a PBX with as many lines as are wanted.
OUTSIDE = "partner"
DIALLED = {"sales": "+442079460001", "support": "+442079460002"}
# How long callers wait at most, and have their places when they have hung up.
MAX_WAIT_S, REGAIN_S = 40.0, 20.0
# What there is to be said; nobody listens.
SPOKEN = f"file:{Path(__file__).parents[1]}/fuzz/corpus/sound/wav"
# How long a phone keeps the call of an engine that died, and how long the next one waits for it.
KEEP_S, CRASH_PAUSE_S = 3.0, 4.0


@dataclass(frozen=True)
class CallbackPlan:
    """A request at `at_s`; its customer's phone does as `conducts` say, call by call."""

    at_s: int
    asked: dict[str, Any]
    conducts: tuple[Conduct, ...] = ()
    not_before_s: int | None = None
    deadline_s: int | None = None


@dataclass(frozen=True)
class CallPlan:
    """A call to us, some time after the caller's last one; `steps` is what they do in it."""

    after_s: int
    queue: str
    steps: Conduct


@dataclass(frozen=True)
class CallerPlan:
    """A caller, who maybe calls again; `conducts` is what the phone does when it is called."""

    calls: tuple[CallPlan, ...]
    conducts: tuple[Conduct, ...]
    withheld: bool = False


@dataclass(frozen=True)
class CommandPlan:
    """A command at `at_s`; `number` says whom of all there are it is about."""

    at_s: int
    what: str
    number: int


@dataclass(frozen=True)
class KillPlan:
    """The engine ends some time after it began to start; the next begins `down_ms` later.

    `in_order`: it is stopped, once it is up; otherwise kill -9.
    """

    after_ms: int
    down_ms: int
    in_order: bool = False


@dataclass(frozen=True)
class AgentPlan:
    """An agent, and what the phone does, call by call."""

    queues: tuple[str, ...]
    wrap_up_s: int
    missed_limit: int
    conducts: tuple[Conduct, ...]
    has_mobile: bool = False

    def addresses(self, name: str) -> list[Address]:
        """Where the agent is rung: at the desk, then on the mobile where there is one."""
        desk = Address(uri=f"sip:{name}@127.0.0.1:5080", ring_s=4.0 if self.has_mobile else None)
        if not self.has_mobile:
            return [desk]
        return [desk, Address(uri=f"sip:{name}{MOBILE}@127.0.0.1:5081", kind="mobile")]


# What a reload brings: the configuration of the morning, or
OTHER_WAYS, WITHOUT_THE_LAST_AGENT, WITHOUT_SUPPORT = 1, 2, 3
VARIANTS = 4

_TEXTS: Mapping[str, str] = {
    name: SPOKEN for name in Texts.model_fields if name not in ("minute", "minutes", "seconds")
}
ROOM = Room(
    name="default", welcome=SPOKEN, announce_frequency_s=15.0, periodic_announce=[SPOKEN],
    periodic_announce_frequency_s=10.0, callback_digit=KEY, regain_s=REGAIN_S,
    texts=Texts.model_validate(_TEXTS),
)  # fmt: skip


@dataclass(frozen=True)
class DayPlan:
    """A whole day."""

    agents: tuple[AgentPlan, ...]
    strategy: str
    overflow_s: int | None
    outside_s: int | None
    outside: tuple[Conduct, ...]
    capacity: int
    callbacks: tuple[CallbackPlan, ...]
    commands: tuple[CommandPlan, ...]
    kills: tuple[KillPlan, ...] = ()
    max_calls: int = 1000
    callers: tuple[CallerPlan, ...] = ()
    rule_agent: int | None = None

    def settings(self, directory: Path, variant: int = 0) -> Settings:
        """The configuration of the day; `variant` is one of those that a reload brings."""
        agents = self.agents if variant != WITHOUT_THE_LAST_AGENT else self.agents[:1]
        sales: dict[str, Any] = {
            "name": "sales", "strategy": self.strategy, "ring_at_once": 2, "ring_s": 8.0,
            "again_s": 4.0, "capacity": self.capacity,
        }  # fmt: skip
        if self.overflow_s is not None and variant != WITHOUT_SUPPORT:
            sales["overflow"] = [{"after_s": self.overflow_s, "queue": "support"}]
        if variant == OTHER_WAYS:
            sales |= {"strategy": "ordered", "ring_s": 5.0, "capacity": 0, "max_length": 3}
        outside = (
            [] if self.outside_s is None
            else [Overflow(after_s=float(self.outside_s), number=f"sip:{OUTSIDE}@127.0.0.1:5095")]
        )  # fmt: skip
        support = Queue(name="support", ring_s=8.0, again_s=2.0, overflow=outside)
        queues = [Queue.model_validate(sales), support]
        if variant == WITHOUT_SUPPORT:
            del queues[1]
        names = [queue.name for queue in queues]
        rules: list[Rule] = []
        if self.rule_agent is not None and variant != OTHER_WAYS:
            agent = f"a{self.rule_agent % len(agents)}"
            match = Match(kind="call", prefix=[number_of(0)])
            rules = [Rule(name="theirs", match=match, set=Setting(agent=agent))]
        return Settings(
            trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
            routes=[Route(prefix="+", trunks=["pbx"])],
            inbound=[
                InboundRoute(
                    name=name, number=number, max_wait_s=MAX_WAIT_S, agent_s=10.0,
                    queue=name if name in names else "sales",
                )
                for name, number in DIALLED.items()
            ],
            rooms=[ROOM],
            rules=rules,
            store=Store(path=directory / "ringback.db"),
            media=Media(recordings=directory / "recordings"),
            whisper=Whisper(cache_dir=directory / "speech"),
            log=Log(level="error"),
            dial=Dial(
                retry_s=5.0,
                max_hold_s=120.0,
                crash_pause_s=CRASH_PAUSE_S,
                max_calls=self.max_calls,
                max_wait_s=600.0,
                max_duration_s=20.0,
            ),
            agents=[
                AgentSettings(
                    name=f"a{number}",
                    addresses=agent.addresses(f"a{number}"),
                    queues=[name for name in agent.queues if name in names],
                    wrap_up_s=float(agent.wrap_up_s),
                    missed_limit=agent.missed_limit,
                )
                for number, agent in enumerate(agents)
            ],
            queues=queues,
        )  # fmt: skip

    def conducts(self) -> dict[str, Sequence[Conduct]]:
        """What each phone does."""
        return {
            **{f"a{number}": agent.conducts for number, agent in enumerate(self.agents)},
            **{f"a{number}{MOBILE}": agent.conducts for number, agent in enumerate(self.agents)},
            OUTSIDE: self.outside,
            **{f"c{number}": one.conducts for number, one in enumerate(self.callbacks)},
            **{number_of(number): one.conducts for number, one in enumerate(self.callers)},
        }


def number_of(caller: int) -> str:
    """The telephone number of a caller."""
    return f"+4420794611{caller:02}"


# -- drawing one --------------------------------------------------------------------------------

_soon = st.integers(0, 12)
_answers = st.builds(
    lambda rings, answers, talks: (
        Step(rings, "rings"), Step(answers, "answers"), Step(talks, "hangs_up"),
    ),
    _soon, _soon, st.integers(0, 15),
)  # fmt: skip
_holds = st.builds(
    lambda answers, holds: (
        Step(answers, "answers"), Step(holds, "holds"), Step(2, "resumes"), Step(3, "hangs_up"),
    ),
    _soon, _soon,
)  # fmt: skip
_stays = st.builds(lambda rings: (Step(rings, "rings"), Step(1, "answers")), _soon)
_refuses = st.builds(
    lambda rings, after, act: (Step(rings, "rings"), Step(after, act)),
    _soon, _soon, st.sampled_from(["is_busy", "declines", "is_unreachable"]),
)  # fmt: skip
_rings_out = st.builds(lambda rings: (Step(rings, "rings"),), _soon)
_presses = st.builds(
    lambda answers, waits, after: (
        Step(answers, "answers"), Step(waits, "presses"), Step(after, "hangs_up"),
    ),
    _soon, _soon, _soon,
)  # fmt: skip
conducts = st.one_of(
    _answers, _answers, _stays, _holds, _refuses, _rings_out, st.just(SILENT), _presses, _presses
)

_asked = st.fixed_dictionaries(
    {
        "order": st.sampled_from(["agent_first", "customer_first"]),
        "ring_s": st.sampled_from([6.0, 15.0]),
        "max_attempts": st.integers(1, 3),
        "max_duration_s": st.just(20.0),
    },
    optional={"priority": st.integers(-1, 1)},
)
_party = st.one_of(
    st.sampled_from([{"queue": queue} for queue in QUEUES]),
    st.integers(0, 2).map(lambda number: {"agent": number}),
)
_callbacks = st.builds(
    lambda at_s, asked, party, phone, not_before_s, deadline_s: CallbackPlan(
        at_s, asked | party, tuple(phone), not_before_s, deadline_s
    ),
    at_s=st.integers(0, 60),
    asked=_asked,
    party=_party,
    phone=st.lists(conducts, max_size=3),
    not_before_s=st.one_of(st.none(), st.none(), st.integers(0, 20)),
    deadline_s=st.one_of(st.none(), st.none(), st.integers(21, 60)),
)
_wishes = st.builds(
    lambda waits, after: (Step(waits, "presses"), Step(after, "hangs_up")), _soon, _soon
)
_calls = st.builds(
    CallPlan,
    after_s=st.integers(0, 25),
    queue=st.sampled_from(("sales", *QUEUES)),
    steps=st.one_of(
        _soon.map(lambda waits: (Step(waits, "hangs_up"),)),
        st.integers(0, 50).map(lambda waits: (Step(waits, "hangs_up"),)),
        _wishes,
        _wishes,
        st.sampled_from([0, 0.01]).map(lambda after: (Step(after, "cancels"),)),
        st.just(SILENT),
    ),
)
_callers = st.builds(
    CallerPlan,
    calls=st.lists(_calls, min_size=1, max_size=4).map(tuple),
    conducts=st.lists(conducts, max_size=2).map(tuple),
    withheld=st.sampled_from([False, False, False, True]),
)
COMMANDS = (
    "reload", "reload",
    "cancel", "hang_up", "hang_up_leg", "move", "withdraw", "reschedule", "prioritise",
    "pause", "ready", "log_out", "log_in", "pause_queue", "resume_queue", "media_dies", "machine",
    "decide",
)  # fmt: skip
_commands = st.builds(
    CommandPlan, at_s=st.integers(0, 90), what=st.sampled_from(COMMANDS), number=st.integers(0, 7)
)
_agents = st.builds(
    AgentPlan,
    queues=st.sampled_from([QUEUES, QUEUES, ("sales",), ("support",)]),
    wrap_up_s=st.sampled_from([0, 0, 3]),
    missed_limit=st.sampled_from([0, 2]),
    has_mobile=st.sampled_from([False, False, True]),
    conducts=st.lists(conducts, max_size=4).map(tuple),
)
day_plans = st.builds(
    DayPlan,
    # The first serves every queue, so that nobody waits in vain.
    agents=st.lists(_agents, min_size=1, max_size=3).map(
        lambda agents: (replace(agents[0], queues=QUEUES), *agents[1:])
    ),
    strategy=st.sampled_from(["longest_idle", "ring_several", "ring_several", "round_robin"]),
    overflow_s=st.one_of(st.none(), st.integers(1, 15)),
    outside_s=st.one_of(st.none(), st.integers(1, 15)),
    outside=st.lists(conducts, max_size=4).map(tuple),
    capacity=st.sampled_from([0, 0, 1]),
    max_calls=st.sampled_from([1000, 1000, 2, 1]),
    callbacks=st.lists(_callbacks, min_size=1, max_size=5).map(tuple),
    callers=st.lists(_callers, max_size=3).map(tuple),
    rule_agent=st.one_of(st.none(), st.integers(0, 2)),
    commands=st.lists(_commands, max_size=8).map(tuple),
)

_kills = st.builds(
    KillPlan,
    after_ms=st.integers(0, 40_000),
    down_ms=st.integers(1, 3_000),
    in_order=st.booleans(),
)
_policies = st.sampled_from(["retry", "retry", "fail", "ask"])


def _with_kills(plan: DayPlan, kills: list[KillPlan], policies: list[str]) -> DayPlan:
    callbacks = tuple(
        replace(one, asked=one.asked | {"on_crash": policies[number % len(policies)]})
        for number, one in enumerate(plan.callbacks)
    )
    return replace(plan, callbacks=callbacks, kills=tuple(kills))


days_with_kills = st.builds(
    _with_kills,
    day_plans,
    st.lists(_kills, min_size=1, max_size=4),
    st.lists(_policies, min_size=1, max_size=4),
)
