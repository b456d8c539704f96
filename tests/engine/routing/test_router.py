"""The router: facts from requests, calls and the store, and requests filled by the rules."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from engine.job import AttemptRecord, Job, Request
from engine.request import CallbackRequest, DetectSpec, WhisperSpec
from engine.routing.conditions import CallerHistory, Facts
from engine.routing.router import Router
from engine.store.errors import StoreError
from engine.store.store import Store

NUMBER = "+442079460123"


def router(*rules: dict[str, Any], **parts: Any) -> Router:
    named = [{"name": f"r{index}"} | rule for index, rule in enumerate(rules)]
    settings = Settings.model_validate({"rules": named})
    return Router(settings, **parts)


def asked(**params: Any) -> CallbackRequest:
    return CallbackRequest(to=params.pop("to", NUMBER), **params)


def filled(rule: dict[str, Any], **params: Any) -> CallbackRequest:
    return router(rule).route(asked(**params), CallerHistory(), time.time())[0]


def test_without_rules_a_request_stays_as_it_is() -> None:
    request = asked(agent="alice")
    assert router().route(request, CallerHistory(), 0.0)[0] is request


def test_facts_of_a_request() -> None:
    facts = router().facts(
        asked(
            to="020 7946 0123", agent="alice", context={"site": "shop"}, priority=0, record=False
        ),
        CallerHistory(callbacks=2),
        5.0,
    )
    assert (facts.number, facts.region, facts.line_type) == (NUMBER, "GB", "fixed_line")
    assert (facts.kind, facts.agent, facts.site, facts.now) == ("callback", "alice", "shop", 5.0)
    assert facts.given == {"agent": "alice", "priority": 0, "record": False}
    assert facts.history.callbacks == 2
    assert router().facts(asked(to="sip:+442079460123@pbx"), CallerHistory(), 0.0).number == NUMBER
    assert router().facts(asked(to="sip:bob@pbx"), CallerHistory(), 0.0).number is None
    assert router().facts(asked(context={"site": 5}), CallerHistory(), 0.0).site is None


def test_a_rule_says_whether_it_is_told_who_answers() -> None:
    rule = {"set": {"detect": {"voicemail": "hangup", "wait": False}}}
    detect = filled(rule).detect
    assert isinstance(detect, DetectSpec)
    assert detect.asked() == {"enabled": True, "wait": False, "voicemail": "hangup"}
    assert filled(rule, detect=False).detect is False
    assert filled({"set": {"detect": True}}).detect is True
    assert filled({"set": {"detect": False}}).detect is False


def test_what_is_left_open_is_filled() -> None:
    request = filled(
        {"set": {"agent": "bob", "priority": 7, "record": True, "order": "customer_first"}},
        priority=3,
    )
    assert (request.agent, request.priority, request.record) == ("bob", 3, True)
    assert request.order == "customer_first"


def test_an_overriding_rule_replaces_the_party() -> None:
    request = filled({"set": {"agent": "bob"}, "override": True}, queue="sales")
    assert (request.agent, request.queue) == ("bob", None)


def test_a_whisper_of_a_rule_is_in_the_ruling() -> None:
    rule = {"set": {"whisper": "{context.site}"}}
    said = asked(agent="a", whisper=WhisperSpec(text="x"))
    request, ruling = router(rule).route(said, CallerHistory(), 0.0)
    assert (request.whisper, ruling.whisper) == (said.whisper, None)
    request, ruling = router(rule | {"override": True}).route(said, CallerHistory(), 0.0)
    assert (request.whisper, ruling.whisper) == (None, "{context.site}")


async def test_facts_of_a_call_that_came_in() -> None:
    rule = {
        "match": {"kind": "call", "dialled": "+44", "trunk": "pbx", "region": "IE"},
        "set": {"queue": "sales", "priority": 4},
    }
    settings = Settings.model_validate(
        {
            "rules": [rule | {"name": "r"}],
            "trunks": [{"name": "pbx", "uri": "sip:127.0.0.1"}],
            "queues": [{"name": "sales"}],
        }
    )
    ruling = await Router(settings).call(
        "+35314960123", dialled="02079460000", trunk="pbx", queue="other", context={}, now=0.0
    )
    assert ruling.settings() == {"queue": "sales", "priority": 4}


def test_a_calendar_is_looked_up() -> None:
    settings = Settings.model_validate(
        {
            "calendars": [{"name": "day", "zone": "UTC", "hours": ["mon-fri 09:00-17:00"]}],
            "rules": [{"name": "r", "match": {"calendar": "day"}, "set": {"priority": 1}}],
        }
    )
    rules = Router(settings)
    assert rules.apply(Facts(to="1", now=1795510800.0)).priority == 1  # a Tuesday, 09:00
    assert rules.apply(Facts(to="1", now=1795510799.0)).priority is None


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(tmp_path / "r.db")
    await store.open()
    yield store
    await store.close()


async def test_history_of_a_number_is_in_the_store(store: Store) -> None:
    for index, state in enumerate(("completed", "failed", "queued")):
        job = Job(id=f"j{index}", request=Request(to=NUMBER), created=100.0 + index, called=NUMBER)
        job.state = state  # type: ignore[assignment]
        job.attempts = [AttemptRecord(call="c")] * index
        store.save(job)
    other = Job(id="x", request=Request(to="+1"), created=500.0, called="+1")
    store.save(other)
    looking = router({"match": {"history": {"min_callbacks": 1}}}, store=store)
    assert await looking.history("020 7946 0123") == CallerHistory(
        callbacks=3, attempts=3, completed=1, last=102.0
    )
    assert await looking.history("+442079460999") == CallerHistory()
    assert await looking.history("sip:bob@pbx") == CallerHistory()
    assert await router({}, store=store).history(NUMBER) == CallerHistory()


async def test_a_store_that_fails_leaves_a_number_without_history() -> None:
    class Failing:
        async def query(self, _sql: str, _params: Any = ()) -> Any:
            raise StoreError("io", "ringback.db: it cannot be used")

    rule = {"match": {"history": {"min_callbacks": 1}}, "set": {"priority": 5}}
    assert await router(rule, store=Failing()).history(NUMBER) == CallerHistory()


def test_where_there_are_no_queues_nobody_waits_and_nobody_is_free() -> None:
    waiting = {"name": "a", "match": {"waiting": {"queue": "sales", "min": 1}}}
    free = {"name": "b", "match": {"agents_free": {"queue": "sales", "max": 0}}}
    rules = [waiting | {"set": {"priority": 5}}, free | {"set": {"priority": 7}}]
    settings = Settings.model_validate({"rules": rules, "queues": [{"name": "sales"}]})
    assert Router(settings).route(asked(), CallerHistory(), time.time())[0].priority == 7
