"""route.explain: the rules, and the whole decision, as a real request would have it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from ringback_client import Client, EngineError, RequestRejected
from tests.support.engines.in_process import RunningEngine, request, settings_in

NUMBER = "+442079460123"
MONDAY_NOON = 1795435200.0  # 2026-11-23 12:00 in London
MONDAY_NIGHT = MONDAY_NOON + 11 * 3600

MORE = """
[[rules]]
name = "vip"
[rules.match]
context = { tier = ["gold", "platinum"] }
[rules.set]
agent = "bob"
priority = 50
[[rules]]
name = "german"
continue = true
[rules.match]
region = "DE"
[rules.set]
skills = { german = 3 }
[[rules]]
name = "night"
[rules.match]
hours = "mon-sun 20:00-08:00"
zone = "Europe/London"
[rules.set]
queue = "night"
whisper = "Night call from {context.site}"
[[rules]]
name = "rest"
[rules.set]
queue = "sales"
caller_id = "+442079460999"
[[queues]]
name = "sales"
[[queues.tiers]]
after_s = 30.0
agents = ["dora"]
[[queues]]
name = "night"
max_length = 1
[[agents]]
name = "bob"
uri = "sip:bob@127.0.0.1:9"
queues = ["sales"]
skills = { german = 5 }
[[agents]]
name = "carol"
uri = "sip:carol@127.0.0.1:9"
queues = ["sales"]
[[agents]]
name = "dora"
uri = "sip:dora@127.0.0.1:9"
skills = { german = 9 }
[[inbound]]
name = "shop"
number = "+442079460"
queue = "sales"
context = { site = "shop" }
priority = 4
[[inbound]]
name = "bot"
number = "+442079461"
handler = "client"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, prefix="+4", more=MORE)


