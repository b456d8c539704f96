"""What is forgotten in time, and what with it."""

from pathlib import Path

from engine.intake import JOINED, Joined
from tests.support.engine_in_process import running, settings_in


async def test_what_a_forgotten_job_took_in_is_forgotten_with_it(tmp_path: Path) -> None:
    asked = {"to": "+442079460123", "agent": "alice", "not_before": 4e9}
    async with running(settings_in(tmp_path)) as (daemon, client):
        await client.callback(**asked, id="old")
        await client.callback(**asked, id="joins old")
        await client.call("callback.cancel", id="old")
        await client.callback(**asked, id="new")
        await client.callback(**asked, id="joins new")
        daemon.housekeeping.configure(1000, 1e-9, 1000, 0.0)
        await daemon.housekeeping.sweep()
        await daemon.store.flush()
        assert daemon.store.find("old") is None
        assert await daemon.store.load(JOINED, Joined) == {
            "joins new": daemon.store.document(JOINED, "joins new", Joined)
        }
        assert (await client.call("callback.get", id="joins new"))["id"] == "new"
