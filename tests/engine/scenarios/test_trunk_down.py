"""A callback waits while no trunk that carries its number works, and is not refused."""

from pathlib import Path

import pytest

from engine.callbacks.attempts import attempt_check
from tests.support.engines.in_process import request, running, settings_in


async def test_a_callback_is_queued_while_its_trunk_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_check, "TRUNK_DOWN_S", 0.2)
    async with running(settings_in(tmp_path)) as (daemon, client):
        down = True
        monkeypatch.setattr(daemon.trunks, "is_usable", lambda _name: not down)
        job = await client.callback(**request(to="+442079460123", id="j1", not_before=None))
        assert job["state"] == "queued"
        async with client.events(types=["callback.queued"], since=0) as events:
            causes = [(await anext(events)).get("cause") for _ in range(2)]
        assert causes == [None, "no trunk for +442079460123 is usable now (pbx)"]
        job = await client.call("callback.get", id="j1")
        assert (job["state"], job["scheduled"], job["attempts"]) == ("queued", causes[1], [])
        down = False
        async with client.events(types=["callback.dialing_agent"], since=0) as events:
            assert (await anext(events))["job"] == "j1"


async def test_a_number_that_may_not_be_dialled_is_refused_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(settings_in(tmp_path)) as (daemon, client):
        monkeypatch.setattr(daemon.trunks, "is_usable", lambda _name: False)
        for number in ("999", "+33142685300"):
            with pytest.raises(Exception, match=r"emergency|no route"):
                await client.callback(**request(to=number))