async def explain(client: Client, to: str = NUMBER, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = await client.call("route.explain", to=to, at=MONDAY_NOON, **params)
    return found


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {one["rule"]: one["outcome"] for one in found["rules"]}


async def test_which_rules_fire_and_why(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await explain(client, context={"tier": "silver"})
    assert outcomes(found) == {
        "vip": "no_match", "german": "no_match", "night": "no_match", "rest": "fired"
    }  # fmt: skip
    why = {one["rule"]: one["why"] for one in found["rules"]}
    assert why == {
        "vip": "context.tier is \"silver\", not 'gold' or 'platinum'",
        "german": "region is \"GB\", not 'DE'",
        "night": "hours is \"Mon 12:00\", not 'mon-sun 20:00-08:00' Europe/London",
        "rest": "it is for everything",
    }
    assert found["fired"] == ["rest"]
    assert found["set"] == {"queue": "sales", "caller_id": "+442079460999"}
    assert found["request"]["queue"] == "sales"
    (condition,) = found["rules"][0]["conditions"]
    assert condition == {
        "name": "context.tier", "wants": "'gold' or 'platinum'", "found": "silver", "holds": False
    }  # fmt: skip


async def test_the_first_that_decides_ends_it(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await explain(client, context={"tier": "gold"})
    assert outcomes(found)["rest"] == "not_looked_at"
    assert (found["agent"]["agent"], found["agent"]["could"]) == ("bob", True)
    assert found["request"]["priority"] == 50
    assert found["verdict"] == "called"


async def test_what_the_request_says_itself_stays(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await explain(client, agent="alice", priority=2, context={"tier": "gold"})
    assert found["rules"][0]["kept"] == {
        "agent": "the request says agent itself", "priority": "the request says priority itself"
    }  # fmt: skip
    assert found["agent"]["agent"] == "alice"


async def test_who_could_take_it_and_why_others_could_not(
    engine: RunningEngine,
) -> None:
    daemon, client = engine
    found = await explain(client, to="+493012345678")
    assert found["fired"] == ["german", "rest"]
    agents = {one["agent"]: one["why_not"] for one in found["queue"]["agents"]}
    assert agents == {
        "bob": None,
        "carol": "lacks german 3",
        "dora": "helps from 30 s of waiting on",
    }
    assert found["verdict"] == "called"
    await client.call("agent.pause", agent="bob")
    found = await explain(client, to="+493012345678")
    assert {one["agent"]: one["why_not"] for one in found["queue"]["agents"]}["bob"] == "paused"
    assert found["verdict"] == "waits"
    assert daemon.queues.matcher.entries == {}


async def test_at_another_time(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await client.call("route.explain", to=NUMBER, at=MONDAY_NIGHT)
    assert found["fired"] == ["night"]
    assert found["request"]["whisper"] == {"template": "Night call from {context.site}"}
    assert found["queue"]["queue"] == "night"
    assert found["queue"]["agents"] == []
    assert found["verdict"] == "waits"


async def test_number_and_trunks(engine: RunningEngine) -> None:
    daemon, client = engine
    found = await explain(client, to="020 7946 0123")
    assert found["facts"]["number"] == NUMBER
    assert found["admission"]["line_type"] == "fixed_line"
    assert found["admission"]["zones"] == ["Europe/London"]
    assert found["trunks"] == [
        {"trunk": "pbx", "number": NUMBER, "sent": NUMBER, "route": "+4", "state": "static",
         "reason": None, "full": False, "down": None, "usable": True}
    ]  # fmt: skip
    daemon.trunks._states["pbx"] = "failed"
    daemon.trunks._reasons["pbx"] = "403 Forbidden"
    found = await explain(client)
    assert found["trunks"][0]["usable"] is False
    assert (found["verdict"], found["objections"]) == ("waits", [])


async def test_a_trunk_that_is_full_or_down(engine: RunningEngine) -> None:
    daemon, client = engine
    daemon.trunks.load.configure(
        [one.model_copy(update={"max_calls": 1}) for one in daemon.settings.trunks]
    )
    daemon.trunks.load.enter("call", "customer", "leg", "pbx")
    found = await explain(client)
    (shown,) = found["trunks"]
    assert (shown["full"], shown["down"], shown["usable"]) == (True, None, False)
    assert found["verdict"] == "waits"
    daemon.trunks.load.leave("leg")
    daemon.trunks.rest("pbx", 60.0, "503 Busy", is_silent=False)
    (shown,) = (await explain(client))["trunks"]
    # No other trunk carries the number, so that it is tried all the same.
    assert (shown["full"], shown["down"], shown["usable"]) == (False, "503 Busy", True)


async def test_what_is_refused_says_by_which_policy(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await explain(client, to="+449012345678")
    assert found["verdict"] == "refused"
    assert found["admission"]["allowed"] is False
    assert {"step": "admission", "policy": "line_type"}.items() <= found["objections"][0].items()
    await client.call("number.block", number=NUMBER, reason="asked not to be")
    found = await explain(client)
    assert found["admission"]["policy"] == "do_not_call"
    found = await explain(client, to="+12127365000")
    assert found["trunks"] == []
    assert found["objections"][-1]["reason"] == "no route for +12127365000"


async def test_nobody_is_named(engine: RunningEngine) -> None:
    daemon, client = engine
    daemon.router.apply_settings(daemon.settings.model_copy(update={"rules": []}))
    found = await explain(client)
    assert found["rules"] == []
    assert found["verdict"] == "refused"
    assert found["objections"][0]["step"] == "party"


async def test_nothing_is_counted(engine: RunningEngine) -> None:
    daemon, client = engine
    before = await client.call("engine.status")
    seq = daemon.events.seq
    for _ in range(20):
        await explain(client, to="+493012345678")
    assert daemon.events.seq == seq
    assert (await client.call("engine.status"))["jobs"] == before["jobs"]
    assert await client.call("callback.list") == {"jobs": [], "cursor": None}


async def test_it_says_what_a_real_request_gets(engine: RunningEngine) -> None:
    _daemon, client = engine
    asked = {"to": "+493012345678", "context": {"site": "shop"}}
    found = await client.call("route.explain", **asked)
    await client.call("agent.pause", agent="bob")
    job = await client.callback(**request(**asked) | {"agent": None})
    for name in ("queue", "skills"):
        assert job[name] == found["request"][name]


async def test_a_centre_that_a_rule_sets(engine: RunningEngine) -> None:
    daemon, client = engine
    file = Path(daemon.settings.file)
    rule = '[[rules]]\nname = "north"\ncontinue = true\nset = { centre = "leeds" }\n'
    text = file.read_text().replace('[[rules]]\nname = "vip"', rule + '[[rules]]\nname = "vip"')
    text = text.replace('name = "carol"', 'name = "carol"\ncentre = "leeds"')
    file.write_text(text + '[[centres]]\nname = "leeds"\n[[centres]]\nname = "york"\n')
    daemon.reload._environ = {}
    await client.call("engine.reload")
    found = await explain(client)
    agents = {one["agent"]: one["why_not"] for one in found["queue"]["agents"]}
    assert agents == {
        "carol": None, "bob": "the turn of centre leeds", "dora": "the turn of centre leeds"
    }  # fmt: skip
    async with client.events(["queue.offered"]) as events:
        job = await client.callback(to="sip:x@127.0.0.1:9", queue="sales")
        async with asyncio.timeout(40):
            offered = await anext(events)
    assert (offered["job"], offered["agents"]) == (job["id"], ["carol"])
    assert job["centre"] == "leeds"
    found = await explain(client, centre="york")
    assert found["verdict"] == "waits"
    with pytest.raises(EngineError, match="no centre named 'x'"):
        await client.callback(to="sip:x@127.0.0.1:9", queue="sales", centre="x")


async def test_a_call_that_comes_in(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await explain(client, from_trunk="pbx", dialled="020 7946 0123", to="+493012345678")
    assert (found["kind"], found["route"]) == ("call", "shop")
    assert found["facts"]["context"] == {
        "site": "shop", "caller": "+493012345678", "dialled": "020 7946 0123"
    }  # fmt: skip
    assert found["fired"] == ["german", "rest"]
    assert found["request"]["priority"] == 4
    assert found["queue"]["agents"][0] == {
        "agent": "bob", "state": "available", "could": True, "why_not": None
    }  # fmt: skip
    assert found["verdict"] == "called"


async def test_a_call_that_is_handed_to_a_client_goes_by_no_rule(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await explain(client, from_trunk="pbx", dialled="+442079461000")
    assert (found["route"], found["rules"], found["objections"]) == ("bot", [], [])
    assert found["queue"] is None and found["verdict"] == "waits"


async def test_a_call_that_no_route_accepts(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await explain(client, from_trunk="pbx", dialled="+3531234567")
    assert found["verdict"] == "refused"
    assert "404" in found["objections"][0]["reason"]
    with pytest.raises(EngineError, match="no trunk named 'x'"):
        await explain(client, from_trunk="x", dialled="1")
    with pytest.raises(RequestRejected, match="has both"):
        await explain(client, dialled="1")


async def test_a_call_for_an_agent_whom_a_rule_names(engine: RunningEngine) -> None:
    """The queue keeps it for them while they are logged in; a number is called before the queue."""
    daemon, client = engine
    file = Path(daemon.settings.file)
    daemon.reload._environ = {}
    original = file.read_text()

    async def call_for(agent: str) -> dict[str, Any]:
        rule = f'[[rules]]\nname = "theirs"\nset.agent = "{agent}"\n'
        file.write_text(original.replace("[[rules]]", rule + "[[rules]]", 1))
        await client.call("engine.reload")
        return await explain(client, from_trunk="pbx", dialled="020 7946 0123")

    found = await call_for("carol")
    agents = {one["agent"]: one["why_not"] for one in found["queue"]["agents"]}
    assert agents["carol"] is None and agents["bob"] == "kept for carol"
    await client.call("agent.logout", agent="carol")
    found = await call_for("carol")
    agents = {one["agent"]: one["why_not"] for one in found["queue"]["agents"]}
    assert agents["carol"] == "logged out" and agents["bob"] is None
    assert found["verdict"] == "called" and found["agent"] is None
    found = await call_for("+442079460999")
    assert found["agent"]["agent"] == "+442079460999" and found["agent"]["could"]
    assert found["queue"]["queue"] == "sales"


async def test_a_call_whose_number_is_attested(engine: RunningEngine) -> None:
    daemon, client = engine
    file = Path(daemon.settings.file)
    daemon.reload._environ = {}
    rule = '[[rules]]\nname = "signed"\nmatch.attestation = ["A", "B"]\nset.priority = 7\n'
    file.write_text(file.read_text().replace("[[rules]]", rule + "[[rules]]", 1))
    await client.call("engine.reload")
    for attestation, fires in (("A", True), ("C", False), ("failed", False), (None, False)):
        said = {} if attestation is None else {"attestation": attestation}
        found = await explain(client, from_trunk="pbx", dialled="020 7946 0123", **said)
        assert found["facts"]["attestation"] == (attestation or "none")
        assert ("signed" in found["fired"]) == fires
    with pytest.raises(RequestRejected, match="attestation"):
        await explain(client, from_trunk="pbx", dialled="1", attestation="D")
    assert (await explain(client))["facts"]["attestation"] is None


async def test_a_queue_that_lets_nobody_go(engine: RunningEngine) -> None:
    _daemon, client = engine
    await client.call("queue.pause", queue="sales")
    found = await explain(client, queue="sales")
    agents = {one["agent"]: one["why_not"] for one in found["queue"]["agents"]}
    assert agents["bob"] == "the queue is paused"
    assert found["verdict"] == "waits"


@pytest.mark.parametrize(
    ("step", "asked"),
    [
        ("numbers", {"to": "alice", "to_kind": "number"}),
        ("agent", {"agent": "+35312345678"}),
        ("trunks", {"to": "+12127365000"}),
        ("trunks", {"numbers": ["+12127365000"]}),
        ("known_agent", {"known_agent": "zoe"}),
        ("centre", {"centre": "york"}),
        ("deadline", {"deadline": 1.0}),
        ("admission", {"to": "+449012345678"}),
        ("whisper", {"whisper": {"file": "/none.wav"}}),
        ("queue", {"queue": "none"}),
    ],
)
async def test_an_objection_is_what_the_real_request_is_refused_for(
    engine: RunningEngine, step: str, asked: dict[str, Any]
) -> None:
    _daemon, client = engine
    asked = {"to": NUMBER} | asked
    found = await client.call("route.explain", **asked)
    assert found["verdict"] == "refused"
    assert [one["step"] for one in found["objections"]][:1] == [step]
    with pytest.raises((EngineError, RequestRejected)) as refused:
        await client.call("callback.request", **asked)
    assert found["objections"][0]["reason"] in str(refused.value)


async def test_an_engine_that_drains_accepts_neither(engine: RunningEngine) -> None:
    daemon, client = engine
    daemon.dispatcher.draining = daemon.inbound.draining = True
    found = await explain(client)
    assert (found["verdict"], found["objections"][0]["step"]) == ("unavailable", "engine")
    found = await explain(client, from_trunk="pbx", dialled="020 7946 0123")
    assert found["objections"][0]["reason"] == "the engine is draining: 503"


async def test_a_number_as_its_region_writes_it(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await explain(client, to="030 12345678", region="DE")
    assert found["facts"]["number"] == "+493012345678"
    assert found["trunks"][0]["number"] == "+493012345678"
    assert found["fired"] == ["german", "rest"]


async def test_a_call_to_a_queue_that_is_full(engine: RunningEngine) -> None:
    _daemon, client = engine
    await client.callback(**request(queue="night", not_before=None) | {"agent": None})
    call = {"from_trunk": "pbx", "dialled": "020 7946 0123", "to": "+442079460999"}
    found = await client.call("route.explain", at=MONDAY_NIGHT, **call)
    assert found["queue"]["queue"] == "night"
    assert (found["verdict"], found["objections"][0]["step"]) == ("unavailable", "queue")


async def test_a_full_queue_accepts_a_callback_for_later(engine: RunningEngine) -> None:
    _daemon, client = engine
    await client.callback(**request(queue="night", not_before=None) | {"agent": None})
    assert (await explain(client, queue="night", not_before=MONDAY_NIGHT))["objections"] == []
    found = await explain(client, queue="night")
    assert [one["step"] for one in found["objections"]] == ["queue"]


async def test_a_request_that_would_join_an_open_job_says_which(engine: RunningEngine) -> None:
    _daemon, client = engine
    asked = {"to": "+442079460123", "queue": "no such queue"}
    later = 4_000_000_000.0
    job = await client.call("callback.request", to=asked["to"], queue="sales", not_before=later)
    found = await client.call("route.explain", **asked)
    assert (found["joins"], found["objections"]) == (job["id"], [])
    joined = await client.call("callback.request", **asked)
    assert joined["joined_to"] == job["id"]
    found = await client.call("route.explain", join=False, **asked)
    assert found["joins"] is None
    assert [one["step"] for one in found["objections"]] == ["queue"]
