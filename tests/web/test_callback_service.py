"""What the gateway asks the engine, and what visitors are told where the engine does not do it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast
from unittest.mock import patch

import pytest
from structlog.testing import capture_logs

from ringback_client import Client, ConnectionLost, EngineError, RequestRejected
from ringback_client.errors import INVALID_PARAMS, Kind, NoReply
from tests.support.sites import site
from tests.support.virtual_loop import run
from web import callback_service
from web.callback_service import CallbackService
from web.errors import Refusal
from web.progress import Followers
from web.signing import Signing
from web.visitor_request import CallbackForm

PLAN = {
    "would_be_due": 7e9, "order": "agent_first", "whispers": False, "ring_s": 20.0, "attempts": 1,
    "spacing_s": [],
}  # fmt: skip
FORM = CallbackForm(number="020 7946 0123", key="request-1")
SIGNING = Signing(b"s" * 32)
ID = SIGNING.callback_id("shop-key", FORM.key)
LOST, LATE = ConnectionLost("the engine is gone"), NoReply("no reply")


class ScriptedClient:
    """Takes the client's place: gives each method its replies in turn, the last one for ever."""

    def __init__(self, **replies: Any) -> None:
        self._replies = {name.replace("_", ".", 1): given for name, given in replies.items()}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.streams: list[list[Any]] = []

    async def call(self, method: str, /, **params: Any) -> Any:
        self.asked.append((method, params))
        replies = self._replies[method]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    @asynccontextmanager
    async def events(self, **_given: Any) -> AsyncIterator[AsyncIterator[Any]]:
        """The next stream; without any the engine cannot be reached."""
        if not self.streams:
            raise LOST
        yield self._stream(self.streams.pop(0))

    async def _stream(self, events: list[Any]) -> AsyncIterator[Any]:
        for event in events:
            await asyncio.sleep(1)
            yield event


def service(client: ScriptedClient, most: int = 3) -> CallbackService:
    return CallbackService(cast(Client, client), SIGNING, Followers(most))


def refused(client: ScriptedClient, act: Callable[[CallbackService], Any]) -> Refusal:
    async def script() -> None:
        await act(service(client))

    with pytest.raises(Refusal) as caught:
        run(script())
    return caught.value


def job(**more: Any) -> dict[str, Any]:
    return {"id": ID, "state": "queued", "not_before": None, "bridged_at": None} | more


def error(kind: Kind, field: str | None = None, **data: Any) -> EngineError:
    return EngineError(kind, "no", field, data)


async def ask(of: CallbackService) -> Any:
    return await of.request(ID, site(), FORM, "192.0.2.7")


def test_a_request_that_the_engine_has_already_is_as_far_as_its_job() -> None:
    async def script() -> None:
        there = job(state="bridged", to="+442079460123")
        client = ScriptedClient(callback_request=[error("conflict")], callback_get=[there])
        under_test = service(client)
        assert not under_test.has_accepted(ID, site(), FORM)
        assert (await ask(under_test))["stage"] == "talking"
        assert under_test.has_accepted(ID, site(), FORM)

    run(script())


def test_only_the_latest_requests_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_service, "MOST_ACCEPTED", 2)

    async def script() -> None:
        under_test = service(ScriptedClient(callback_request=[job()]))
        ids = [SIGNING.callback_id("shop-key", str(number)) for number in range(3)]
        for one in ids:
            await under_test.request(one, site(), FORM, "192.0.2.7")
        known = [under_test.has_accepted(one, site(), FORM) for one in ids]
        assert known == [False, True, True]

    run(script())


@pytest.mark.parametrize("change", [{"number": "020 7946 0124"}, {"when": 1_800_000_000.0}])
def test_the_same_key_for_another_number_or_time_is_refused(change: dict[str, Any]) -> None:
    async def script() -> None:
        under_test = service(ScriptedClient(callback_request=[job()]))
        await ask(under_test)
        same = CallbackForm(number="+44 (0)20 7946-0123", key=FORM.key)
        assert under_test.has_accepted(ID, site(), same)
        given: dict[str, Any] = {"number": FORM.number, "key": FORM.key} | change
        with pytest.raises(Refusal) as caught:
            under_test.has_accepted(ID, site(), CallbackForm(**given))
        assert (caught.value.status, caught.value.reason) == (409, "changed")

    run(script())


