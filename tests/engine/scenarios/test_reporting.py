"""Records, history and reports of a whole engine, through its control socket."""

from pathlib import Path

import pytest

from config.alerts import Alert
from config.queues import Queue
from config.reporting import Reports
from ringback_client import EngineError
from tests.support.engines.in_process import request, running, settings_in
from tests.support.waiting import until


async def test_a_callback_is_in_the_records_reports_and_history(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(update={"queues": [Queue(name="sales")]})
    async with running(settings) as (daemon, client):
        live = await client.call("report.live")
        assert [view["queue"] for view in live["queues"]] == ["sales"]
        assert [agent["agent"] for agent in live["agents"]] == ["alice"]
        assert live["engine"]["open_jobs"] == 0
        job = await client.callback(**request(to="+442079460123", id="j1"))
        with pytest.raises(EngineError, match="has not ended"):
            await client.call("record.get", id="j1")
        await client.call("callback.annotate", id="j1", notes="a regular")
        await client.call("callback.cancel", id=job["id"])
        record = await client.call("record.get", id="j1")
        assert (record["state"], record["notes"]) == ("cancelled", ["a regular"])
        listed = await client.call("record.list")
        assert [one["id"] for one in listed["records"]] == ["j1"]
        history = await client.call("history.get", number="+442079460123")
        assert [one["note"] for one in history["history"]] == ["a regular"]
        jobs = await client.call("report.job", **{"from": job["created"] - 1})
        assert (jobs["total"]["requested"], jobs["total"]["cancelled"]) == (1, 1)
        assert (await client.call("report.live"))["jobs_today"] == {"cancelled": 1}
        assert daemon.history.of("+442079460123")


async def test_records_are_there_after_a_restart(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (_daemon, client):
        await client.callback(**request(id="j1"))
        await client.call("callback.cancel", id="j1")
    async with running(settings) as (daemon, client):
        assert (await client.call("record.get", id="j1"))["state"] == "cancelled"
        agents = await client.call("report.agent", **{"from": 1.0})
        assert [row["agent"] for row in agents["totals"]] == ["alice"]
        await until(lambda: daemon.live.view()["jobs_today"] == {"cancelled": 1})


async def test_reload_counts_by_other_definitions(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (daemon, client):
        changed = settings.model_copy(update={"reports": Reports(service_level_s=45.0)})
        await daemon.reload.apply(changed)
        assert (await client.call("report.live"))["service_level_s"] == 45.0
        report = await client.call("report.queue")
        assert report["definitions"]["service_level_s"] == 45.0


async def test_a_queue_has_its_own_service_level_from_the_start(tmp_path: Path) -> None:
    queues = [Queue(name="sales", service_level_s=45.0), Queue(name="help")]
    settings = settings_in(tmp_path).model_copy(update={"queues": queues})
    async with running(settings) as (_daemon, client):
        definitions = (await client.call("report.queue"))["definitions"]
        assert definitions["service_level_by_queue"] == {"sales": 45.0}


async def test_an_alert_is_an_event_and_shown_live(tmp_path: Path) -> None:
    alert = Alert(name="nobody", figure="agents_available", below=1.0)
    settings = settings_in(tmp_path).model_copy(update={"alerts": [alert]})
    async with running(settings) as (_daemon, client):
        await client.call("agent.logout", agent="alice")
        async with client.events(types=["alert."], since=0) as events:
            raised = await anext(events)
            assert (raised["type"], raised["alert"]) == ("alert.raised", "nobody")
            live = await client.call("report.live")
            assert live["alerts"] == [{"alert": "nobody", "queue": None}]
            await client.call("agent.login", agent="alice")
            assert (await anext(events))["type"] == "alert.cleared"
