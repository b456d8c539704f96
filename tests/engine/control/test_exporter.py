"""Metrics of a whole engine, scraped as Prometheus does."""

from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.errors import ConfigError
from config.queues import Queue
from config.reporting import Metrics
from engine.daemon import Daemon
from tests.support.engine_in_process import request, running, settings_in
from tests.support.ports import free_port

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


async def test_an_engine_is_scraped_and_every_name_is_documented(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    settings = settings_in(tmp_path).model_copy(
        update={"metrics": Metrics(listen=listen), "queues": [Queue(name="sales")]}
    )
    async with running(settings) as (_daemon, client):
        await client.callback(**request())
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{listen}/metrics") as response,
        ):
            assert response.status == 200
            text = await response.text()
        with pytest.raises(ConfigError, match=r"metrics\.listen"):
            (tmp_path / "other").mkdir()
            other = settings_in(tmp_path / "other").model_copy(update={"metrics": settings.metrics})
            second = Daemon(other)
            try:
                await second.start()
            finally:
                await second.stop()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    value = {name: family.samples[0].value for name, family in families.items() if family.samples}
    assert value["ringback_jobs_open"] == 1
    assert value["ringback_trunk_usable"] == 1
    assert value["ringback_queue_waiting"] == 0
    assert value["ringback_sip_internal_errors"] == 0
    assert value["ringback_media_ports_free"] > 0
    assert value["ringback_store_commits"] >= 1
    assert value["ringback_loop_delay_seconds"] >= 0
    assert {s.labels["state"] for s in families["ringback_agents"].samples} == {"available"}
    kinds = {s.labels["type"] for s in families["ringback_events"].samples}
    assert {"engine.started", "callback.queued"} <= kinds
    documented = DOCUMENT.read_text()
    missing = [name for name in families if name.startswith("ringback_") and name not in documented]
    assert not missing
