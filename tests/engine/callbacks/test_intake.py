"""How a request becomes a job: refused, joined, replayed or taken; and what each leaves behind."""

import asyncio
import sqlite3
import time
from decimal import Decimal
from typing import Any, Literal

import pytest

import ringback_client
from config.calendars import Calendar
from config.choices import OnCrash
from config.policy import Hours, Limit, Limits
from config.queues import Queue
from config.retry import RetryRule
from config.rules import Rule
from config.settings import Settings
from engine.callbacks.intake import AcceptedRequest
from engine.daemon import Daemon
from engine.errors import BadParams, EngineError
from engine.job import AttemptRecord, LegRecord
from engine.job import RetryRule as JobRule
from engine.request import CallbackRequest, RetrySpec
from engine.store.batch import EventRow
from engine.store.errors import StoreError
from tests.support.engines.in_process import RunningEngine, running

NUMBER = "+442079460123"
LATER = 4e9


def asked(**params: Any) -> CallbackRequest:
    """A request that waits for a long time, unless given otherwise."""
    given: dict[str, Any] = {"to": NUMBER, "agent": "alice", "not_before": LATER} | params
    return CallbackRequest(**{name: value for name, value in given.items() if value is not None})


def changed(settings: Settings, **sections: Any) -> Settings:
    return settings.model_copy(update=sections)


@pytest.fixture
def daemon(engine: RunningEngine) -> Daemon:
    return engine.daemon


