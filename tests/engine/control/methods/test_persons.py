"""person.export and person.erase: all that is kept of a person, and nothing of it afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest

from ringback_client import Client, EngineError, RequestRejected
from tests.support.engines.in_process import request, running, settings_in

NUMBER = "+442079460123"
DIGITS = "2079460123"
OTHER = "+442079460199"


async def _ended(client: Client, job: str, number: str, **more: Any) -> None:
    await client.callback(**request(to=number, id=job, not_before=4e9, **more))
    await client.call("callback.annotate", id=job, notes=f"they said {number} is right", rating=4)
    await client.call("callback.cancel", id=job)


async def _export(client: Client, number: str = NUMBER, **more: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    cursor = None
    while True:
        page = await client.call("person.export", number=number, cursor=cursor, **more)
        assert page["number"] == number
        for item in page["items"]:
            found.setdefault(item["kind"], []).append(item["data"])
        cursor = page["cursor"]
        if cursor is None:
            return found


def _recording(directory: Path, name: str) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / f"{name}.wav"
    path.write_bytes(b"RIFF")
    return path


async def test_an_export_has_all_that_is_kept_of_the_person_and_nothing_of_others(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (_daemon, client):
        await _ended(client, "j1", NUMBER, context={"name": "Ada", "phone": "020 7946 0123"})
        await _ended(client, "j2", OTHER, context={"name": "Bob"})
        await client.call("number.block", number=NUMBER)
        recording = _recording(settings.media.recordings, "j1")
        found = await _export(client)
        assert [job["id"] for job in found["job"]] == ["j1"]
        assert found["job"][0]["context"]["name"] == "Ada"
        (record,) = found["record"]
        assert (record["number"], record["rating"]) == (NUMBER, 4)
        types = {event["type"] for event in found["event"]}
        assert {"callback.queued", "callback.annotated", "callback.cancelled"} <= types
        assert {entry["method"] for entry in found["audit"]} >= {"callback.request"}
        assert found["recording"] == [{"path": str(recording), "bytes": 4}]
        assert found["blocked"][0]["number"] == NUMBER
        assert "Bob" not in json.dumps(found)
        assert "j2" not in json.dumps(found["event"])


async def test_an_export_comes_in_pages_that_have_everything_once(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (_daemon, client):
        for number in range(3):
            await _ended(client, f"j{number}", NUMBER)
        whole = await _export(client)
        assert await _export(client, limit=2) == whole


async def test_after_an_erasure_only_counts_are_left(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (daemon, client):
        await _ended(client, "j1", NUMBER, context={"name": "Ada Lovelace"}, caller_id=OTHER)
        await _ended(client, "j2", OTHER, context={"name": "Bob"})
        await client.call("callback.annotate", id="j2", notes=f"is with {NUMBER}")
        recording = _recording(settings.media.recordings, "j1")
        kept = _recording(settings.media.recordings, "j2")
        erased = await client.call("person.erase", number="020 7946 0123")
        assert (erased["jobs"], erased["records"], erased["recordings"]) == (1, 1, 1)
        assert erased["events"] > 3
        assert not recording.exists()
        assert kept.exists()
        assert await _export(client) == {}
        assert (await client.call("history.get", number=NUMBER))["history"] == []
        job = await client.call("callback.get", id="j1")
        assert (job["to"], job["context"], job["notes"]) == ("erased", {}, [])
        record = await client.call("record.get", id="j1")
        assert (record["state"], record["rating"], record["erased"]) == ("cancelled", 4, True)
        totals = (await client.call("report.job", **{"from": 1.0}))["total"]
        assert totals["cancelled"] == 2
        other = await client.call("record.get", id="j2")
        assert other["context"] == {"name": "Bob"}
        in_memory = b"".join(event.line for event in daemon.events.after(0))
        assert DIGITS.encode() not in in_memory
        assert b"Lovelace" not in in_memory
        # While the engine runs: nobody stops it to have a person erased.
        for file in tmp_path.glob("ringback.db*"):
            assert DIGITS.encode() not in file.read_bytes(), file
            assert b"Lovelace" not in file.read_bytes(), file


async def test_a_request_of_before_is_known_still_so_that_nobody_is_called_again(
    tmp_path: Path,
) -> None:
    async with running(settings_in(tmp_path)) as (_daemon, client):
        await _ended(client, "j1", NUMBER)
        await client.call("person.erase", number=NUMBER)
        with pytest.raises(EngineError) as refused:
            await client.callback(**request(to=NUMBER, id="j1", not_before=4e9))
        assert refused.value.kind == "conflict"


async def test_nothing_is_erased_while_a_job_is_open(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (_daemon, client):
        await client.callback(**request(to=NUMBER, id="j1", not_before=4e9))
        with pytest.raises(EngineError, match="j1 has not ended: cancel it first"):
            await client.call("person.erase", number=NUMBER)
        assert (await client.call("callback.get", id="j1"))["called"] == NUMBER


async def test_a_blocked_number_stays_blocked(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (_daemon, client):
        await client.call("number.block", number=NUMBER)
        await client.call("person.erase", number=NUMBER)
        assert (await client.call("number.check", number=NUMBER))["policy"] == "do_not_call"


async def test_the_erasure_is_an_event_and_in_the_audit_log_without_the_number(
    tmp_path: Path,
) -> None:
    async with running(settings_in(tmp_path)) as (_daemon, client):
        await _ended(client, "j1", NUMBER)
        async with client.events(types=["person."]) as events:
            await client.call("person.erase", number=NUMBER)
            event = await anext(events)
        assert (event["type"], event["jobs"]) == ("person.erased", 1)
        assert NUMBER not in json.dumps(event)
        entries = (await client.call("audit.list", method="person."))["entries"]
        assert [entry["method"] for entry in entries] == ["person.erase"]
        assert DIGITS not in json.dumps(entries)


async def test_one_job_is_handed_out_and_erased_by_itself(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (_daemon, client):
        for job in ("j1", "j2"):
            await _ended(client, job, NUMBER, context={"name": f"the {job}"})
        await client.call("number.block", number=NUMBER)
        recordings = [_recording(settings.media.recordings, job) for job in ("j1", "j2")]
        items = (await client.call("person.export", job="j1"))["items"]
        assert {item["kind"] for item in items} == {"job", "record", "event", "audit", "recording"}
        assert "j2" not in json.dumps(items)
        erased = await client.call("person.erase", job="j1")
        assert (erased["jobs"], erased["records"], erased["recordings"]) == (1, 1, 1)
        assert [one.exists() for one in recordings] == [False, True]
        assert (await client.call("callback.get", id="j1"))["to"] == "erased"
        other = await client.call("callback.get", id="j2")
        assert (other["to"], other["context"]) == (NUMBER, {"name": "the j2"})
        assert len(other["notes"]) == 1
        (entry,) = (await client.call("history.get", number=NUMBER))["history"]
        assert entry["id"] == "j2"
        assert set((await client.call("person.erase", job="j1")).values()) == {0}
        again = await client.call("person.export", job="j1")
        assert (again["number"], again["items"]) == ("erased", [])
        for method in ("person.export", "person.erase"):
            with pytest.raises(EngineError, match="there is no job none"):
                await client.call(method, job="none")
            with pytest.raises(RequestRejected, match="only one of number, job, call or request"):
                await client.call(method, job="j2", number=NUMBER)


async def test_the_job_of_an_open_call_is_not_erased(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (_daemon, client):
        await client.callback(**request(to=NUMBER, id="j1", not_before=4e9))
        with pytest.raises(EngineError, match="j1 has not ended: cancel it first"):
            await client.call("person.erase", job="j1")


GATEWAYS = """
[limits.site_number]
per_day = 1
""" + "".join(
    f"""
