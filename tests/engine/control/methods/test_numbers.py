"""number.*: the register, and what would become of a request, through the socket."""

import os
import pwd
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.numbering import Numbering
from config.policy import Costs, Hours, Rate
from config.settings import ConfigError, Route, Settings
from config.trunk_numbers import OutgoingNumbers
from ringback_client import EngineError, RequestRejected
from tests.support.engines.in_process import (
    RunningEngine,
    refused_by_engine,
    running,
    settings_in,
)

NUMBER = "+442079460123"


async def test_a_number_is_blocked_listed_and_unblocked(settings: Settings) -> None:
    until = time.time() + 3600
    async with running(settings) as (_daemon, client):
        async with client.events(["number."]) as events:
            entry = await client.call(
                "number.block", number="020 7946 0123", reason="asked us", until=until
            )
            event = await anext(aiter(events))
        assert (event["type"], event["number"]) == ("number.blocked", NUMBER)
        assert entry == {
            "number": NUMBER,
            "reason": "asked us",
            "since": entry["since"],
            "until": until,
            "by": pwd.getpwuid(os.getuid()).pw_name,
        }
        await client.call("number.block", number="+442079460999")
    async with running(settings) as (_daemon, client):  # it is on the disk
        page = await client.call("number.list", limit=1)
        assert page["numbers"] == [entry]
        rest = await client.call("number.list", cursor=page["cursor"])
        assert [one["number"] for one in rest["numbers"]] == ["+442079460999"]
        assert rest["numbers"][0]["until"] is None
        assert (await client.call("number.list", prefix="+49"))["numbers"] == []
        assert await client.call("number.unblock", number=NUMBER) == entry
        with pytest.raises(EngineError) as caught:
            await client.call("number.unblock", number=NUMBER)
        assert (caught.value.kind, caught.value.field) == ("not_found", "number")


@pytest.mark.parametrize(
    ("params", "field"),
    [({"number": "alice"}, "number"), ({"number": NUMBER, "until": 1.0}, "until")],
)
async def test_what_cannot_be_blocked(
    engine: RunningEngine, params: dict[str, Any], field: str
) -> None:
    _daemon, client = engine
    with pytest.raises(EngineError) as caught:
        await client.call("number.block", **params)
    assert (caught.value.kind, caught.value.field) == ("refused", field)
    with pytest.raises(RequestRejected):
        await client.call("number.block", number=NUMBER, reason="two\nlines")


async def test_a_check_says_what_would_become_of_a_request(settings: Settings) -> None:
    hours = Hours(enforce=True, hours=["mon-sun 00:00-24:00"], holiday_hours=["00:00-24:00"])
    changed = settings.model_copy(
        update={
            "hours": hours,
            "rates": [Rate(prefix="+44", per_minute=Decimal("0.02"))],
            "costs": Costs(currency="GBP", expected_talk_s=60.0),
        }
    )
    async with running(changed) as (_daemon, client):
        found = await client.call("number.check", number=NUMBER)
        assert found["allowed"] is True
        assert (found["called"], found["region"], found["line_type"]) == (
            NUMBER, "GB", "fixed_line",
        )  # fmt: skip
        assert found["cost_estimate"]["currency"] == "GBP"
        assert found["blocked"] is None
        premium = await client.call("number.check", number="+449098790123")
        assert (premium["allowed"], premium["policy"]) == (False, "line_type")
        await client.call("number.block", number=NUMBER, reason="asked us")
        blocked = await client.call("number.check", number=NUMBER)
        assert (blocked["allowed"], blocked["policy"]) == (False, "do_not_call")
        assert blocked["blocked"]["reason"] == "asked us"


async def test_a_check_says_what_trunks_would_be_sent(settings: Settings) -> None:
    trunk = settings.trunks[0].model_copy(
        update={
            "numbers_out": OutgoingNumbers(format="e164", strip="4420", prepend="9"),
            "caller_id": "+442079460009",
        }
    )
    changed = settings.model_copy(update={"trunks": [trunk]})
    async with running(changed) as (_daemon, client):
        for params in ({}, {"trunk": "pbx"}):
            found = await client.call("number.check", number="020 7946 0123", **params)
            assert (found["allowed"], found["called"]) == (True, NUMBER)
            assert found["sent"] == [
                {
                    "trunk": "pbx",
                    "number": "979460123",
                    "caller_id": "442079460009",
                    "reason": None,
                }
            ]
        explained = await client.call("route.explain", to=NUMBER, agent="alice")
        assert [(one["number"], one["sent"]) for one in explained["trunks"]] == [
            (NUMBER, "979460123")
        ]
        unknown = await client.call("number.check", number=NUMBER, trunk="none")
        assert unknown["allowed"] is False
        assert unknown["sent"][0]["number"] is None
        assert "no trunk named 'none'" in unknown["sent"][0]["reason"]


async def test_a_number_that_rewriting_would_make_an_emergency_number_is_refused(
    settings: Settings,
) -> None:
    numbers = OutgoingNumbers(strip=13, prepend="112")
    trunk = settings.trunks[0].model_copy(update={"numbers_out": numbers})
    async with running(settings.model_copy(update={"trunks": [trunk]})) as (_daemon, client):
        found = await client.call("number.check", number=NUMBER)
        assert (found["allowed"], found["policy"]) == (False, "destination")
        assert "emergency" in found["sent"][0]["reason"]
        with pytest.raises(EngineError, match="emergency"):
            await client.call("callback.request", to=NUMBER, agent="alice")
        explained = await client.call("route.explain", to=NUMBER, agent="alice")
        assert explained["trunks"][0]["sent"] is None


