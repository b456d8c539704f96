"""What events, views, records and the log say of a callback: whose it is, and how to find it."""

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from config.agents import Agent
from config.queues import Overflow, Queue
from config.sections import Route, Trunk
from engine.control import snapshot
from tests.support.engines.virtual import VirtualEngine
from tests.support.engines.watched import WatchedEngine, run_watched_engine
from tests.support.invariants import Seen

NUMBER = "+442079460123"


class CallCentre(WatchedEngine):
    """An engine with one agent, and a trunk."""

    async def request(self, **more: Any) -> None:
        asked = {"id": "mine", "to": NUMBER, "queue": "sales", "site": "shop.example"} | more
        await self.ask("callback.request", **asked)

    def of_job(self) -> list[dict[str, Any]]:
        """The events of the job, in their order."""
        return [event for event in self.log.events if event.get("job") == "mine"]


def run_call_centre(
    tmp_path: Path,
    script: Any,
    *,
    wrap_up_s: float = 0.0,
    overflow: Sequence[Overflow] = (),
    serves: str = "sales",
) -> None:
    def made(engine: VirtualEngine, log: Seen) -> CallCentre:
        return CallCentre(engine, log)

    run_watched_engine(
        tmp_path,
        script,
        as_=made,
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5070")],
        routes=[Route(prefix="+", trunks=["pbx"])],
        queues=[Queue(name="sales", overflow=list(overflow)), Queue(name="service")],
        agents=[
            Agent(
                name="alice",
                uri="sip:alice@127.0.0.1:5080",
                queues=[serves],
                wrap_up_s=wrap_up_s,
            )
        ],
    )


async def talk(centre: CallCentre, seconds: float) -> None:
    await centre.answered("alice")
    customer = await centre.answered(NUMBER)
    await asyncio.sleep(seconds)
    customer.act("hangs_up")
    await centre.ended("mine")


def test_every_event_of_a_job_says_whose_it_is(tmp_path: Path) -> None:
    async def script(centre: CallCentre) -> None:
        await centre.request()
        await talk(centre, 30)
        events = centre.of_job()
        assert {event["type"].partition(".")[0] for event in events} >= {
            "callback", "queue", "agent", "leg", "bridge",
        }  # fmt: skip
        for event in events:
            said = (event["site"], event["number"], event["queue"])
            assert said == ("shop.example", NUMBER, "sales"), event
        types = [event["type"] for event in events]
        known = types.index("queue.offered")
        assert {event.get("agent") for event in events[known:]} == {"alice"}
        assert {event.get("agent") for event in events[:known]} <= {None, "alice"}

    run_call_centre(tmp_path, script)


def test_an_agent_goes_through_the_states_of_a_call(tmp_path: Path) -> None:
    async def script(centre: CallCentre) -> None:
        await centre.request()
        await talk(centre, 30)
        await asyncio.sleep(15)
        states = [event for event in centre.log.events if event["type"].startswith("agent.")]
        states = [event for event in states if "previous" in event][-5:]
        assert [event["type"] for event in states] == [
            "agent.reserved", "agent.ringing", "agent.talking", "agent.wrap_up", "agent.available",
        ]  # fmt: skip
        for before, after in pairwise(states):
            assert f"agent.{after['previous']}" == before["type"]
        assert {event["agent"] for event in states} == {"alice"}
        assert [event.get("work") for event in states] == ["mine"] * 4 + [None]

    run_call_centre(tmp_path, script, wrap_up_s=10.0)


def test_a_snapshot_has_the_calls_that_are_up(tmp_path: Path) -> None:
    async def script(centre: CallCentre) -> None:
        await centre.request()
        await centre.answered("alice")
        customer = await centre.answered(NUMBER)
        sources = centre.engine.daemon.control.snapshot_sources
        sent = snapshot.lines(sources, "epoch", ("call.",), None, 1)
        views = [json.loads(line)["params"] for line in sent]
        (call,) = (await centre.ask("call.list"))["calls"]
        (shown,) = [view["view"] for view in views if view["type"] == "snapshot.call"]
        assert (shown["call"], shown["job"], shown["state"]) == (call["call"], "mine", "bridged")
        customer.act("hangs_up")
        await centre.ended("mine")

    run_call_centre(tmp_path, script)


def test_events_after_an_overflow_name_the_queue_that_the_record_names(tmp_path: Path) -> None:
    async def script(centre: CallCentre) -> None:
        await centre.request()
        await talk(centre, 30)
        events = centre.of_job()
        joined = [event["queue"] for event in events if event["type"] == "queue.joined"]
        assert joined == ["sales", "service"]
        later = events[[event.get("queue") for event in events].index("service") :]
        assert {event["queue"] for event in later} == {"service"}
        record = await centre.ask("record.get", id="mine")
        assert record["queue"] == later[-1]["queue"] == "service"
        assert (await centre.job("mine"))["queue"] == "sales", "as it was requested"

    overflow = [Overflow(after_s=10.0, queue="service")]
    run_call_centre(tmp_path, script, overflow=overflow, serves="service")