def test_the_engine_still_knows_for_which_number_a_key_was_after_a_restart() -> None:
    async def script() -> None:
        for to, is_same in (("+442079460123", True), ("erased", True), ("+442079460199", False)):
            client = ScriptedClient(callback_request=[error("conflict")], callback_get=[job(to=to)])
            if is_same:
                assert (await ask(service(client)))["stage"] == "queued"
                continue
            with pytest.raises(Refusal) as caught:
                await ask(service(client))
            assert (caught.value.status, caught.value.reason) == (409, "changed")

    run(script())


@pytest.mark.parametrize(
    ("why", "status", "reason"),
    [
        (error("unavailable", reason="full"), 503, "busy"),
        (error("unavailable"), 503, "busy"),
        (error("unavailable", "slot", reason="slot_full"), 409, "slot"),
        (error("refused", policy="hours", opens_at=5.0), 409, "closed"),
        (error("unavailable", reason="closed"), 409, "closed_now"),
        (error("refused", "to", policy="destination"), 422, "number"),
        (error("refused", "to"), 422, "invalid_number"),
        (error("refused", "queue"), 503, "engine"),
        (error("refused", policy="velocity", limit="site", retry_at=5e9), 429, "too_many"),
        (error("refused", policy="cost", limit="total"), 429, "too_many"),
        (error("refused", "to", policy="cost", limit="rate"), 422, "number"),
        (RequestRejected(INVALID_PARAMS, "no", {"field": "to"}), 422, "invalid_number"),
        (RequestRejected(INVALID_PARAMS, "no", {"field": "queue"}), 400, "bad_request"),
        (LOST, 503, "engine"),
        (LATE, 503, "engine"),
    ],
)
def test_why_the_engine_does_not_call(why: Exception, status: int, reason: str) -> None:
    refusal = refused(ScriptedClient(callback_request=[why]), ask)
    assert (refusal.status, refusal.reason) == (status, reason)


@pytest.mark.parametrize("policy", ["do_not_call", "velocity", "cost"])
def test_who_must_not_be_called_is_told_as_if_they_were(policy: str) -> None:
    """And when, where the hours of the number or the queue have moved that."""

    async def script() -> None:
        refusal = error("refused", "to", policy=policy, limit="number", not_before=7e9)
        joined = job(id="other", joined_to="other", would_be_due=7e9)
        for reply in (refusal, joined):
            client = ScriptedClient(callback_request=[reply], callback_feign=[PLAN])
            accepted = await ask(service(client))
            assert (accepted["stage"], accepted["at"]) == ("queued", 7e9)
            assert client.asked[0][1] == client.asked[1][1]

    run(script())


def test_a_request_whose_connection_was_lost_is_sent_once_more() -> None:
    async def script() -> None:
        client = ScriptedClient(callback_request=[LOST, job()])
        assert (await ask(service(client)))["stage"] == "queued"
        assert client.asked[0] == client.asked[1]

    run(script())


def test_a_rating_is_written_back() -> None:
    async def script() -> None:
        client = ScriptedClient(callback_get=[job(bridged_at=5.0)], callback_annotate=[{}])
        await service(client).rate(ID, 5)
        assert client.asked[-1] == ("callback.annotate", {"id": ID, "rating": 5})

    run(script())


def test_a_rating_that_the_engine_does_not_take_is_asked_for_again() -> None:
    client = ScriptedClient(
        callback_get=[job(bridged_at=5.0)], callback_annotate=[error("unavailable")]
    )
    refusal = refused(client, lambda of: of.rate(ID, 5))
    assert (refusal.status, refusal.reason, refusal.retry_after_s) == (503, "engine", 2.0)