async def test_a_check_a_request_and_an_explanation_read_alike(settings: Settings) -> None:
    numbering = Numbering(extension=r"[2-7]\d{3}", short_codes=["118118"])
    routes = [
        *settings.routes,
        Route(prefix="118", trunks=["pbx"]),
        Route(prefix="2", trunks=["pbx"]),
    ]
    changed = settings.model_copy(update={"numbering": numbering, "routes": routes})
    async with running(changed) as (_daemon, client):
        for text, kind, digits in (
            ("020 7946 0123", "number", NUMBER),
            ("2001", "extension", "2001"),
            ("118 118", "short_code", "118118"),
            ("sip:bob@127.0.0.1:5099", "person", None),
            ("alice", "agent", None),
        ):
            checked = await client.call("number.check", number=text)
            assert checked["allowed"] is True, text
            asked = await client.call("callback.request", to=text, agent="alice", not_before=4e9)
            explained = await client.call("route.explain", to=text, agent="alice")
            assert checked["reading"] == asked["reading"] == explained["reading"], text
            assert (checked["reading"]["kind"], checked["reading"]["digits"]) == (kind, digits)
            assert checked["reading"]["words"]


async def test_what_a_request_would_refuse_a_check_refuses_for_the_same_reason(
    engine: RunningEngine,
) -> None:
    _daemon, client = engine
    for text, policy, line_type in (
        ("112", "destination", None),
        ("118118", None, "short_code"),
        ("0906 123 4567", "line_type", "premium_rate"),
        ("+4930123456", None, "fixed_line"),
        ("sip:x@elsewhere.example", None, None),
        ("7946 0123", None, None),
    ):
        with pytest.raises(EngineError) as caught:
            await client.call("callback.request", to=text, agent="alice")
        assert caught.value.data.get("policy") == policy
        try:
            checked = await client.call("number.check", number=text)
        except EngineError as error:  # it is nothing at all
            assert error.message == caught.value.message
            continue
        assert (checked["allowed"], checked["policy"]) == (False, policy), text
        assert (checked["reason"], checked["line_type"]) == (caught.value.message, line_type)


async def test_a_check_reads_a_number_in_another_country(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await client.call("number.check", number="030 123456", region="DE")
    assert (found["called"], found["reason"]) == ("+4930123456", "no route for +4930123456")
    with pytest.raises(RequestRejected):
        await client.call("number.check", number="030 123456", region="Germany")


async def test_many_numbers_are_imported_at_once(engine: RunningEngine) -> None:
    _daemon, client = engine
    await client.call("number.block", number="+442079460120", reason="theirs")
    await client.call("number.block", number="+442079460121", until=time.time() + 100)
    numbers = [
        {"number": "020 7946 0120"},
        {"number": "+442079460121", "reason": "for good"},
        {"number": "+442079460122", "until": 4e9},
        {"number": "020 7946 0122", "until": 3.9e9},
        {"number": "hello"},
        {"number": "+442079460123", "until": 1.0},
    ]
    done = await client.call("number.import", numbers=numbers, reason="a register")
    assert (done["blocked"], done["unchanged"]) == (2, 2)
    assert [(one["index"], one["number"]) for one in done["not_read"]] == [
        (4, "hello"),
        (5, "+442079460123"),
    ]
    listed = (await client.call("number.list"))["numbers"]
    assert [(one["number"], one["reason"], one["until"]) for one in listed] == [
        ("+442079460120", "theirs", None),
        ("+442079460121", "for good", None),
        ("+442079460122", "a register", 4e9),
    ]
    abroad = await client.call("number.import", numbers=[{"number": "01 55 55 55 55"}], region="FR")
    assert abroad["blocked"] == 1
    assert (await client.call("number.check", number="+33155555555"))["blocked"] is not None


async def test_numbers_of_a_file_are_not_called(tmp_path: Path) -> None:
    register = tmp_path / "register.csv"
    register.write_text("+442079460140,asked the register\n020 7946 0141\n")
    settings = settings_in(tmp_path, more=f'[do_not_call]\nfiles = ["{register}"]\n')
    async with running(settings) as (daemon, client):
        daemon.reload._environ = {}
        for number in ("+442079460140", "020 7946 0141"):
            error = await refused_by_engine(client, "callback.request", to=number, agent="alice")
            assert error.data["policy"] == "do_not_call"
        checked = await client.call("number.check", number="+442079460140")
        assert checked["blocked"]["reason"] == "asked the register"
        assert checked["blocked"]["by"] == f"file {register}"
        error = await refused_by_engine(client, "number.unblock", number="+442079460140")
        assert error.kind == "refused" and "take it out there" in error.message
        assert (await client.call("number.list"))["numbers"] == []
        register.write_text("+442079460141\n")
        await client.call("engine.reload")
        job = await client.callback(to="+442079460140", agent="alice", not_before=4e9)
        assert job["state"] == "queued"
        error = await refused_by_engine(
            client, "callback.request", to="+442079460141", agent="alice"
        )
        assert error.data["policy"] == "do_not_call"


def test_a_register_that_cannot_be_read_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    more = f'[do_not_call]\nfiles = ["{tmp_path}/nowhere"]\n'
    with pytest.raises(ConfigError, match=r"do_not_call\.files.*cannot be read"):
        settings_in(tmp_path, more=more)