[[rights]]
name = "{name}"
token = "the-token-of-{name}"
role = "gateway"
"""
    for name in ("web", "other")
)
OF_VISITOR = {"context": {"name": "Ada Lovelace"}, "site": "shop.example", "source": "192.0.2.7"}


async def test_of_a_request_that_made_no_job_what_the_audit_log_has_is_erased(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path, more=GATEWAYS)
    socket = str(settings.control.socket)
    async with running(settings) as (_daemon, client):
        await client.call("number.block", number=OTHER)
        web = await Client.connect(socket, token="the-token-of-web")
        other = await Client.connect(socket, token="the-token-of-other")
        async with web, other:
            await web.callback(**request(to=NUMBER, id="made"))
            for id, number in (("refused", OTHER), ("feigned", OTHER)):
                with pytest.raises(EngineError, match="asked not to be called"):
                    await web.callback(**request(to=number, id=id, **OF_VISITOR))
            await web.call("callback.feign", **request(to=OTHER, id="feigned", **OF_VISITOR))
            await other.call("callback.feign", **request(to=OTHER, id="refused", context={"a": 1}))
            shown = await client.call("person.export", request="feigned")
            assert [one["data"]["method"] for one in shown["items"]] == [
                "callback.request", "callback.feign",
            ]  # fmt: skip
            assert (await client.call("person.export", request="refused", who="web"))["items"]
            with pytest.raises(RequestRejected, match="goes with request"):
                await client.call("person.export", number=NUMBER, who="web")
            # What others have done is theirs, and a job is none of these.
            assert (await web.call("person.export", request="feigned"))["items"] == []
            assert (await other.call("person.erase", request="feigned"))["audit"] == 0
            assert (await other.call("person.erase", request="made"))["audit"] == 0
            assert (await other.call("person.erase", request="feigned", who="web"))["audit"] == 0
            for one in (web, client):
                with pytest.raises(EngineError, match="request made made a job"):
                    await one.call("person.erase", request="made")
            for id, audit in (("feigned", 2), ("refused", 1), ("refused", 0), ("none", 0)):
                erased = await web.call("person.erase", request=id)
                assert erased == {
                    "jobs": 0, "records": 0, "events": 0, "audit": audit, "recordings": 0,
                }  # fmt: skip
            left = (await client.call("audit.list", method="callback.feign"))["entries"]
            assert [(entry["who"], "erased" in entry["params"]) for entry in left] == [
                ("other", False), ("web", True),
            ]  # fmt: skip
            assert (await client.call("person.erase", request="refused"))["audit"] == 1
        for file in tmp_path.glob("ringback.db*"):
            assert b"Lovelace" not in file.read_bytes(), file


async def test_why_a_request_was_refused_names_nobody_once_it_is_erased(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, more=GATEWAYS)) as (_daemon, client):
        await client.callback(**request(to=NUMBER, id="made", join=False, **OF_VISITOR))
        with pytest.raises(EngineError, match=DIGITS):
            await client.callback(**request(to=NUMBER, id="more", join=False, **OF_VISITOR))
        await client.call("person.erase", request="more")
        (entry, _made) = (await client.call("audit.list", method="callback.request"))["entries"]
        assert (entry["outcome"], entry["reason"]) == ("refused", "erased")
        assert DIGITS not in json.dumps(entry)