async def refused_by_intake(daemon: Daemon, **params: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await daemon.intake.accept(asked(**params))
    return caught.value


async def test_a_request_becomes_a_job_that_is_on_the_disk(daemon: Daemon) -> None:
    accepted = await daemon.intake.accept(
        asked(site="shop", source="192.0.2.1", skills={"german": 2}, script="gold", numbers=[])
    )
    job, replayed = accepted.job, accepted.replayed
    assert not replayed
    assert (job.called, job.request.site, job.request.source) == (NUMBER, "shop", "192.0.2.1")
    assert (job.request.skills, job.request.script) == ({"german": 2}, "gold")
    assert daemon.dispatcher.job(job.id) is job
    with sqlite3.connect(daemon.settings.store.path) as connection:
        assert connection.execute("SELECT id, called FROM jobs").fetchall() == [(job.id, NUMBER)]


# -- one open job for each number -----------------------------------------------------------------


async def test_a_second_request_joins_the_open_job(daemon: Daemon) -> None:
    first = await daemon.intake.accept(asked(id="first"))
    second = await daemon.intake.accept(asked(id="second", to="020 7946 0123"))
    assert (second.job, second.replayed) == (first.job, False)
    assert second.joined is not None
    assert first.job.joined == 1
    again = await daemon.intake.accept(asked(id="second", to="020 7946 0123"))
    assert (again.job, again.joined, again.replayed) == (first.job, second.joined, True)
    assert first.job.joined == 1
    with pytest.raises(EngineError, match="other parameters"):
        await daemon.intake.accept(asked(id="second", priority=3))
    assert daemon.intake.find("second") is first.job


async def test_joined_requests_are_known_after_a_restart(settings: Settings) -> None:
    async with running(settings) as (daemon, _client):
        await daemon.intake.accept(asked(id="first"))
        await daemon.intake.accept(asked(id="second"))
    async with running(settings) as (daemon, _client):
        again = await daemon.intake.accept(asked(id="second"))
        assert (again.job.id, again.job.joined, again.replayed) == ("first", 1, True)
        third = await daemon.intake.accept(asked(id="third"))
        assert (third.job.id, third.job.joined) == ("first", 2)


async def test_many_requests_for_one_number_at_once_are_one_job(daemon: Daemon) -> None:
    taken = await asyncio.gather(*(daemon.intake.accept(asked(id=f"r-{n}")) for n in range(20)))
    assert len({one.job.id for one in taken}) == 1
    assert sum(one.joined is not None for one in taken) == 19
    assert taken[0].job.joined == 19


async def test_requests_that_do_not_join(daemon: Daemon) -> None:
    first = await daemon.intake.accept(asked())
    apart = await daemon.intake.accept(asked(join=False))
    assert apart.job is not first.job
    persons = [await daemon.intake.accept(asked(to="sip:bob@127.0.0.1")) for _ in range(2)]
    assert persons[0].job is not persons[1].job
    await daemon.dispatcher.cancel(first.job)
    await daemon.dispatcher.cancel(apart.job)
    after = await daemon.intake.accept(asked())
    assert after.joined is None


async def test_an_accepted_job_and_its_event_are_one_transaction(daemon: Daemon) -> None:
    seen: list[list[str]] = []

    def committed(events: list[EventRow]) -> None:
        with sqlite3.connect(daemon.store.path) as disk:
            found = disk.execute("SELECT id FROM jobs UNION SELECT key FROM documents "
                                 "WHERE kind = 'joined' ORDER BY 1")  # fmt: skip
            seen.append([event.type for event in events] + [id for (id,) in found])

    await daemon.events.settled()
    daemon.store.listen(committed)
    await daemon.intake.accept(asked(id="first", not_before=4e9))
    await daemon.intake.accept(asked(id="second"))
    assert seen == [["callback.queued", "first"], ["callback.joined", "first", "second"]]


async def test_a_request_whose_job_could_not_be_saved_leaves_nothing(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with monkeypatch.context() as patched:
        patched.setattr(daemon.store, "save", lambda _job, durable=False: failing)
        first = asyncio.create_task(daemon.intake.accept(asked(id="first")))
        await asyncio.sleep(0)
        second = asyncio.create_task(daemon.intake.accept(asked(id="second")))
        await asyncio.sleep(0)
        failing.set_exception(StoreError("disk_full", "the disk is full"))
        with pytest.raises(StoreError):
            await first
        with pytest.raises(EngineError) as caught:
            await second
        assert caught.value.kind == "unavailable"
    assert not daemon.dispatcher.jobs
    assert not daemon.dispatcher.open.of_number(NUMBER)
    assert not (await daemon.intake.accept(asked(id="first"))).replayed


# -- rules and defaults ---------------------------------------------------------------------------


async def test_a_request_without_agent_or_queue_is_refused(daemon: Daemon) -> None:
    with pytest.raises(BadParams) as caught:
        await daemon.intake.accept(asked(agent=None))
    assert caught.value.field == "agent"


async def test_rules_fill_in_what_the_request_leaves_open(settings: Settings) -> None:
    rules = [
        Rule.model_validate(
            {
                "name": "shop",
                "match": {"site": ["shop"]},
                "set": {"agent": "alice", "priority": 7, "whisper": "Shop for {to}"},
            }
        )
    ]
    async with running(changed(settings, rules=rules)) as (daemon, _client):
        job = (await daemon.intake.accept(asked(agent=None, site="shop"))).job
        assert (job.request.agent, job.request.priority) == ("alice", 7)
        assert job.request.whisper == {"template": "Shop for {to}"}
        with pytest.raises(BadParams):
            await daemon.intake.accept(asked(agent=None, to="+442079460999"))


async def test_retries_of_the_configuration_and_of_the_request(settings: Settings) -> None:
    rules = [
        RetryRule(cause="busy", attempts=3, spacing_s=[60.0]),
        RetryRule(cause="no_answer", attempts=2, next_number=False),
    ]
    async with running(changed(settings, retry=rules)) as (daemon, _client):
        job = (
            await daemon.intake.accept(
                asked(numbers=["+442079460999"], retry={"busy": RetrySpec(attempts=4)})
            )
        ).job
        assert job.request.retry["busy"] == JobRule(attempts=4)
        assert not job.request.retry["no_answer"].next_number
        assert job.request.max_attempts == 10
        assert job.request.numbers == ["+442079460999"]


@pytest.mark.parametrize("policy", ["fail", "retry", "ask"])
async def test_what_happens_after_a_crash_is_the_requests_or_the_configurations(
    settings: Settings, policy: OnCrash
) -> None:
    dial = settings.dial.model_copy(update={"on_crash": policy})
    async with running(changed(settings, dial=dial)) as (daemon, _client):
        job = (await daemon.intake.accept(asked(join=False))).job
        assert job.request.on_crash == policy
        job = (await daemon.intake.accept(asked(join=False, on_crash="ask"))).job
        assert job.request.on_crash == "ask"


# -- refused --------------------------------------------------------------------------------------


async def test_each_refusal_says_its_policy(daemon: Daemon) -> None:
    premium = await refused_by_intake(daemon, to="+449098790123")
    assert (premium.kind, premium.data["policy"]) == ("refused", "line_type")
    with_other = await refused_by_intake(daemon, numbers=["+449098790123"])
    assert (with_other.field, with_other.data["policy"]) == ("numbers", "line_type")
    known = await refused_by_intake(daemon, known_agent="nobody")
    assert (known.kind, known.field) == ("refused", "known_agent")
    assert not daemon.dispatcher.jobs


async def test_limits_hold_across_a_restart(settings: Settings) -> None:
    limits = Limits(number=Limit(per_day=2), source=Limit(per_hour=3))
    limited = changed(settings, limits=limits)
    async with running(limited) as (daemon, _client):
        for _ in range(2):
            job = (await daemon.intake.accept(asked(source="192.0.2.1"))).job
            await daemon.dispatcher.cancel(job)
    async with running(limited) as (daemon, _client):
        error = await refused_by_intake(daemon, source="192.0.2.1")
        assert error.data["policy"] == "velocity"
        assert error.data["limit"] == "number"
        await daemon.intake.accept(asked(to="+442079460777", source="192.0.2.1"))
        error = await refused_by_intake(daemon, to="+442079460888", source="192.0.2.1")
        assert (error.data["limit"], error.field) == ("source", "source")
        assert error.data["retry_at"] > time.time()


async def test_a_number_that_visitors_ask_for_is_called_so_often_a_day_also_after_a_restart(
    settings: Settings,
) -> None:
    for first in (0, 2, 4):
        async with running(settings) as (daemon, _client):
            for number in range(first, min(first + 2, 5)):
                given = {"site": f"shop {number}", "source": f"192.0.2.{number}"}
                for cancelled in range(6):  # those before any dial count for nothing
                    once = given | {"source": f"198.51.100.{cancelled}"}
                    job = (await daemon.intake.accept(asked(**once))).job
                    await daemon.dispatcher.cancel(job)
                job = (await daemon.intake.accept(asked(**given))).job
                leg = LegRecord(leg="l", role="customer", uri="sip:x@192.0.2.1", started=1.0)
                job.attempts = [AttemptRecord(call="c", legs=[leg])]
                await daemon.dispatcher.cancel(job)
    async with running(settings) as (daemon, _client):
        error = await refused_by_intake(daemon, site="shop", source="192.0.2.9")
        assert (error.data["policy"], error.data["limit"]) == ("velocity", "number")
        assert "not_before" in error.data  # when another number would be called
        await daemon.intake.accept(asked(site="shop"))  # its own people


async def test_blocking_a_number_ends_its_waiting_jobs(
    settings: Settings,
) -> None:
    async with running(settings) as (daemon, client):
        job = (await daemon.intake.accept(asked())).job
        await client.call("number.block", number=NUMBER, reason="asked us not to")
        assert (job.state, job.result) == ("cancelled", "refused")
        assert job.cause == f"{NUMBER} is not to be called: asked us not to"
        error = await refused_by_intake(daemon)
        assert (error.kind, error.data["policy"]) == ("refused", "do_not_call")
        await client.call("number.unblock", number=NUMBER)
        await daemon.intake.accept(asked())


# -- queues ---------------------------------------------------------------------------------------


async def with_queue(client: ringback_client.Client, **params: Any) -> Any:
    given = {"to": "sip:bob@127.0.0.1:9", "queue": "sales"} | params
    return await client.callback(**given)


async def test_a_queue_accepts_refuses_and_is_full(settings: Settings) -> None:
    queues = [Queue(name="sales", max_length=1)]
    async with running(changed(settings, queues=queues)) as (_daemon, client):
        job = await with_queue(client)
        assert (job["state"], job["queue"], job["agent"]) == ("queued", "sales", None)
        with pytest.raises(ringback_client.EngineError) as unknown:
            await with_queue(client, queue="support")
        assert (unknown.value.kind, unknown.value.field) == ("refused", "queue")
        with pytest.raises(ringback_client.EngineError) as full:
            await with_queue(client)
        assert (full.value.kind, full.value.data["reason"]) == ("unavailable", "full")
        # One that is for later is not held against what the queue is now.
        await with_queue(client, not_before=LATER)
        cancelled = await client.call("callback.cancel", id=job["id"])
        assert cancelled["state"] == "cancelled"
        await with_queue(client)


@pytest.mark.parametrize("when_closed", ["schedule", "refuse"])
async def test_a_closed_queue_says_when_it_opens(
    settings: Settings, when_closed: Literal["schedule", "refuse"]
) -> None:
    tomorrow = time.strftime("%a", time.gmtime(time.time() + 2 * 86400)).lower()
    office = Calendar(name="office", zone="UTC", hours=[f"{tomorrow} 10:00-12:00"])
    queue = Queue(name="sales", calendar="office", when_closed=when_closed)
    sections = {"queues": [queue], "calendars": [office]}
    async with running(changed(settings, **sections)) as (_daemon, client):
        if when_closed == "refuse":
            with pytest.raises(ringback_client.EngineError) as closed:
                await with_queue(client)
            assert (closed.value.kind, closed.value.data["reason"]) == ("unavailable", "closed")
            opens_at = closed.value.data["opens_at"]
        else:
            job = await with_queue(client)
            assert (job["state"], job["scheduled"]) == ("queued", "queue sales is closed")
            opens_at = job["next_attempt_at"]
        assert 86400 < opens_at - time.time() < 3 * 86400
        assert opens_at % 86400 == 10 * 3600


async def test_a_position_that_was_waited_for_is_kept(settings: Settings) -> None:
    queues = [Queue(name="sales")]
    async with running(changed(settings, queues=queues)) as (daemon, _client):
        early = time.time() - 100
        await daemon.intake.accept(asked(agent=None, queue="sales", not_before=None))
        late = (
            await daemon.intake.accept(
                asked(agent=None, queue="sales", not_before=None, to="+442079460999"),
                queue_joined_at=early,
            )
        ).job
        assert late.queue_joined_at == early
        assert daemon.queues.place(late.id) == 1
    # The next engine gives them the same position.
    async with running(changed(settings, queues=queues)) as (daemon, _client):
        assert daemon.queues.place(late.id) == 1


async def test_a_callback_on_key_out_of_hours_waits_from_when_it_may_be_called(
    settings: Settings,
) -> None:
    day = time.strftime("%a", time.gmtime(time.time() + 2 * 86400)).lower()
    hours = Hours(enforce=True, hours=[f"{day} 10:00-12:00"], unknown_zone="UTC")
    sections: dict[str, Any] = {"queues": [Queue(name="sales")], "hours": hours}
    async with running(changed(settings, **sections)) as (daemon, _client):
        request = asked(agent=None, queue="sales", not_before=None)
        job = (await daemon.intake.accept(request, queue_joined_at=time.time() - 3000)).job
        assert job.scheduled is not None and job.request.not_before is not None
    async with running(changed(settings, **sections)) as (daemon, _client):
        again = daemon.dispatcher.job(job.id)
        assert again is not None
        assert again.queue_since == job.request.not_before
        assert again.queue_joined_at == job.queue_joined_at, "the position is that of the call"


async def test_an_overloaded_engine_rings_nobody_more(daemon: Daemon) -> None:
    known = await daemon.intake.accept(asked(id="known", not_before=None, to="+442079460999"))
    daemon.overload.reason = "the engine is overloaded: the media worker is 120 ms late"
    error = await refused_by_intake(daemon, not_before=None)
    assert (error.kind, error.message) == ("unavailable", daemon.overload.reason)
    assert error.data == {"reason": "overload", "retry_after_s": 10}
    assert daemon.overload.view()["refused"] == 1
    assert (await daemon.intake.accept(asked())).job.state == "queued"  # for later
    again = asked(id="known", not_before=None, to="+442079460999")
    replayed = await daemon.intake.accept(again)
    assert replayed.replayed and replayed.job.id == known.job.id
    daemon.overload.reason = None
    await daemon.intake.accept(asked(not_before=None, join=False))


async def test_a_draining_engine_accepts_nothing(daemon: Daemon) -> None:
    known = (await daemon.intake.accept(asked(id="known"))).job
    await daemon.dispatcher.drain(1.0)
    assert (await refused_by_intake(daemon, id="new")).kind == "unavailable"
    assert await daemon.intake.accept(asked(id="known")) == AcceptedRequest(known, replayed=True)


async def test_outsiders_hear_of_the_queue_before_anything_of_the_number(
    settings: Settings,
) -> None:
    number, queue = "+442079460188", Queue(name="small", max_length=1)
    async with running(changed(settings, queues=[queue])) as (daemon, client):
        await daemon.intake.accept(asked(agent=None, queue="small", not_before=None))
        await client.call("number.block", number=number)
        for to in (NUMBER, number, "+442079460189"):
            error = await refused_by_intake(
                daemon, to=to, to_kind="number", agent=None, queue="small", not_before=None
            )
            assert (error.kind, error.data["reason"]) == ("unavailable", "full")
        # A number that is blocked is told where nothing else is wrong.
        error = await refused_by_intake(daemon, to=number, agent=None, queue="small")
        assert error.data["policy"] == "do_not_call"
        joined = await daemon.intake.accept(asked(agent=None, queue="small", not_before=None))
        assert joined.joined is not None


async def test_outsiders_hear_of_limits_before_anything_of_the_number(settings: Settings) -> None:
    limits = Limits(site=Limit(per_hour=1))
    async with running(changed(settings, limits=limits)) as (daemon, client):
        await client.call("number.block", number=NUMBER)
        shop = {"site": "shop.example", "to_kind": "number"}
        error = await refused_by_intake(daemon, **shop)
        assert (error.data["policy"], error.data["not_before"]) == ("do_not_call", LATER)
        await daemon.intake.accept(asked(to="+442079460124", **shop))
        for to in (NUMBER, "+442079460125"):
            error = await refused_by_intake(daemon, to=to, **shop)
            assert (error.data["policy"], error.data["limit"]) == ("velocity", "site")


async def test_outsiders_hear_of_a_rate_that_is_missing_before_anything_of_the_number(
    settings: Settings,
) -> None:
    limits = Limits(total=Limit(cost_per_day=Decimal(5)))
    async with running(changed(settings, limits=limits)) as (daemon, client):
        await client.call("number.block", number=NUMBER)
        for to in (NUMBER, "+442079460125"):
            error = await refused_by_intake(daemon, to=to, to_kind="number")
            assert (error.data["policy"], error.data["limit"]) == ("cost", "rate")


async def test_who_joins_is_told_when_their_own_request_would_have_been_due(
    settings: Settings,
) -> None:
    other_day = time.strftime("%a", time.gmtime(time.time() + 2 * 86400)).lower()
    hours = Hours(enforce=True, hours=[f"{other_day} 10:00-12:00"])
    async with running(changed(settings, hours=hours)) as (daemon, client):
        first = await daemon.intake.accept(asked(deadline=None))
        due = first.job.request.not_before
        again = await client.call("callback.request", to=NUMBER, agent="alice", to_kind="number")
        assert again["joined_to"] == first.job.id
        assert time.time() < again["would_be_due"] < (due or 0.0)