def test_every_live_view_says_the_same_of_a_call(tmp_path: Path) -> None:
    async def views(centre: CallCentre) -> dict[str, Any]:
        live = await centre.ask("report.live")
        (seen,) = [one for one in live["queues"] if one["queue"] == "sales"]
        queue = await centre.ask("queue.get", queue="sales")
        agent = await centre.ask("agent.get", agent="alice")
        (shown,) = live["agents"]
        calls = (await centre.ask("call.list"))["calls"]
        assert (shown["state"], shown["work"]) == (agent["state"], agent["work"])
        assert (shown["calls"], shown["talk_s"]) == (agent["calls"], round(agent["talk_s"], 3))
        counts = (queue["waiting"], queue["offered"], queue["talking"])
        assert (seen["waiting"] - seen["ringing"], seen["ringing"], seen["talking"]) == counts
        return {"counts": counts, "state": agent["state"], "calls": calls, "live": shown}

    async def script(centre: CallCentre) -> None:
        await centre.request()
        phone = await centre.phone_of("alice")
        phone.act("rings")
        await asyncio.sleep(1)
        seen = await views(centre)
        assert (seen["counts"], seen["state"]) == ((0, 1, 0), "ringing")
        assert seen["calls"][0]["state"] == "dialing_agent"
        phone.act("answers")
        await asyncio.sleep(1)
        customer = await centre.answered(NUMBER)
        await asyncio.sleep(20)
        seen = await views(centre)
        assert (seen["counts"], seen["state"]) == ((0, 0, 1), "talking")
        (call,) = seen["calls"]
        about = {"number": NUMBER, "site": "shop.example", "queue": "sales"}
        assert call["state"] == "bridged" and seen["live"]["customer"] == about
        assert {name: call[name] for name in about} == about and call["agent"] == "alice"
        customer.act("hangs_up")
        await centre.ended("mine")
        seen = await views(centre)
        assert (seen["counts"], seen["state"], seen["calls"]) == ((0, 0, 0), "wrap_up", [])
        assert seen["live"]["customer"] == about

    run_call_centre(tmp_path, script, wrap_up_s=10.0)


def test_the_last_event_has_the_record(tmp_path: Path) -> None:
    async def script(centre: CallCentre) -> None:
        await centre.request(context={"order": 17})
        await talk(centre, 30)
        (last,) = centre.seen("callback.completed")
        record = await centre.ask("record.get", id="mine")
        assert centre.seen("callback.bridged")[0]["attempt"] == 1
        for name in (
            "number", "site", "queue", "agent", "to", "order", "result", "cause", "created",
            "due_at", "called_at", "operator_at", "customer_at", "talk_at", "ended_at", "talk_s",
            "attempts", "offers", "joined", "context",
        ):  # fmt: skip
            assert last[name] == record[name], name
        assert 30 < last["talk_s"] < 32
        assert last.get("cost") == record["cost"]

    run_call_centre(tmp_path, script)


def test_each_leg_says_how_to_find_it(tmp_path: Path) -> None:
    async def script(centre: CallCentre) -> None:
        await centre.request()
        await centre.answered("alice")
        customer = await centre.answered(NUMBER)
        (call,) = (await centre.ask("call.list"))["calls"]
        shown = (await centre.ask("call.get", call=call["call"]))["legs"]
        customer.act("hangs_up")
        await centre.ended("mine")
        record = await centre.ask("record.get", id="mine")
        answered = centre.seen("leg.answered")
        for seen in (shown, record["attempts"][0]["legs"], answered):
            agent, far = seen
            for leg in seen:
                for name in ("call_id", "hop", "codec", "local_media", "remote_media"):
                    assert leg[name], name
            assert agent.get("trunk") is None
            assert far["trunk"] == "pbx"
            assert agent["codec"] == "PCMU"

    run_call_centre(tmp_path, script)


def test_each_call_that_failed_is_one_line_of_the_log(tmp_path: Path) -> None:
    async def script(centre: CallCentre) -> None:
        with capture_logs() as logged:
            await centre.request()
            await centre.answered("alice")
            (await centre.phone_of(NUMBER)).act("is_busy")
            await centre.ended("mine")
        (line,) = [line for line in logged if line["event"] == "call_failed"]
        assert line["log_level"] == "info"
        assert line["job"] == "mine"
        assert (line["result"], line["sip_status"], line["trunk"]) == ("busy", 486, "pbx")
        assert "busy: 486 Busy Here" in line["cause"]
        assert line["call_id"]
        assert line["hop"].startswith("udp:127.0.0.1:")

    run_call_centre(tmp_path, script)


def test_an_error_of_the_network_has_no_sip_status(tmp_path: Path) -> None:
    async def script(centre: CallCentre) -> None:
        await centre.request()
        await centre.answered("alice")
        (await centre.phone_of(NUMBER)).act("is_unreachable")
        await centre.ended("mine")
        (failed,) = centre.seen("callback.failed")
        assert failed["result"] == "unreachable"
        assert failed["failure"]["sip_status"] is None
        far = failed["attempts"][-1]["legs"][-1]
        assert (far["role"], far["sip_status"]) == ("customer", None)

    run_call_centre(tmp_path, script)
