"""The call centre in a whole engine: started, reloaded and started again with its configuration."""

from pathlib import Path

from config.settings import load
from tests.support.engines.in_process import refused_by_engine, request, running, settings_in

MORE = """
queues = ["sales"]
centre = "leeds"
[[agents]]
name = "bert"
uri = "sip:bert@127.0.0.1:9"
login = "manual"
[[calendars]]
name = "never"
zone = "Europe/London"
hours = ["mon 00:00-00:01"]
exceptions = []
[[calendars]]
name = "always"
zone = "Europe/London"
hours = ["00:00-24:00"]
[[centres]]
name = "leeds"
calendar = "always"
[[queues]]
name = "sales"
calendar = "always"
shares = [{ centre = "leeds", percent = 100 }]
[[rules]]
name = "northern"
[rules.match.context]
region = "north"
[rules.set]
centre = "leeds"
"""


async def test_a_queue_with_calendar_and_shares_is_served(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, more=MORE)) as (_daemon, client):
        queue = await client.call("queue.get", queue="sales")
        assert (queue["open"], queue["agents"]) == (True, {"available": 1})


async def test_agents_are_as_they_were_after_a_restart(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, more=MORE)) as (_daemon, client):
        await client.call("agent.pause", agent="alice", reason="lunch")
        await client.call("agent.skills", agent="bert", skills={"german": 4})
        await client.call("agent.add", agent="cleo", uri="sip:cleo@127.0.0.1:9", queues=["sales"])
    async with running(settings_in(tmp_path, more=MORE)) as (_daemon, client):
        agents = {one["agent"]: one for one in (await client.call("agent.list"))["agents"]}
        assert (agents["alice"]["state"], agents["alice"]["reason"]) == ("paused", "lunch")
        assert (agents["bert"]["state"], agents["bert"]["skills"]) == ("logged_out", {"german": 4})
        assert (agents["cleo"]["state"], agents["cleo"]["added"]) == ("available", True)
        queue = await client.call("queue.get", queue="sales")
        assert queue["agents"] == {"paused": 1, "available": 1}


async def test_a_reload_applies_to_queues_and_agents(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, more=MORE)) as (daemon, client):
        file = tmp_path / "ringback.toml"
        text = file.read_text().replace('name = "bert"', 'name = "dora"')
        file.write_text(text + '[[queues]]\nname = "service"\nagents = ["dora"]\n')
        await daemon.reload.apply(load(file, environ={}))
        names = [one["agent"] for one in (await client.call("agent.list"))["agents"]]
        assert names == ["alice", "dora"]
        queues = [one["queue"] for one in (await client.call("queue.list"))["queues"]]
        assert queues == ["sales", "service"]


async def test_a_request_and_a_rule_may_name_the_centre(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, more=MORE)) as (_daemon, client):
        asked = request(agent=None, queue="sales")
        job = await client.callback(**asked, context={"region": "north"})
        assert job["centre"] == "leeds"
        other = request(agent=None, queue="sales", to="sip:carl@127.0.0.1:9")
        assert (await client.callback(**other))["centre"] is None
        error = await refused_by_engine(client, "callback.request", **other, centre="paris")
        assert (error.kind, error.field) == ("refused", "centre")