def test_a_callback_that_the_engine_does_not_cancel() -> None:
    client = ScriptedClient(callback_get=[job()], callback_cancel=[error("unavailable")])
    refusal = refused(client, lambda of: of.cancel(ID))
    assert (refusal.status, refusal.reason) == (503, "engine")


def test_a_queue_that_the_engine_does_not_know_is_no_answer() -> None:
    client = ScriptedClient(queue_availability=[error("not_found", "queue")])
    assert refused(client, lambda of: of.availability(site(slot_callbacks=2))).reason == "engine"
    of_agent = ScriptedClient(agent_availability=[error("refused", "agent")])
    asks = site(queue="", agent="alice")
    assert refused(of_agent, lambda of: of.availability(asks)).reason == "engine"
    assert of_agent.asked == [("agent.availability", {"agent": "alice", "days": 7, "slot_min": 30})]


def test_a_phone_in_place_of_an_agent_is_open_and_has_no_slots() -> None:
    async def script() -> None:
        client = ScriptedClient(agent_availability=[error("not_found", "agent")])
        found = await service(client).availability(site(queue="", agent="sip:desk@192.0.2.1"))
        assert (found["open"], found["free"], found["slots"]) == (True, None, [])

    run(script())


def test_followers_hear_of_their_job_of_a_gap_and_of_an_engine_that_is_back() -> None:
    async def script() -> None:
        client = ScriptedClient()
        client.streams = [
            [{"type": "callback.bridged", "job": ID}, {"type": "client.gap"}, {"type": "callback."}]
        ]
        under_test = service(client)
        loop, heard = asyncio.get_running_loop(), []
        async with under_test.followers.following(ID) as changed:
            following = loop.create_task(under_test.follow_events())
            for _ in range(4):  # the stream begins, its two events, and the next stream
                await changed.wait()
                changed.clear()
                heard.append(loop.time())
                if len(heard) == 3:
                    client.streams = [[]]
            following.cancel()
        assert heard == pytest.approx([0.0, 1.0, 2.0, 3.0])

    run(script())


def test_an_engine_that_is_gone_is_tried_again_after_a_while() -> None:
    async def script() -> None:
        client = ScriptedClient()
        under_test = service(client)
        loop = asyncio.get_running_loop()
        async with under_test.followers.following(ID) as changed:
            following = loop.create_task(under_test.follow_events())
            await asyncio.sleep(1)
            client.streams = [[]]
            await changed.wait()
            following.cancel()
        assert loop.time() == pytest.approx(2.0)

    run(script())


def test_the_menus_of_a_site_go_with_its_callbacks() -> None:
    async def script() -> None:
        client = ScriptedClient(callback_request=[job()])
        menus = {"customer_script": "ask", "agent_script": "greet", "after_script": "rate"}
        of = service(client)
        await of.request(ID, site(script="Be kind.", **menus), FORM, "192.0.2.7")
        _method, params = client.asked[0]
        assert menus.items() <= params.items()
        assert params["script"] == "Be kind."
        await of.request(ID, site(), FORM, "192.0.2.7")
        assert not menus.keys() & client.asked[1][1].keys()

    run(script())


def test_the_owner_of_a_site_is_told_what_the_engine_does_not_know() -> None:
    with capture_logs() as said:
        refusal = refused(ScriptedClient(callback_request=[error("refused", "after_script")]), ask)
    assert refusal.reason == "engine"
    assert [(one["event"], one["field"]) for one in said] == [("refused_by_engine", "after_script")]


def kept(**replies: Any) -> Any:
    """What the gateway says it keeps of a request whose job has ended."""
    client = ScriptedClient(**replies)

    async def script() -> Any:
        return await service(client).kept(ID)

    return run(script())


OVER = {
    "to": "+442079460123", "created": 1.0, "context": {}, "rating": None, "ended_at": 9.0,
    "state": "completed",
}  # fmt: skip


