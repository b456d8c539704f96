"""Requests in flight: how many there may be, and which replies are made when."""

import asyncio
import gc
import json
from pathlib import Path

from engine.control.connections.jsonrpc import RpcRequest
from engine.control.method import Method
from tests.support.control_server import Handlers, Number, serving
from tests.support.waiting import until


async def test_requests_in_flight_are_limited_by_not_reading(tmp_path: Path) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers, max_in_flight=4) as served:
        client = await served.connect()
        other = await served.connect()
        for n in range(50):
            client.request(n, "wait", n=n)
        for _ in range(20):
            assert "result" in await other.ask("ping")
        assert handlers.waiting == 4
        handlers.gate.set()
        assert sorted([(await client.receive())["id"] for _ in range(50)]) == list(range(50))
        await client.close()
        await other.close()


class Counting(Handlers):
    bigs = 0

    async def big(self, params: Number, _peer: object) -> str:
        self.bigs += 1
        await asyncio.sleep(0)
        return "x" * params.n


async def test_client_that_reads_no_replies_is_not_read_either(tmp_path: Path) -> None:
    handlers = Counting()
    async with serving(tmp_path, handlers, max_in_flight=2) as served:
        client = await served.connect()
        other = await served.connect()
        client.stop_reading()
        for n in range(200):
            client.request(n, "big", n=100_000)
        for _ in range(50):
            assert "result" in await other.ask("ping")
        assert 0 < handlers.bigs < 20
        client.go_on_reading()
        assert [(await client.receive())["id"] for _ in range(200)] == list(range(200))
        await client.close()
        await other.close()


async def test_large_replies_are_made_when_those_before_are_read(tmp_path: Path) -> None:
    handlers = Counting()
    async with serving(tmp_path, handlers, max_in_flight=100) as served:
        client, gone, other = [await served.connect() for _ in range(3)]
        for each in (client, gone):
            each.stop_reading()
            for n in range(60):
                each.request(n, "large", n=500_000)
            each.request("small", "add", n=1)
        for _ in range(100):
            assert "result" in await other.ask("ping")
        assert 0 < handlers.bigs < 10
        gone.writer.transport.abort()
        client.go_on_reading()
        ids = [(await client.receive())["id"] for _ in range(61)]
        assert [id for id in ids if id != "small"] == list(range(60))
        assert handlers.bigs < 70, "replies were made for a client that is gone"
        await client.close()
        await other.close()


async def test_no_reply_is_longer_than_a_line(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        reply = await client.ask("big", n=(1 << 20) + 1)
        assert reply["error"]["code"] == -32003
        assert reply["error"]["data"] == {"reason": "too_long", "kind": "unavailable"}
        assert len((await client.ask("big", n=1_000_000))["result"]) == 1_000_000
        await client.close()


async def test_costly_requests_keep_nobody_waiting(tmp_path: Path) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        many = [await served.connect() for _ in range(10)]
        other = await served.connect()
        for client in many:
            for n in range(50):
                client.request(n, "costly", n=1)
        await until(lambda: handlers.costly_done)
        for _ in range(20):
            before = handlers.costly_done
            assert "result" in await other.ask("add", n=1)
            assert handlers.costly_done - before <= 3
        for client in (*many, other):
            client.writer.transport.abort()


async def test_costly_requests_count_as_eight_of_those_in_flight(tmp_path: Path) -> None:
    async with serving(tmp_path, max_in_flight=16) as served:
        client, other = await served.connect(), await served.connect()
        for n in range(10):
            client.request(n, "costly", n=n)
        assert "result" in await other.ask("ping")
        connection = next(one for one in served.server._connections if one._in_flight.weight)
        most = 0
        for n in range(10):
            most = max(most, connection._in_flight.weight)
            assert (await client.receive()) == {"jsonrpc": "2.0", "id": n, "result": n}
        assert most == 16
        await client.close()
        await other.close()


async def test_costly_requests_of_a_client_that_is_gone_are_not_carried_out(tmp_path: Path) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        client = await served.connect()
        for n in range(30):
            client.request(n, "costly", n=n)
        await until(lambda: handlers.costly_done)
        client.writer.transport.abort()
        await until(lambda: not served.server.connections and not served.server._tasks)
        assert handlers.costly_done < 30


async def test_what_is_waited_for_holds_up_nothing_and_is_told_to_those_who_read(
    tmp_path: Path,
) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        client, deaf = await served.connect(), await served.connect()
        deaf.stop_reading()
        for n in range(30):
            for each in (client, deaf):
                each.request(n, "news", n=500)
        client.request("large", "large", n=7)
        await until(lambda: handlers.waiting == 60)
        assert (await client.receive())["result"] == "x" * 7
        handlers.gate.set()
        replies = [await client.receive() for _ in range(30)]
        assert sorted(reply["id"] for reply in replies) == list(range(30))
        assert {len(reply["result"]) for reply in replies} == {500_000}
        assert handlers.large_done < 40, "replies were made that nobody takes"
        deaf.go_on_reading()
        assert len([await deaf.receive() for _ in range(30)]) == 30
        await client.close()
        await deaf.close()


async def test_nothing_is_waited_for_where_the_client_is_gone(tmp_path: Path) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers, max_in_flight=64) as served:
        client = await served.connect()
        for n in range(30):  # of which eight are handled; nothing more is read before they are
            client.request(n, "news", n=1)
        await until(lambda: handlers.waiting == 8)
        client.writer.transport.abort()
        await until(lambda: not served.server.connections and not served.server._tasks)
        assert handlers.waiting == handlers.large_done == 0


