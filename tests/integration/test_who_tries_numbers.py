"""Who types in number after number at the web gateway: they see the same of each, whether it is
called or not. The gateway's service stands before a whole engine in virtual time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from config.agents import Agent
from config.calendars import Calendar
from config.policy import Limit, Limits
from config.queues import Queue
from config.rules import Rule
from config.scripts import Script
from config.sections import Dial, Route, Trunk
from config.sites import Site
from engine.errors import BadParams
from engine.errors import EngineError as RefusedInside
from ringback_client import Client, EngineError, RequestRejected
from ringback_client.errors import INVALID_PARAMS
from tests.support.engines.virtual import MIDDAY, VirtualEngine, run_engine
from tests.support.phones.virtual import Conduct, Step
from tests.support.sites import site
from web.callback_service import CallbackService
from web.errors import Refusal
from web.progress import Followers, is_over
from web.signing import Signing
from web.visitor_request import CallbackForm

SIGNING = Signing(b"s" * 32)
Kind = Literal["real", "listed", "joined", "over limit"]
REAL, LISTED, JOINED, OVER_LIMIT = (f"+44207946010{number}" for number in range(4))
OTHERS = [f"+44207946011{number}" for number in range(9)]
FIRST = "+442079460120"
"""Whose callback is there before, so that something is known of the site."""
KINDS: dict[Kind, str] = {
    "real": REAL,
    "listed": LISTED,
    "joined": JOINED,
    "over limit": OVER_LIMIT,
}
RING_S = 20.0
SILENT_PHONE: list[Conduct] = [(Step(1.0, "rings"),)]


class Engine:
    """Takes the place of the client: asks the engine as the control socket would."""

    def __init__(self, engine: VirtualEngine) -> None:
        self._engine = engine

    async def call(self, method: str, /, **params: Any) -> Any:
        try:
            return await self._engine.ask(method, **params)
        except RefusedInside as error:
            raise EngineError(error.kind, error.message, error.field, error.data) from None
        except BadParams as error:
            raise RequestRejected(INVALID_PARAMS, "no", {"field": error.field}) from None


class Visitors:
    """Visitors of a site, each with a request of their own."""

    def __init__(self, engine: VirtualEngine, of: Site) -> None:
        self.engine, self.site = engine, of
        self.service = CallbackService(cast(Client, Engine(engine)), SIGNING, Followers(99))
        self._count = 0
        self.began = 0.0

    async def ask(self, number: str, *, is_called: bool = True, when: Any = "now") -> str:
        """Ask for a callback; gives its id."""
        self._count += 1
        form = CallbackForm(number=number, key=f"request-{self._count}", when=when)
        callback_id = SIGNING.callback_id(self.site.key, form.key)
        offered = [when] if when != "now" else []
        self.began = time.time()
        progress = await self.service.request(
            callback_id, self.site, form, "192.0.2.7", is_called=is_called, offered=offered
        )
        assert (progress["id"], progress["stage"]) == (callback_id, "queued")
        await asyncio.sleep(0.05)
        return callback_id

    async def try_number(self, kind: Kind, **more: Any) -> str:
        """Ask for a number of this kind."""
        return await self.ask(KINDS[kind], is_called=kind != "over limit", **more)

    async def follow(self, callback_id: str, for_s: float = 300.0) -> list[tuple[float, str, Any]]:
        """What a visitor sees, each with when: the stage and the time of the callback."""
        seen: list[tuple[float, str, Any]] = []
        until = time.time() + for_s
        while time.time() < until:
            progress = await self.service.progress(callback_id)
            assert progress["id"] == callback_id
            if not seen or seen[-1][1:] != (progress["stage"], progress["at"]):
                seen.append((time.time() - self.began, progress["stage"], progress["at"]))
            if is_over(progress):
                break
            await asyncio.sleep(0.1)
        return seen

    async def kept(self, callback_id: str) -> list[Any]:
        """What is kept of it, without what is of the one request: events with their time."""
        found = await self.service.kept(callback_id)
        events = [(one["type"], one["time"] - self.began) for one in found["events"]]
        ended = found["ended_at"] and found["ended_at"] - self.began
        return [found["state"], found["rating"], found["not_before"], ended, events]

    async def availability(self) -> list[Any]:
        found = await self.service.availability(self.site)
        names = ("open", "agents_free", "free", "opens_at")
        return [found.get(name) for name in names]

    async def refused(self, act: Awaitable[Any]) -> tuple[Any, ...]:
        with pytest.raises(Refusal) as caught:
            await act
        why = caught.value
        return why.status, why.reason, why.field, why.retry_after_s, why.opens_at


def watched(
    tmp_path: Path,
    kind: Kind,
    script: Callable[[Visitors], Awaitable[Any]],
    *,
    of: Site | None = None,
    is_known: bool = True,
    **sections: Any,
) -> Any:
    """What the script sees with a number of this kind, at a site of which something is known."""
    seen: list[Any] = []

    async def main(engine: VirtualEngine) -> None:
        visitors = Visitors(engine, of or site())
        playing = asyncio.create_task(visitors.service.player.play())
        if is_known:
            await visitors.follow(await visitors.ask(FIRST))
        await engine.ask("number.block", number=LISTED)
        later = {"to": JOINED, "agent": "bert", "not_before": MIDDAY + 9e6}
        await engine.ask("callback.request", **later)
        called = set(engine.world.network.by_user)
        seen.append(await script(visitors))
        phones = set(engine.world.network.by_user) - called
        assert kind in ("real", "joined") or KINDS[kind] not in phones
        playing.cancel()

    configured: dict[str, Any] = {
        "trunks": [Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        "routes": [Route(prefix="+", trunks=["pbx"])],
        "queues": [Queue(name="sales")],
        "dial": Dial(ring_s=RING_S, retry_s=15.0, max_attempts=2),
        "agents": [
            Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["sales"]),
            Agent(name="bert", uri="sip:bert@127.0.0.1:5081"),
        ],
    }
    numbers = (*KINDS.values(), *OTHERS, FIRST)
    agent: list[Conduct] = [(Step(0.3, "rings"), Step(2.0, "answers"))]
    conducts: dict[str, Sequence[Conduct]] = {
        "alice": agent,
        "bert": agent,
        "desk": agent,
        **dict.fromkeys(numbers, SILENT_PHONE),
    }
    run_engine(tmp_path, main, conducts=conducts, **(configured | sections))
    return seen[0]


def is_alike(one: Any, other: Any, near_s: float) -> bool:
    """Whether two say the same, with times that are as near as those of two real ones."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < near_s + 0.05 * max(abs(one), abs(other))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(is_alike, one, other, repeat(near_s)))
    return bool(one == other)


