"""A machine answers for the customer: the agent writes so back, and they are called again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.queues import Queue
from config.retry import RetryRule
from config.sections import Route, Trunk
from tests.support.engines.virtual import Script, VirtualEngine, run_engine

NUMBER, OTHER = "+442079460123", "+442079460124"
RULE = RetryRule(cause="machine", attempts=2, spacing_s=[600.0], next_number=False)


def run_with_rules(tmp_path: Path, script: Script, *rules: RetryRule) -> None:
    """Run a script in an engine with these rules of retry, where alice takes the calls."""

    async def to_the_end(engine: VirtualEngine) -> None:
        await script(engine)
        assert not engine.world.network.up

    run_engine(
        tmp_path,
        to_the_end,
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5070")],
        routes=[Route(prefix="+", trunks=["pbx"])],
        retry=list(rules),
        queues=[Queue(name="sales")],
        agents=[Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["sales"])],
    )


async def talk(engine: VirtualEngine, *, order: str = "agent_first", number: str = NUMBER) -> Any:
    """The agent and whatever answers at `number` are joined. Gives the agent's phone."""
    network, phones = engine.world.network, {}
    turns = ("alice", number) if order == "agent_first" else (number, "alice")
    for user in turns:
        phones[user] = await network.call_of(user, within_s=1000.0)
        phones[user].act("answers")
        await asyncio.sleep(5)
    return phones["alice"]


async def request(engine: VirtualEngine, **more: Any) -> None:
    asked = {"id": "mine", "to": NUMBER, "queue": "sales", "context": {"cart": 3}} | more
    await engine.ask("callback.request", **asked)


async def job_of(engine: VirtualEngine) -> Any:
    return await engine.ask("callback.get", id="mine")


@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
def test_the_customer_is_called_again_by_the_rule_for_machines(tmp_path: Path, order: str) -> None:
    async def script(engine: VirtualEngine) -> None:
        await request(engine, order=order)
        agent_side = await talk(engine, order=order)
        assert (await job_of(engine))["state"] == "bridged"
        await engine.ask("callback.annotate", id="mine", outcome="machine", notes="mailbox")
        agent_side.act("hangs_up")
        await asyncio.sleep(1)
        job = await job_of(engine)
        assert (job["state"], job["bridged_at"], job["outcome"]) == ("queued", None, "machine")
        (first,) = job["attempts"]
        assert (first["result"], first["retry_cause"]) == ("machine", "machine")
        assert job["next_attempt_at"] == pytest.approx(first["ended"] + 600, abs=0.1)
        # This time the customer answers.
        agent_side = await talk(engine, order=order)
        agent_side.act("hangs_up")
        await asyncio.sleep(1)
        job = await job_of(engine)
        assert (job["state"], job["outcome"], job["notes"]) == ("completed", None, ["mailbox"])
        record = await engine.ask("record.get", id="mine")
        assert (record["outcome"], record["notes"]) == (None, ["mailbox"])
        assert record["customer_at"] > first["ended"]
        # Nobody was left alone by it.
        assert len(record["alone_s"]) == 1

    run_with_rules(tmp_path, script, RULE)


def test_after_the_last_attempt_the_callback_has_failed(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        await request(engine)
        for _ in range(2):
            agent_side = await talk(engine)
            await engine.ask("callback.annotate", id="mine", outcome="machine")
            agent_side.act("hangs_up")
            await asyncio.sleep(1)
        job = await job_of(engine)
        assert (job["state"], job["result"], job["bridged_at"]) == ("failed", "machine", None)
        assert job["cause"] == "a machine answered for the customer; agent hung up"
        assert job["failure"]["side"] == "customer"
        record = await engine.ask("record.get", id="mine")
        assert (record["result"], record["outcome"], record["talk_s"]) == (
            "machine", "machine", None,
        )  # fmt: skip
        assert len(engine.world.network.by_user[NUMBER]) == 2

    run_with_rules(tmp_path, script, RULE)


def test_another_number_has_its_turn(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        retry = {"machine": {"attempts": 1, "next_number": True}}
        await request(engine, agent="alice", queue=None, numbers=[OTHER], retry=retry)
        await talk(engine)
        await engine.ask("callback.annotate", id="mine", outcome="machine")
        # A command that hangs up is no objection to another attempt then.
        (call,) = (await engine.ask("call.list"))["calls"]
        await engine.ask("call.hangup", call=call["call"])
        agent_side = await talk(engine, number=OTHER)
        agent_side.act("hangs_up")
        await asyncio.sleep(1)
        job = await job_of(engine)
        assert job["state"] == "completed"
        assert [attempt["number"] for attempt in job["attempts"]] == [None, OTHER]

    run_with_rules(tmp_path, script)


def test_what_is_written_at_another_time_is_a_note(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        later = engine.world.network.clock() + 60
        await request(engine, not_before=later)
        await engine.ask("callback.annotate", id="mine", outcome="machine")
        agent_side = await talk(engine)
        agent_side.act("hangs_up")
        await asyncio.sleep(1)
        assert (await job_of(engine))["state"] == "completed"
        job = await engine.ask("callback.annotate", id="mine", outcome="machine")
        assert (job["state"], job["outcome"]) == ("completed", "machine")
        await asyncio.sleep(2000)
        assert len(engine.world.network.by_user[NUMBER]) == 1

    run_with_rules(tmp_path, script, RULE)


def test_a_cancelled_callback_stays_cancelled(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        await request(engine)
        await talk(engine)
        await engine.ask("callback.annotate", id="mine", outcome="machine")
        assert (await engine.ask("callback.cancel", id="mine"))["state"] == "cancelled"

    run_with_rules(tmp_path, script, RULE)
