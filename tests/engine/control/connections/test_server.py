"""The control socket itself: its file, its modes, who else is there, who may connect, TCP."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from config.sections import Control
from engine.control.capacity.connection_limit import (
    KEPT_PLACES,
    ConnectionLimit,
    Place,
    most_connections,
)
from engine.control.connections import connection as connection_module
from engine.control.connections import server as control_module
from engine.control.connections.peer import Peer
from engine.control.connections.server import ControlError, ControlServer
from engine.errors import EngineError
from engine.store.event_log import EventLog
from tests.support.control_server import BareClient, Handlers, serving, without_privileges
from tests.support.tls import TOKEN, certificate, connect_tls, needs_openssl, tls_settings
from tests.support.waiting import until


def server(path: Path) -> ControlServer:
    return ControlServer(Control(socket=path), {}, EventLog())


async def test_socket_has_mode_0660_from_the_first_moment(tmp_path: Path) -> None:
    one = server(tmp_path / "run" / "control.sock")
    await one.bind()
    status = one.settings.socket.stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o660
    await one.stop()
    assert not one.settings.socket.exists()


async def test_socket_file_of_a_dead_engine_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    async with serving(tmp_path) as served:
        client = await served.connect()
        assert (await client.ask("ping"))["result"]["version"] == "1"
        await client.close()


async def test_living_engine_is_not_replaced(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        with pytest.raises(ControlError) as raised:
            await server(served.settings.socket).bind()
        assert raised.value.key == "control.socket"
        assert "another engine is running" in raised.value.reason
        client = await served.connect()
        assert "result" in await client.ask("ping")
        await client.close()


async def test_living_listener_without_a_lock_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(1)
        with pytest.raises(ControlError, match="another engine is running"):
            await server(path).bind()
        assert path.exists()


async def test_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    with pytest.raises(ControlError, match="not a socket"):
        await server(path).bind()
    assert path.read_text() == "precious"


async def test_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ControlError) as raised:
        await server(tmp_path / "file" / "control.sock").bind()
    assert raised.value.key == "control.socket"
    assert "\n" not in raised.value.reason


@needs_openssl
async def test_failed_bind_leaves_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        cert, key = certificate(tmp_path)
        port = taken.getsockname()[1]
        settings = Control(
            socket=tmp_path / "control.sock",
            tcp=f"127.0.0.1:{port}",
            tls_cert=cert,
            tls_key=key,
            token=TOKEN,
        )
        with pytest.raises(ControlError) as raised:
            await ControlServer(settings, {}, EventLog()).bind()
        assert raised.value.key == "control.tcp"
        assert "in use" in raised.value.reason
    again = server(tmp_path / "control.sock")
    await again.bind()
    await again.stop()


async def test_socket_file_taken_over_by_another_is_not_removed(tmp_path: Path) -> None:
    one = server(tmp_path / "control.sock")
    await one.bind()
    one.settings.socket.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(one.settings.socket))
        await one.stop()
        assert one.settings.socket.exists()


async def test_peer_is_who_the_kernel_says(tmp_path: Path) -> None:
    seen: list[Peer] = []

    class Spy(Handlers):
        async def ping(self, _params: object, peer: Peer) -> dict[str, str]:
            seen.append(peer)
            return {}

    async with serving(tmp_path, Spy()) as served:
        client = await served.connect()
        await client.ask("ping")
        await client.close()
    assert (seen[0].uid, seen[0].gid, seen[0].pid) == (os.getuid(), os.getgid(), os.getpid())


async def test_user_who_is_not_allowed_gets_an_error_and_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown_source = Peer("unix", uid=54321, gid=54321, pid=1)
    monkeypatch.setattr(control_module, "unix_peer", lambda _connected: unknown_source)
    async with serving(tmp_path, allow_users=[12345]) as served:
        client = await served.connect()
        error = await client.error()
        assert error["code"] == -32002
        assert error["data"]["kind"] == "refused"
        assert "54321" in error["message"]
        assert await client.is_closed()
        await client.close()


async def test_too_many_connections_get_an_error_and_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_privileges(monkeypatch)
    async with serving(tmp_path, max_connections=2) as served:
        clients = [await served.connect() for _ in range(2)]
        for client in clients:
            await client.ask("events.subscribe")
        third = await served.connect()
        assert (await third.error())["data"]["kind"] == "unavailable"
        assert await third.is_closed()
        assert "result" in await clients[0].ask("ping")
        await clients[1].close()
        await third.close()
        await until(lambda: served.server.connections == 1)
        fourth = await served.connect()
        assert "result" in await fourth.ask("ping")
        await clients[0].close()
        await fourth.close()


async def test_a_refused_client_can_still_write_before_reading_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_privileges(monkeypatch)
    async with serving(tmp_path, max_connections=1) as served:
        first = await served.connect()
        await first.ask("events.subscribe")
        second = await served.connect()
        assert (await second.error())["data"]["kind"] == "unavailable"
        assert await second.is_closed()
        for _ in range(3):  # a pipe that breaks here would hide the reason from many a client
            second.request(1, "ping")
            await second.writer.drain()
            await asyncio.sleep(0)
        await second.close()
        await until(lambda: served.server.connections == 1)
        await first.close()


async def test_a_lingering_client_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_privileges(monkeypatch)
    monkeypatch.setattr("engine.control.connections.connection.REFUSED_LINGER_S", 0.05)
    async with serving(tmp_path, max_connections=2) as served:
        clients = [await served.connect() for _ in range(2)]
        for client in clients:
            await client.ask("events.subscribe")
        refused = [await served.connect() for _ in range(5)]
        for client in refused:
            assert (await client.error())["data"]["kind"] == "unavailable"
        assert served.server.connections <= 4  # no more of them than of the others
        await clients[0].close()
        admitted = served.server._connections
        await until(lambda: sum(not one.is_refused for one in admitted) == 1)
        another = await served.connect()
        assert "result" in await another.ask("ping")
        await until(lambda: served.server.connections == 2)
        for client in (another, *clients[1:], *refused):
            await client.close()


async def test_one_that_is_idle_gives_way_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_privileges(monkeypatch)
    async with serving(tmp_path, max_connections=2) as served:
        idle, busy = [await served.connect() for _ in range(2)]
        await busy.ask("events.subscribe")
        third = await served.connect()
        assert "result" in await third.ask("ping")
        error = await idle.error()
        assert error["data"]["kind"] == "unavailable"
        assert "idle" in error["message"]
        assert await idle.is_closed()
        assert "result" in await busy.ask("ping")
        for client in (idle, busy, third):
            await client.close()


async def test_root_and_the_engines_own_user_are_never_locked_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, max_connections=4) as served:
        without_privileges(monkeypatch)
        others = [await served.connect() for _ in range(4)]
        for client in others:
            await client.ask("events.subscribe")
        monkeypatch.undo()
        own = [await served.connect() for _ in range(40)]
        assert "result" in await own[-1].ask("ping")
        for client in others:
            assert "result" in await client.ask("ping")
        for client in (*own, *others):
            await client.close()


async def test_a_burst_of_a_thousand_clients_is_taken_in(tmp_path: Path) -> None:
    async with serving(tmp_path, max_connections=1000) as served:
        path = str(served.settings.socket)
        burst = []
        for _ in range(1000):  # the engine has no turn meanwhile
            connected = socket.socket(socket.AF_UNIX)
            connected.setblocking(False)
            connected.connect(path)
            burst.append(connected)
        await until(lambda: served.server.connections == 1000)
        last = await served.connect()
        assert "result" in await last.ask("ping")
        await last.close()
        for connected in burst:
            connected.close()


async def test_lines_without_end_take_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as served:
        monkeypatch.setattr(served.server.half_lines, "_most_bytes", 1 << 20)
        clients = [await served.connect() for _ in range(4)]
        for client in clients:
            client.writer.write(b"x" * (400 << 10))
            await client.writer.drain()
        error = await clients[0].error()
        assert error["code"] == -32600
        assert "given up" in error["message"]
        assert served.server.half_lines.total_bytes <= 1 << 20
        clients[0].send(b"the rest of it")
        for client in (clients[0], await served.connect()):
            assert "result" in await client.ask("ping")
            await client.close()
        for client in clients[1:]:
            await client.close()


async def test_a_line_that_never_ends_closes_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.control.connections.connection.MOST_SKIPPED_BYTES", 200_000)
    async with serving(tmp_path, max_request_bytes=32768) as served:
        client = await served.connect()
        client.writer.write(b"x" * 400_000)
        assert "longer than 32768" in (await client.error())["message"]
        assert "no end" in (await client.error())["message"]
        assert await client.is_closed()
        await client.close()


async def test_who_sends_lines_without_end_is_read_slowly_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as served:
        charged: list[int] = []

        def charge(_principal: str, unended_bytes: int) -> float:
            charged.append(unended_bytes)
            return 0.02 if unended_bytes else 0.0

        monkeypatch.setattr(served.server.half_lines, "charge", charge)
        client, other = await served.connect(), await served.connect()
        begun = b'{"jsonrpc":"2.0","id":1,"method":"' + b"a" * 300_000
        client.writer.write(begun)
        for _ in range(3):
            assert "result" in await other.ask("ping")
        client.send(b'"}')
        assert (await client.error())["code"] == -32601
        assert 200_000 <= sum(charged) <= len(begun)
        assert max(charged) <= 32 * 1024
        assert "result" in await client.ask("ping")
        await client.close()
        await other.close()


@needs_openssl
async def test_an_unknown_source_that_sends_a_long_line_is_closed(tmp_path: Path) -> None:
    async with serving(tmp_path, **tls_settings(tmp_path)) as served:
        (address,) = served.server.tcp_addresses
        client = await connect_tls(address, tmp_path)
        client.writer.write(b"x" * 5000)
        assert "longer than 4096" in (await client.error())["message"]
        assert await client.is_closed()


@needs_openssl
async def test_tcp_needs_the_token_first(tmp_path: Path) -> None:
    async with serving(tmp_path, **tls_settings(tmp_path)) as served:
        (address,) = served.server.tcp_addresses
        client = await connect_tls(address, tmp_path)
        for method in ("ping", "events.subscribe", "no.such"):
            reply = await client.ask(method)
            assert reply["error"]["data"]["kind"] == "refused"
            assert "auth" in reply["error"]["message"]
        assert (await client.ask("auth", token=TOKEN.get_secret_value()))["result"] == {
            "authenticated": True
        }
        assert "result" in await client.ask("ping")
        await client.close()


@needs_openssl
async def test_wrong_token_ends_the_connection(tmp_path: Path) -> None:
    async with serving(tmp_path, **tls_settings(tmp_path)) as served:
        (address,) = served.server.tcp_addresses
        client = await connect_tls(address, tmp_path)
        reply = await client.ask("auth", token="wrong")
        assert reply["error"]["data"] == {"kind": "refused", "field": "token"}
        assert await client.is_closed()
        await client.close()


@needs_openssl
@pytest.mark.parametrize("shakes_hands", [True, False])
async def test_who_shows_no_token_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shakes_hands: bool
) -> None:
    for module in (control_module, connection_module):
        monkeypatch.setattr(module, "AUTH_LIMIT_S", 0.2)
    async with serving(tmp_path, **tls_settings(tmp_path)) as served:
        (address,) = served.server.tcp_addresses
        if shakes_hands:
            client = await connect_tls(address, tmp_path)
        else:
            client = BareClient(*await asyncio.open_connection(*address))
        assert await client.is_closed()
        await client.close()


@needs_openssl
@pytest.mark.parametrize("shakes_hands", [True, False])
async def test_nobody_without_a_token_keeps_out_who_has_one(
    tmp_path: Path, shakes_hands: bool
) -> None:
    async with serving(tmp_path, max_connections=4, **tls_settings(tmp_path)) as served:
        (address,) = served.server.tcp_addresses
        unknown_sources = []
        for _ in range(12):
            if shakes_hands:
                unknown_sources.append(await connect_tls(address, tmp_path))
            else:
                unknown_sources.append(BareClient(*await asyncio.open_connection(*address)))
        client = await connect_tls(address, tmp_path)
        reply = await client.ask("auth", token=TOKEN.get_secret_value())
        assert reply["result"] == {"authenticated": True}
        for _ in range(6):
            unknown_sources.append(await connect_tls(address, tmp_path))
        assert "result" in await client.ask("ping")
        await until(lambda: served.server.connections <= 5)
        for one in (client, *unknown_sources):
            one.writer.transport.abort()


async def test_local_connections_that_come_in_one_turn_give_way_to_each_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, max_connections=8) as served:
        most = most_connections(8) + KEPT_PLACES
        burst = []
        for _ in range(most + 20):  # before the loop has its turn
            one = socket.socket(socket.AF_UNIX)
            one.setblocking(False)
            one.connect(str(tmp_path / "control.sock"))
            burst.append(one)
        client = await served.connect()
        assert "result" in await client.ask("ping")
        assert not caplog.records
        for one in burst:
            one.close()
        await client.close()
        await until(lambda: not served.server.connections)


@needs_openssl
async def test_a_right_token_without_a_place_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = EngineError("unavailable", "there are 4 connections already")

    def no_place(_limit: ConnectionLimit, _place: Place, _now: float) -> EngineError:
        return full

    monkeypatch.setattr(ConnectionLimit, "become_known", no_place)
    async with serving(tmp_path, **tls_settings(tmp_path)) as served:
        (address,) = served.server.tcp_addresses
        client = await connect_tls(address, tmp_path)
        reply = await client.ask("auth", token=TOKEN.get_secret_value())
        assert reply["error"]["message"] == full.message
        assert await client.is_closed()
        await client.close()


@needs_openssl
async def test_unknown_client_gets_little_room(tmp_path: Path) -> None:
    async with serving(tmp_path, **tls_settings(tmp_path)) as served:
        (address,) = served.server.tcp_addresses
        client = await connect_tls(address, tmp_path)
        client.send(b" " * 5000)
        assert "4096" in (await client.error())["message"]
        await client.close()


async def test_certificate_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    settings = Control(
        socket=tmp_path / "control.sock",
        tcp="127.0.0.1:0",
        tls_cert=str(tmp_path / "none.pem"),
        tls_key=str(tmp_path / "none.key"),
        token=TOKEN,
    )
    with pytest.raises(ControlError) as raised:
        await ControlServer(settings, {}, EventLog()).bind()
    assert raised.value.key == "control.tls_cert"


async def test_stop_ends_waiting_handlers_and_connections(tmp_path: Path) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        client = await served.connect()
        client.request(1, "wait", n=1)
        client.request(2, "add", n=1)
        assert (await client.receive())["id"] == 2
        await until(lambda: handlers.waiting)
    assert await client.is_closed()
    await client.close()


async def test_a_certificate_that_is_none_is_an_error(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("no certificate at all\n")
    settings = Control(
        socket=tmp_path / "control.sock",
        tcp="127.0.0.1:0",
        tls_cert=str(tmp_path / "cert.pem"),
        tls_key=str(tmp_path / "key.pem"),
        token=TOKEN,
    )
    with pytest.raises(ControlError, match="cannot be used") as raised:
        await ControlServer(settings, {}, EventLog()).bind()
    assert raised.value.key == "control.tls_cert"