async def whole_course(visitors: Visitors, kind: Kind) -> Any:
    """From the request to the end, and what is kept, rated and erased then."""
    callback_id = await visitors.try_number(kind)
    seen: list[Any] = [await visitors.availability(), await visitors.follow(callback_id)]
    seen += [await visitors.kept(callback_id), await visitors.availability()]
    for act in (visitors.service.rate(callback_id, 5), visitors.service.cancel(callback_id)):
        seen.append(await visitors.refused(act))
    await visitors.service.erase(callback_id)
    return [*seen, await visitors.kept(callback_id)]


async def cancelled(visitors: Visitors, kind: Kind, after_s: float) -> Any:
    """It is cancelled after a while; the next one finds the agent free."""
    callback_id = await visitors.try_number(kind)
    await asyncio.sleep(after_s)
    seen: list[Any] = [await visitors.availability()]
    seen.append((await visitors.service.cancel(callback_id))["stage"])
    seen += [await visitors.follow(callback_id), await visitors.kept(callback_id)]
    return [
        *seen,
        await visitors.availability(),
        await visitors.follow(await visitors.ask(OTHERS[0])),
    ]


async def all_busy(visitors: Visitors, kind: Kind) -> Any:
    """It waits until the agent is there."""
    ask = visitors.engine.ask
    await ask("agent.pause", agent="alice")
    callback_id = await visitors.try_number(kind)
    seen: list[Any] = [await visitors.follow(callback_id, 30.0), await visitors.kept(callback_id)]
    await ask("agent.ready", agent="alice")
    return [*seen, await visitors.follow(callback_id), await visitors.kept(callback_id)]


async def in_line(visitors: Visitors, kind: Kind) -> Any:
    """It waits behind one that came before, and is not behind one that came later."""
    ask = visitors.engine.ask
    await ask("agent.pause", agent="alice")
    await visitors.ask(OTHERS[0])
    await asyncio.sleep(2)
    callback_id = await visitors.try_number(kind)
    await asyncio.sleep(2)
    await visitors.ask(OTHERS[1])
    await ask("agent.ready", agent="alice")
    return await visitors.follow(callback_id, 60.0)


async def expired(visitors: Visitors, kind: Kind) -> Any:
    await visitors.engine.ask("agent.pause", agent="alice")
    callback_id = await visitors.try_number(kind)
    seen = await visitors.follow(callback_id)
    return [seen, await visitors.kept(callback_id)]


async def refused(visitors: Visitors, kind: Kind) -> Any:
    return await visitors.refused(visitors.try_number(kind))


async def into_a_full_queue(visitors: Visitors, kind: Kind) -> Any:
    await visitors.engine.ask("agent.pause", agent="alice")
    await visitors.ask(OTHERS[0])
    return [await visitors.availability(), await refused(visitors, kind)]


