"""What one connection answers: good lines, bad lines, many lines, lines that never end."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from engine.store.event_log import EventLog
from tests.support.control_server import Handlers, Serving, encode, serving
from tests.support.waiting import until

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


async def reply_to(tmp_path: Path, line: bytes, handlers: Handlers | None = None) -> dict[str, Any]:
    """The reply to `line`; the connection must be as good as new afterwards."""
    async with serving(tmp_path, handlers) as served:
        client = await served.connect()
        client.send(line)
        reply = await client.receive()
        client.request("after", "add", n=41)
        assert await client.receive() == {"jsonrpc": "2.0", "id": "after", "result": 42}
        await client.close()
        return reply


@pytest.mark.parametrize("id", ["1", "-7", "0.5", '"a"', '"\\u00e9\\n"', "null", "1" * 30])
async def test_reply_carries_the_id_as_it_came(tmp_path: Path, id: str) -> None:
    line = b'{"jsonrpc":"2.0","id":%b,"method":"add","params":{"n":1}}' % id.encode()
    reply = await reply_to(tmp_path, line)
    assert reply == {"jsonrpc": "2.0", "id": json.loads(id), "result": 2}


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"{",
        b'{"jsonrpc":"2.0","id":1,"method":"ping"',
        b'{"jsonrpc":"2.0","id":1,"method":"ping"} x',
        b'{"jsonrpc":"2.0","id":1,"method":"add","params":{"n":NaN}}',
        b'{"jsonrpc":"2.0","id":1,"method":"add","params":{"n":Infinity}}',
        b'{"jsonrpc":"2.0","id":1,"method":"add","params":{"n":01}}',
        b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping\xff"}',
        b'{"jsonrpc":"2.0","id":1,"method":"add","params":{"n":"\xc3\x28"}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"params":' * 50_000,
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":'
        + b"[" * 5000
        + b"]" * 5000
        + b"}}",
        b'"' + b"\x01" + b'"',
    ],
)
async def test_line_that_is_not_json_in_utf_8(tmp_path: Path, line: bytes) -> None:
    reply = await reply_to(tmp_path, line)
    assert reply["error"]["code"] == -32700
    assert reply["id"] is None
    assert reply["error"]["message"]


@pytest.mark.parametrize(
    ("line", "id", "field"),
    [
        (b"1", None, None),
        (b'"ping"', None, None),
        (b"null", None, None),
        (b"[]", None, None),
        (b"[" + PING + b"]", None, None),
        (b"{}", None, "jsonrpc"),
        (b'{"id":5,"method":"ping"}', 5, "jsonrpc"),
        (b'{"jsonrpc":"1.0","id":5,"method":"ping"}', 5, "jsonrpc"),
        (b'{"jsonrpc":2.0,"id":5,"method":"ping"}', 5, "jsonrpc"),
        (b'{"jsonrpc":2.0,"id":5,"params":1e999}', 5, "jsonrpc"),
        (b'{"jsonrpc":"2.0","id":5}', 5, "method"),
        (b'{"jsonrpc":"2.0","id":5,"method":7}', 5, "method"),
        (b'{"jsonrpc":"2.0","method":7}', None, "method"),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', None, "id"),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', None, "id"),
        (b'{"jsonrpc":"2.0","id":"' + b"x" * 2000 + b'","method":"ping"}', None, "id"),
        (b'{"jsonrpc":"2.0","id":5,"method":"ping","params":3}', 5, "params"),
        (b'{"jsonrpc":"2.0","id":5,"method":"ping","params":null}', 5, "params"),
        (b'{"jsonrpc":"2.0","id":5,"method":"ping","parms":{}}', 5, "parms"),
    ],
)
async def test_json_that_is_no_request(
    tmp_path: Path, line: bytes, id: object, field: str | None
) -> None:
    reply = await reply_to(tmp_path, line)
    assert reply["error"]["code"] == -32600
    assert reply["id"] == id
    assert reply["error"].get("data", {}).get("field") == field


async def test_batch_is_refused_in_words(tmp_path: Path) -> None:
    reply = await reply_to(tmp_path, b"[" + PING + b"," + PING + b"]")
    assert "batch" in reply["error"]["message"]


async def test_unknown_method_is_named(tmp_path: Path) -> None:
    reply = await reply_to(tmp_path, b'{"jsonrpc":"2.0","id":1,"method":"callback.requst"}')
    assert reply["error"]["code"] == -32601
    assert "callback.requst" in reply["error"]["message"]
    assert reply["error"]["data"] == {"method": "callback.requst"}


@pytest.mark.parametrize(
    ("method", "params", "field", "reason"),
    [
        ("add", {}, "n", "missing"),
        ("add", {"n": "1"}, "n", "expected int, got str"),
        ("add", {"n": 1.5}, "n", "expected int, got float"),
        ("add", {"n": True}, "n", "expected int, got bool"),
        ("add", {"n": -1}, "n", "expected int >= 0"),
        ("add", {"n": 1, "m": 2}, "m", "unknown"),
        ("ping", {"timeout_s": 1}, "timeout_s", "unknown"),
        ("events.subscribe", {"types": "leg."}, "types", "expected array, got str"),
        ("events.subscribe", {"types": [1]}, "types[0]", "expected str, got int"),
        ("events.subscribe", {"since": -1}, "since", "expected int >= 0"),
        ("events.subscribe", {"types": ["leg.", "calback."]}, "types", "did you mean callback."),
        ("callback.request", {"to": "1", "order": "x"}, "order", "agent_first, customer_first"),
        (
            "callback.request",
            {"to": "1", "agent": "a", "whisper": {"tone": [1]}},
            "whisper.tone",
            "",
        ),
        (
            "callback.request",
            {"to": "1", "agent": "a", "whisper": {"toon": "1"}},
            "whisper.toon",
            "",
        ),
        ("callback.request", {"to": "1", "agent": "a", "whisper": {}}, "whisper.text", ""),
        ("callback.request", {"to": "1"}, "agent", "give agent or queue"),
    ],
)
async def test_wrong_params_name_field_and_reason(
    tmp_path: Path, method: str, params: dict[str, Any], field: str, reason: str
) -> None:
    line = encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    reply = await reply_to(tmp_path, line)
    error = reply["error"]
    assert error["code"] == -32602
    assert error["data"]["field"] == field
    assert reason in error["data"]["reason"]
    assert error["message"] == f"{field}: {error['data']['reason']}"


async def test_positional_params_are_refused(tmp_path: Path) -> None:
    reply = await reply_to(tmp_path, b'{"jsonrpc":"2.0","id":1,"method":"add","params":[1]}')
    assert reply["error"]["code"] == -32602
    assert "by name" in reply["error"]["message"]


async def test_last_of_two_equal_keys_counts(tmp_path: Path) -> None:
    line = b'{"jsonrpc":"2.0","id":1,"method":"add","params":{"n":1,"n":2}}'
    assert (await reply_to(tmp_path, line))["result"] == 3


async def test_engine_error_has_its_code_kind_field_and_data(tmp_path: Path) -> None:
    reply = await reply_to(tmp_path, b'{"jsonrpc":"2.0","id":1,"method":"conflict"}')
    assert reply["error"] == {
        "code": -32000,
        "message": "it is another",
        "data": {"job": "j1", "kind": "conflict", "field": "id"},
    }


@pytest.mark.parametrize("method", ["die", "die_later", "unencodable"])
async def test_dying_handler_is_answered_and_logged(
    tmp_path: Path, method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    line = b'{"jsonrpc":"2.0","id":1,"method":"%b"}' % method.encode()
    reply = await reply_to(tmp_path, line)
    assert reply["error"]["code"] == -32603
    captured = capfd.readouterr()
    assert "control_handler_died" in captured.out + captured.err


async def test_notification_gets_no_reply(tmp_path: Path) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        client = await served.connect()
        for method in (b"ping", b"no.such", b"die", b"die_later", b"conflict"):
            client.send(b'{"jsonrpc":"2.0","method":"%b"}' % method)
        client.send(b'{"jsonrpc":"2.0","method":"add","params":{}}')
        client.send(
            b'{"jsonrpc":"2.0","method":"callback.request","params":{"to":"1","agent":"a"}}'
        )
        client.request(1, "ping")
        assert (await client.receive())["id"] == 1
        assert len(handlers.requests) == 1
        await client.close()


async def test_blank_lines_and_carriage_returns_are_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        client.send(b"", b"  \t", b"\r", PING + b"\r")
        assert (await client.receive())["id"] == 1
        await client.close()


async def test_pipelined_requests_keep_their_order(tmp_path: Path) -> None:
    async with serving(tmp_path, max_in_flight=3) as served:
        client = await served.connect()
        for n in range(500):
            client.request(n, "add" if n % 2 else "ping", **({"n": n} if n % 2 else {}))
        ids = [(await client.receive())["id"] for _ in range(500)]
        # Those that never wait keep the order among themselves.
        assert [id for id in ids if id % 2] == list(range(1, 500, 2))
        assert [id for id in ids if not id % 2] == list(range(0, 500, 2))
        await client.close()


async def test_waiting_request_does_not_hold_up_others(tmp_path: Path) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        client = await served.connect()
        client.request("slow", "wait", n=7)
        assert (await client.ask("ping"))["id"] == "ask"
        handlers.gate.set()
        assert await client.receive() == {"jsonrpc": "2.0", "id": "slow", "result": 7}
        await client.close()


async def test_long_line_is_skipped_and_refused_once(tmp_path: Path) -> None:
    async with serving(tmp_path, max_request_bytes=32 << 10) as served:
        client = await served.connect()
        for _ in range(64):
            client.writer.write(b"x" * (64 << 10))
            await client.writer.drain()
        client.send(b"", PING)
        error = await client.error()
        assert error["code"] == -32600
        assert "longer than 32768" in error["message"]
        assert (await client.receive())["id"] == 1
        await client.close()


async def test_line_of_exactly_the_limit_is_accepted(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        client.send(PING + b" " * ((1 << 20) - len(PING)))
        assert (await client.receive())["id"] == 1
        client.send(PING + b" " * ((1 << 20) + 1 - len(PING)))
        assert (await client.error())["code"] == -32600
        await client.close()


async def test_half_a_line_at_the_end_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        client.send(PING)
        client.writer.write(PING[:20])
        client.writer.write_eof()
        replies = [await client.receive() for _ in range(2)]
        errors = [reply["error"]["code"] for reply in replies if "error" in reply]
        assert errors == [-32700]
        assert await client.is_closed()
        await client.close()


async def test_requests_before_the_end_are_still_answered(tmp_path: Path) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        client = await served.connect()
        client.request(1, "wait", n=1)
        client.writer.write_eof()
        await until(lambda: handlers.waiting)
        handlers.gate.set()
        assert (await client.receive())["result"] == 1
        assert await client.is_closed()
        await client.close()


async def test_client_that_vanishes_leaves_nothing_and_its_requests_are_finished(
    tmp_path: Path,
) -> None:
    done: list[int] = []

    class Noting(Handlers):
        async def wait(self, params: Any, peer: Any) -> int:
            done.append(await super().wait(params, peer))
            return done[-1]

    handlers = Noting()
    async with serving(tmp_path, handlers) as served:
        client = await served.connect()
        client.request(1, "wait", n=9)
        client.request(2, "events.subscribe")
        await client.receive()
        await until(lambda: handlers.waiting)
        client.writer.transport.abort()
        handlers.gate.set()
        await until(lambda: done and not served.server.connections)
        assert done == [9]


# A line is anything without a line end; requests are built from parts that are right or wrong.
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
_request = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | _json,
        "id": st.integers() | st.text(max_size=8) | _json,
        "method": st.sampled_from(["ping", "add", "die", "conflict", "callback.request"]) | _json,
        "params": st.fixed_dictionaries({"n": st.integers()}) | _json,
        "extra": _json,
    },
)
_line = st.one_of(
    st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")),
    _request.map(lambda body: json.dumps(body).encode(errors="surrogatepass")),
    _json.map(lambda body: json.dumps(body).encode(errors="surrogatepass")),
)


def _id_of(line: bytes) -> tuple[bool, object]:
    """Whether the line is a request with an id that must come back, and that id."""
    try:
        body = json.loads(line.decode())
    except ValueError:
        return False, None
    if not isinstance(body, dict) or "id" not in body:
        return False, None
    id = body["id"]
    if isinstance(id, bool) or not isinstance(id, str | int | float | None):
        return False, None
    return True, id


@given(lines=st.lists(_line, max_size=8))
def test_any_lines_leave_the_connection_up_and_each_request_one_reply(lines: list[bytes]) -> None:
    async def exchange() -> None:
        with tempfile.TemporaryDirectory() as directory:
            async with serving(Path(directory)) as served:
                client = await served.connect()
                client.send(*lines)
                client.request("the-end", "add", n=1)
                client.writer.write_eof()
                replies = []
                while line := await client.reader.readline():
                    replies.append(json.loads(line))
                await client.close()
        ids = [reply["id"] for reply in replies]
        assert ids.count("the-end") == 1
        for reply in replies:
            assert ("result" in reply) != ("error" in reply)
        # NaN and the like are not JSON, though Python's reader takes them: those get null.
        given_ids = [id for is_request, id in map(_id_of, lines) if is_request]
        known = [id for id in ids if id is not None and id != "the-end"]
        for id in known:
            assert known.count(id) <= given_ids.count(id)
        answered = sum(bool(line.strip()) and not _is_notification(line) for line in lines)
        assert len(replies) == answered + 1

    uvloop.run(exchange())


def _is_notification(line: bytes) -> bool:
    """Whether a line is a whole request without id, which is never answered."""
    try:
        body = json.loads(line.decode(), parse_constant=_no_constant)
    except ValueError:
        return False
    return (
        isinstance(body, dict)
        and set(body) <= {"jsonrpc", "method", "params"}
        and body.get("jsonrpc") == "2.0"
        and isinstance(body.get("method"), str)
        and (isinstance(body.get("params", {}), dict | list))
    )


def _no_constant(text: str) -> None:
    raise ValueError(text)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Any:
    return asyncio.run if request.param == "asyncio" else uvloop.run


def test_slow_reader_is_cut_off_and_learns_where_to_resume(run: Any, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, slow_reader_bytes=64 << 10) as served:
            slow, quick = await served.connect(), await served.connect()
            for client in (slow, quick):
                assert "result" in await client.ask("events.subscribe")
            slow.stop_reading()
            text = "x" * 900
            seen = 0
            for n in range(1, 3001):
                served.events.publish("test.event", n=n, text=text)
                if n % 20 == 0:
                    while seen < n:
                        seen += 1
                        assert (await quick.receive())["params"]["seq"] == seen
            assert served.events.listeners == 1
            slow.go_on_reading()
            # The slow one wakes up: what it had been sent, then where to resume, then the end.
            sequence = []
            while (event := (await slow.receive())["params"])["type"] == "test.event":
                sequence.append(event["seq"])
            assert event["type"] == "engine.slow_reader"
            assert sequence == list(range(1, len(sequence) + 1))
            assert event["resume"] == event["seq"] == sequence[-1] < 3000
            assert await slow.is_closed()
            await resume_from(served, event["resume"], 3000)
            for client in (slow, quick):
                await client.close()

    run(story())


async def resume_from(served: Serving, since: int, last: int) -> None:
    again = await served.connect()
    reply = await again.ask("events.subscribe", since=since)
    assert reply["result"] == {"epoch": "e1", "seq": last}
    for seq in range(since + 1, last + 1):
        assert (await again.receive())["params"]["seq"] == seq
    await again.close()


async def test_subscribing_again_replaces_the_subscription(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        await client.ask("events.subscribe", types=["leg."])
        await client.ask("events.subscribe", types=["callback."])
        served.events.publish("leg.ringing")
        served.events.publish("callback.queued")
        assert (await client.receive())["params"]["type"] == "callback.queued"
        assert served.events.listeners == 1
        await client.close()


async def test_gap_is_exact(tmp_path: Path) -> None:
    log = EventLog(epoch="e2", capacity=10)
    for _ in range(25):
        log.publish("test.event")
    async with serving(tmp_path, log=log) as served:
        client = await served.connect()
        result = (await client.ask("events.subscribe", since=4))["result"]
        assert result == {
            "epoch": "e2",
            "seq": 25,
            "gap": {"from": 5, "to": 15, "reason": "evicted"},
            "snapshot": True,
        }
        assert [(await client.receive())["params"]["seq"] for _ in range(10)] == list(range(16, 26))
        assert (await client.receive())["params"]["type"] == "snapshot.end"
        result = (await client.ask("events.subscribe", since=900))["result"]
        assert result["gap"] == {"from": 901, "to": None, "reason": "epoch"}
        assert (await client.receive())["params"]["seq"] == 16
        await client.close()