def test_what_is_kept_of_a_request_is_collected_page_by_page() -> None:
    event = {"type": "callback.queued", "time": 2.0, "agent": "anna"}
    pages = [
        {"items": [{"kind": "event", "data": event}, {"kind": "job", "data": {}}], "cursor": "2"},
        {"items": [{"kind": "recording", "data": {"bytes": 80}}] * 2, "cursor": None},
    ]
    found = kept(callback_get=[job(**OVER)], person_export=pages)
    assert found["events"] == [{"type": "callback.queued", "time": 2.0}]
    assert (found["recorded_bytes"], found["to"]) == (160, "+442079460123")


def test_of_a_request_that_nobody_knows_any_more_its_id_is_left() -> None:
    assert kept(callback_get=[error("not_found")]) == {"id": ID}


def test_an_engine_that_exports_nothing_now_is_asked_again_later() -> None:
    client = ScriptedClient(callback_get=[job(**OVER)], person_export=[error("unavailable")])
    refusal = refused(client, lambda of: of.kept(ID))
    assert (refusal.status, refusal.reason, refusal.retry_after_s) == (503, "engine", 2.0)


@pytest.mark.parametrize(
    ("replies", "status", "reason"),
    [
        ({"callback_get": [job()]}, 409, "not_over"),
        ({"callback_get": [job(**OVER)], "person_erase": [error("state")]}, 409, "not_over"),
        ({"callback_get": [job(**OVER)], "person_erase": [error("unavailable")]}, 503, "engine"),
    ],
)
def test_what_is_not_erased_now(replies: dict[str, Any], status: int, reason: str) -> None:
    refusal = refused(ScriptedClient(**replies), lambda of: of.erase(ID))
    assert (refusal.status, refusal.reason) == (status, reason)


def test_erasing_names_the_job_or_the_request_that_made_none() -> None:
    client = ScriptedClient(callback_get=[error("not_found")], person_erase=[{}])
    run(service(client).erase(ID))  # the audit log may have it from before a restart
    assert client.asked[-1] == ("person.erase", {"request": ID})
    client = ScriptedClient(callback_get=[job(**OVER)], person_erase=[{}])
    run(service(client).erase(ID))
    assert client.asked[-1] == ("person.erase", {"job": ID})


def test_cancelling_a_request_that_a_restart_forgot_says_that_it_is_cancelled() -> None:
    async def script() -> None:
        cancelled = await service(ScriptedClient(callback_get=[error("not_found")])).cancel(ID)
        assert cancelled == {"id": ID, "stage": "cancelled", "at": None}

    run(script())


@pytest.mark.parametrize(
    ("offered", "at", "start"),
    [
        ([9e9], 9e9, 9e9),
        ([9e9, 9e9 + 1800], 9e9 + 1900, 9e9 + 1800),
        ([9e9, 9e9 + 5400], 9e9 + 3700, 9e9 + 3600),  # a full one between two that are offered
        ([9e9 + 60], 9e9 + 59, 9e9 + 60 - 1800),
        ([], 9e9 + 7, 9e9),
    ],
)
def test_a_slot_is_one_of_those_that_the_engine_counts(
    offered: list[float], at: float, start: float
) -> None:
    found = callback_service._slot_of(site(slot_min=30), at, offered)
    assert found == {"start": start, "end": start + 1800}


def test_who_is_over_a_limit_is_refused_like_any_other() -> None:
    """Where the queue is full, or closed: the engine is asked about all but the number."""
    for why, reason in (
        (error("unavailable", reason="full"), "busy"),
        (error("refused", policy="hours", opens_at=5.0), "closed"),
        (error("refused", policy="velocity", limit="site", retry_at=5e9), "too_many"),
    ):
        client = ScriptedClient(callback_feign=[why])

        async def ask_uncalled(of: CallbackService) -> Any:
            return await of.request(ID, site(), FORM, "192.0.2.7", is_called=False)

        assert refused(client, ask_uncalled).reason == reason