async def fills_the_queue(visitors: Visitors, kind: Kind) -> Any:
    """The queue has room for one."""
    await visitors.engine.ask("agent.pause", agent="alice")
    callback_id = await visitors.try_number(kind)
    seen = [await visitors.availability(), await visitors.refused(visitors.ask(OTHERS[0]))]
    await visitors.service.cancel(callback_id)
    return [
        *seen,
        await visitors.availability(),
        await visitors.follow(await visitors.ask(OTHERS[0]), 5.0),
    ]


async def fills_the_slot(visitors: Visitors, kind: Kind) -> Any:
    """The slot has room for one: it is taken, used, and refused to the next one."""
    at = MIDDAY // 1800 * 1800 + 3600
    callback_id = await visitors.try_number(kind, when=at)
    seen: list[Any] = [await visitors.refused(visitors.ask(OTHERS[0], when=at))]
    seen.append(await visitors.follow(callback_id, 1.0))
    await asyncio.sleep(at - 5 - time.time())
    seen.append(await visitors.follow(callback_id))
    return [*seen, await visitors.kept(callback_id)]


async def into_a_full_slot(visitors: Visitors, kind: Kind) -> Any:
    at = MIDDAY // 1800 * 1800 + 3600
    await visitors.ask(OTHERS[0], when=at)
    return await visitors.refused(visitors.try_number(kind, when=at))


async def uses_up_a_limit(visitors: Visitors, kind: Kind) -> Any:
    """The visitor may ask three times an hour: once before, and once more afterwards."""
    callback_id = await visitors.try_number(kind)
    await visitors.service.cancel(callback_id)
    await visitors.service.cancel(await visitors.ask(OTHERS[0]))
    return await visitors.refused(visitors.ask(OTHERS[1]))


CLOSED = Calendar.model_validate({"name": "night", "zone": "UTC", "hours": ["mon-fri 22:00-23:00"]})
STEPS = [
    {"name": "hello", "kind": "say", "text": "Hello.", "next": "end"},
    {"name": "end", "kind": "connect"},
]
MENU = Script.model_validate({"name": "ask", "steps": STEPS})
OF_ALICE, OF_A_PHONE = (
    site(queue="", agent=agent) for agent in ("alice", "sip:desk@127.0.0.1:5082")
)
SMALL = {"queues": [Queue(name="sales", max_length=1)]}
FIRST_CALLED = Rule.model_validate({"name": "first", "set": {"order": "customer_first"}})
STATES: dict[str, tuple[Any, dict[str, Any]]] = {
    "an_agent_is_free": (whole_course, {}),
    "nothing_is_known_of_the_site": (whole_course, {"is_known": False}),
    "a_site_with_a_script": (whole_course, {"of": site(customer_script="ask"), "scripts": [MENU]}),
    "an_agent_by_name": (whole_course, {"of": OF_ALICE}),
    "a_phone": (whole_course, {"of": OF_A_PHONE}),
    "the_customer_is_called_first": (whole_course, {"rules": [FIRST_CALLED]}),
    "cancelled_while_the_agent_rings": (partial(cancelled, after_s=1.0), {}),
    "cancelled_while_the_phone_rings": (partial(cancelled, after_s=8.0), {}),
    "cancelled_between_two_attempts": (partial(cancelled, after_s=30.0), {}),
    "all_are_busy": (all_busy, {}),
    "the_agent_by_name_is_busy": (all_busy, {"of": OF_ALICE}),
    "in_line": (in_line, {}),
    "nobody_comes": (expired, {"of": site(max_wait_s=120)}),
    "closed": (
        refused,
        {
            "is_known": False,
            "queues": [Queue(name="sales", calendar="night")],
            "calendars": [CLOSED],
        },
    ),
    "full": (into_a_full_queue, SMALL),
    "one_more_makes_it_full": (fills_the_queue, SMALL),
    "a_free_slot": (fills_the_slot, {}),
    "a_full_slot": (into_a_full_slot, {}),
    "a_limit_of_the_visitor": (uses_up_a_limit, {"limits": Limits(source=Limit(per_hour=3))}),
}


@pytest.mark.parametrize("state", STATES)
def test_each_number_shows_the_same(tmp_path: Path, state: str) -> None:
    script, given = STATES[state]
    shown = {
        kind: watched(tmp_path / kind, kind, partial(script, kind=kind), **given) for kind in KINDS
    }
    near_s = 1.0 if given.get("is_known", True) else 15.0
    for kind in KINDS:
        assert is_alike(shown[kind], shown["real"], near_s), kind


@pytest.mark.parametrize("kind", ["listed", "over limit"])
def test_nobody_is_rung_for_one_that_is_not_called(tmp_path: Path, kind: Kind) -> None:
    async def script(visitors: Visitors) -> list[int]:
        network = visitors.engine.world.network
        before = len(network.calls)
        await visitors.follow(await visitors.try_number(kind))
        return [len(network.calls) - before]

    assert watched(tmp_path, kind, script) == [0]
