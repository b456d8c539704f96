"""The list of queues: what a reload adds, removes and keeps until it is empty."""

import random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from config.queues import Queue
from engine.acd.agent_pool import PooledAgent
from engine.acd.queue_list import QueueList
from engine.acd.staffing import Staffing
from engine.errors import EngineError


def agent(name: str, *queues: str) -> PooledAgent:
    return cast(PooledAgent, SimpleNamespace(name=name, queues=queues, centre=None))


ALICE, BERT = agent("alice", "sales"), agent("bert", "sales", "support")


def configured(*queues: Queue, into: QueueList | None = None) -> QueueList:
    made = into or QueueList(Staffing(), random.Random(1))
    made.configure(queues, {}, {}, [ALICE, BERT])
    return made


SALES, SUPPORT = Queue(name="sales"), Queue(name="support", agents=["alice"])


def test_there_is_always_one_for_those_who_wait_for_one_agent_alone() -> None:
    queues = configured()
    assert [queue.name for queue in queues] == [None]
    assert queues.named(None).name is None


def test_a_queue_is_served_by_those_who_name_it_and_those_it_names() -> None:
    queues = configured(SALES, SUPPORT)
    assert queues.named("sales").staff == ["alice", "bert"]
    assert sorted(queues.named("support").staff) == ["alice", "bert"]


def test_a_queue_that_goes_accepts_nobody_and_is_gone_when_empty() -> None:
    queues = configured(SALES, SUPPORT)
    support = queues.named("support")
    configured(SALES, into=queues)
    assert support.is_removed and not queues.accepts("support", 0.0)
    with pytest.raises(EngineError, match="no queue named 'support'") as refused:
        queues.named("support")
    assert refused.value.kind == "not_found"
    with pytest.raises(EngineError) as refused:
        queues.check("support", 0.0)
    assert (refused.value.kind, refused.value.field) == ("refused", "queue")
    assert queues.accepts("sales", 0.0)


def test_one_that_still_has_entries_is_shown_until_it_is_empty() -> None:
    queues = configured(SALES, SUPPORT)
    support = queues.named("support")
    support.order.append(cast(Any, object()))
    configured(SALES, into=queues)
    assert queues.named("support") is support


def test_one_that_comes_back_accepts_again() -> None:
    queues = configured(SALES, SUPPORT)
    support = queues.named("support")
    configured(SALES, into=queues)
    configured(SALES, SUPPORT, into=queues)
    assert queues.named("support") is support and queues.accepts("support", 0.0)


def test_a_queue_that_was_never_configured_is_refused() -> None:
    queues = configured(SALES)
    assert not queues.accepts("nowhere", 0.0)
    with pytest.raises(EngineError, match="nowhere"):
        queues.named("nowhere")


def test_a_full_queue_accepts_those_who_have_a_place() -> None:
    queues = configured(Queue(name="sales", max_length=1))
    queues.named("sales").order.append(cast(Any, object()))
    assert not queues.accepts("sales", 0.0)
    queues.check("sales", 0.0, has_place=True)
