"""audit.list against an engine: filters, pages, and what retention leaves."""

from pathlib import Path

import pytest

from config.sections import Store as StoreSettings
from tests.support.engines.in_process import request, running, settings_in


async def test_the_log_is_read_newest_first_and_filtered(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, client):
        await client.callback(**request(id="a"))
        await client.call("callback.get", id="a")
        await client.call("callback.cancel", id="a")
        with pytest.raises(Exception, match="already ended"):
            await client.call("callback.cancel", id="a")
        page = await client.call("audit.list")
        seen = [(one["method"], one["outcome"]) for one in page["entries"]]
        assert seen == [
            ("callback.cancel", "state"), ("callback.cancel", "done"), ("callback.request", "done")
        ]  # fmt: skip
        assert page["entries"][2]["params"]["id"] == "a"
        assert "already ended" in page["entries"][0]["reason"]
        assert page["cursor"] is None

        first = await client.call("audit.list", limit=2)
        second = await client.call("audit.list", limit=2, cursor=first["cursor"])
        numbers = [one["number"] for one in (*first["entries"], *second["entries"])]
        assert numbers == sorted(numbers, reverse=True)

        only = await client.call("audit.list", outcome="done", method="callback.c")
        assert [one["method"] for one in only["entries"]] == ["callback.cancel"]
        assert (await client.call("audit.list", who="nobody"))["entries"] == []
        until = page["entries"][-1]["time"]
        assert (await client.call("audit.list", to=until))["entries"] == []
        assert len((await client.call("audit.list", **{"from": until}))["entries"]) >= 3
        for cursor in ("x", str(1 << 63)):
            with pytest.raises(Exception, match="cursor"):
                await client.call("audit.list", cursor=cursor)

        few = StoreSettings.model_construct(keep_audit=2)  # fewer than may be configured
        daemon.retention.configure(few, 0.0)
        await daemon.retention.sweep()
        left = (await client.call("audit.list"))["entries"]
        assert len(left) == 2
        daemon.retention.configure(StoreSettings(keep_audit_days=1e-9), 0.0)
        await daemon.retention.sweep()
        assert len((await client.call("audit.list"))["entries"]) <= 1