async def test_nothing_stays_of_what_a_client_that_is_gone_has_waited_for(tmp_path: Path) -> None:
    """No circle that the garbage collector would have to find: it looks at old objects rarely."""
    handlers = Handlers()
    async with serving(tmp_path, handlers, max_in_flight=64) as served:
        client = await served.connect()
        gc.collect()
        gc.disable()
        try:
            for n in range(8):
                client.request(n, "news", n=1)
            await until(lambda: handlers.waiting == 8)
            assert len(of_requests()) == 8
            client.writer.transport.abort()
            await until(lambda: not served.server.connections and not served.server._tasks)
            await asyncio.sleep(0)
            assert of_requests() == []
        finally:
            gc.enable()


def of_requests() -> list[object]:
    """The requests that some object still holds, garbage or not."""
    return [one for one in gc.get_objects() if isinstance(one, RpcRequest) and one.method == "news"]


async def test_costly_replies_are_made_when_those_before_are_read(tmp_path: Path) -> None:
    class Telling(Counting):
        def table(self) -> dict[str, Method]:
            return super().table() | {"tell": Method(Number, self.big, is_costly=True)}

    handlers = Telling()
    async with serving(tmp_path, handlers) as served:
        client, other = await served.connect(), await served.connect()
        client.stop_reading()
        for n in range(32):
            client.request(n, "tell", n=500_000)
        await until(lambda: handlers.bigs)
        for _ in range(100):
            assert "result" in await other.ask("ping")
        assert handlers.bigs < 10
        client.go_on_reading()
        assert sorted([(await client.receive())["id"] for _ in range(32)]) == list(range(32))
        await client.close()
        await other.close()


async def test_replies_that_are_there_already_wait_for_their_reader(tmp_path: Path) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        client, other = await served.connect(), await served.connect()
        client.stop_reading()
        for n in range(100):
            client.request(n, "call.get", n=100_000)
        await until(lambda: handlers.waiting == 100)
        handlers.gate.set()
        connection = next(one for one in served.server._connections if one._in_flight.weight)
        written = []
        writer = connection._in_flight._writer
        for _ in range(50):
            assert "result" in await other.ask("ping")
            written.append(writer.has_room)
        assert not written[-1]
        assert connection._in_flight.weight > 80
        client.go_on_reading()
        assert sorted([(await client.receive())["id"] for _ in range(100)]) == list(range(100))
        await client.close()
        await other.close()


async def test_long_requests_in_flight_are_limited_together(tmp_path: Path) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        client, other = await served.connect(), await served.connect()
        for n in range(12):
            line = json.dumps({"jsonrpc": "2.0", "id": n, "method": "wait", "params": {"n": n}})
            client.send(line.encode() + b" " * 300_000)
        await until(lambda: handlers.waiting == 4)  # 1 MiB
        for _ in range(100):
            assert "result" in await other.ask("ping")
        assert handlers.waiting == 4
        handlers.gate.set()
        assert sorted([(await client.receive())["id"] for _ in range(12)]) == list(range(12))
        await client.close()
        await other.close()