def test_one_that_is_not_called_counts_where_others_wait() -> None:
    """What the engine is asked and says of a queue has them, until they are cancelled."""

    async def script() -> None:
        free = {"agents_free": 1, "open": True}
        client = ScriptedClient(
            callback_feign=[PLAN | {"would_be_due": None}],
            callback_request=[job()],
            callback_get=[error("not_found")],
            queue_availability=[free],
        )
        under_test = service(client)
        await under_test.request(ID, site(), FORM, "192.0.2.7", is_called=False)
        await asyncio.sleep(0)
        with patch(
            "web.uncalled.uncalled_requests.UncalledRequests.places", lambda _self, _party: 2
        ):
            await under_test.request("web-2", site(), FORM, "192.0.2.7")
            assert (await under_test.availability(site()))["agents_free"] == 1
        asked = [params.get("queue_taken", params.get("taken")) for _method, params in client.asked]
        assert asked == [None, 2, 2]
        with patch(
            "web.uncalled.uncalled_requests.UncalledRequests.active", lambda _self, _party: 2
        ):
            assert (await under_test.availability(site()))["agents_free"] == 0

    run(script())


SLOW_S = 1.3


class SlowClient(ScriptedClient):
    """An engine that reads a long event log."""

    async def call(self, method: str, /, **params: Any) -> Any:
        reply = await super().call(method, **params)
        if method.startswith("person."):
            await asyncio.sleep(SLOW_S)
        return reply


async def how_long(act: Awaitable[Any]) -> float:
    began = asyncio.get_running_loop().time()
    await act
    return asyncio.get_running_loop().time() - began


def test_to_see_and_erase_takes_as_long_for_one_that_is_not_called_as_for_any_other() -> None:
    over, erased = job(**OVER), job(**OVER) | {"to": "erased"}
    none = error("not_found")
    page: dict[str, Any] = {"items": [], "cursor": None}

    async def script(whose: str, *, is_called: bool) -> list[float]:
        replies = [over, over, erased, erased] if is_called else [none]
        client = SlowClient(
            callback_feign=[PLAN], callback_get=replies, person_export=[page], person_erase=[{}]
        )
        under_test = service(client)
        if not is_called:
            await under_test.request(ID, site(), FORM, "192.0.2.7", is_called=False)
            assert (await under_test.cancel(ID))["stage"] == "cancelled"
            under_test._uncalled._clock = lambda: time.time() + 1.0
        times = []
        for _before_and_after in range(2):
            times += [await how_long(under_test.kept(ID)), await how_long(under_test.erase(ID))]
        asked = [each for each in client.asked if each[0].startswith("person.")]
        assert asked == [
            ("person.export", {whose: ID, "cursor": None}), ("person.erase", {whose: ID}),
        ]  # fmt: skip
        return times

    real = run(script("job", is_called=True))
    assert real == pytest.approx([SLOW_S, SLOW_S, 0.0, 0.0])
    assert run(script("request", is_called=False)) == pytest.approx(real)


def test_one_that_is_not_called_is_erased_only_once_the_engine_has() -> None:
    async def script() -> None:
        client = ScriptedClient(
            callback_feign=[PLAN], callback_get=[error("not_found")],
            person_export=[{"items": [], "cursor": None}], person_erase=[error("unavailable"), {}],
        )  # fmt: skip
        under_test = service(client)
        await under_test.request(ID, site(), FORM, "192.0.2.7", is_called=False)
        with pytest.raises(Refusal) as caught:
            await under_test.erase(ID)
        assert caught.value.reason == "not_over"
        await under_test.cancel(ID)
        under_test._uncalled._clock = lambda: time.time() + 1.0
        with pytest.raises(Refusal):
            await under_test.erase(ID)
        found = await under_test.kept(ID)
        assert (found["to"], found["state"]) == ("+442079460123", "cancelled")
        assert found["events"] and found["recorded_bytes"] == 0
        await under_test.erase(ID)
        found = await under_test.kept(ID)
        assert (found["to"], found["events"], found["recorded_bytes"]) == ("erased", [], 0)
        with pytest.raises(Refusal) as caught:
            await under_test.cancel(ID)
        assert caught.value.reason == "over"

    run(script())
