"""Rights: by user, group and token, as the kernel and the configuration say."""

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.rights import Right
from config.sections import Control
from engine.control.audit import Audit
from engine.control.connections.peer import Peer
from engine.control.connections.server import ControlServer
from engine.control.rights import NOBODY, Principal, Rights
from engine.errors import EngineError
from engine.store.event_log import EventLog
from tests.support.control_server import BareClient, Handlers
from tests.support.tls import connect_tls, needs_openssl, tls_settings

TOKEN = "0123456789abcdef-"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


def right(name: str, **values: Any) -> Right:
    if "token" in values:
        values["token"] = SecretStr(values["token"])
    return Right(name=name, **values)


def rights(*entries: Right, **control: Any) -> Rights:
    return Rights(Control(**control), entries)


def unix(uid: int, *groups: int) -> Peer:
    return Peer("unix", uid=uid, gid=uid, pid=1, groups=groups)


def test_without_entries_everybody_who_may_connect_administers() -> None:
    assert rights().of_peer(unix(4321)).role == "administer"
    assert rights(right("t", token=TOKEN, role="read")).of_peer(unix(4321)).role == "administer"


def test_with_entries_others_have_none_unless_configured_otherwise() -> None:
    one = right("a", user=12, role="supervise")
    assert rights(one).of_peer(unix(12)) == Principal("a", "supervise", None, "a")
    assert rights(one).of_peer(unix(4321)).role == "none"
    assert rights(one, default_role="read").of_peer(unix(4321)).role == "read"
    assert rights(default_role="none").of_peer(unix(4321)).role == "none"


def test_root_and_the_engines_own_user_administer() -> None:
    entries = [right("a", user=0, role="read")]
    if os.geteuid():
        entries.append(right("b", user=os.geteuid(), role="read"))
    assert rights(*entries).of_peer(unix(0)).role == "administer"
    assert rights(*entries).of_peer(unix(os.geteuid())).role == "administer"


def test_the_highest_of_several_groups_holds_and_the_user_before_them() -> None:
    some = rights(
        right("low", group="root", role="read"),
        right("high", group="daemon", role="operate"),
        right("own", user=77, role="read"),
    )
    assert some.of_peer(unix(50, 0)).role == "read"
    assert some.of_peer(unix(50, 0, 1)).role == "operate"
    assert some.of_peer(unix(77, 0, 1)).role == "read"
    assert some.of_peer(unix(50, 99)).role == "none"


def test_tokens() -> None:
    some = rights(
        right("board", token=TOKEN + "1", role="read"),
        right("alice", token=TOKEN + "2", agent="alice"),
        token=SecretStr(TOKEN),
    )
    assert some.of_token(TOKEN) == Principal("token", "administer")
    assert some.of_token(TOKEN + "1") == Principal("board", "read", None, "board")
    alice = Principal("alice", "none", "alice", "alice", own_s=30 * 86400.0)
    assert some.of_token(TOKEN + "2") == alice
    assert some.of_token("") is None
    assert some.of_token(TOKEN + "3") is None


@pytest.mark.parametrize(
    ("uid", "allowed", "may"),
    [(0, [12], True), (12, [12], True), (77, [12], True), (4321, [12], False), (4321, [], True)],
)
def test_who_may_connect_at_all(uid: int, allowed: list[int | str], may: bool) -> None:
    some = rights(right("a", user=77, role="read"), allow_users=allowed)
    assert some.may_connect(unix(uid)) is may
    assert some.may_connect(unix(os.geteuid()))


def test_a_refusal_says_what_is_needed_and_what_there_is() -> None:
    with pytest.raises(EngineError) as raised:
        Principal("board", "read").check("agent.pause")
    assert raised.value.kind == "refused"
    assert raised.value.data == {"role": "supervise", "had": "read"}
    assert raised.value.message == "agent.pause needs the role supervise; board has read"
    Principal("board", "read").check("callback.get")
    NOBODY.check("ping")
    Principal("a", "none", "alice").check("agent.pause")
    with pytest.raises(EngineError, match="alice has agent"):
        Principal("alice", "none", "alice").check("callback.request")


def test_rights_that_changed_meanwhile() -> None:
    some = rights(right("board", token=TOKEN, role="read"), right("u", user=77, role="read"))
    services, user = some.of_token(TOKEN), some.of_peer(unix(77))
    assert services is not None
    some.configure(Control(allow_users=[12]), [right("board", token=TOKEN, role="operate")])
    again = some.again(unix(77), services)
    assert again is not None
    assert again.role == "operate"
    assert some.again(unix(77), user) is None
    some.configure(Control(), [right("board", token=TOKEN + "new", role="operate")])
    assert some.again(unix(77), services) is None  # the old token is worth nothing
    now = some.again(unix(77), user)
    assert now is not None
    assert now.role == "administer"


# -- through a control socket -------------------------------------------------------------------


class Kept:
    """Rows of the audit log."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        self.rows.append(dict(row))

    def seen(self) -> list[tuple[str, str, str]]:
        return [(row["who"], row["method"], row["outcome"]) for row in self.rows]


@asynccontextmanager
async def served(*entries: Right, **control: Any) -> AsyncIterator[tuple[ControlServer, Kept]]:
    # A directory that other users can enter, unlike pytest's.
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        settings = Control(socket=directory / "control.sock", **control)
        kept = Kept()
        server = ControlServer(
            settings,
            Handlers().table(),
            EventLog(epoch="e1"),
            rights=Rights(settings, entries),
            audit=Audit(kept),
        )
        await server.start()
        settings.socket.chmod(0o666)
        try:
            yield server, kept
        finally:
            await server.stop()


@contextmanager
def user(uid: int, groups: list[int] | None = None) -> Iterator[None]:
    """Be somebody else for a while."""
    before = os.getgroups()
    os.setgroups(groups or [])
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


async def connect(
    server: ControlServer, uid: int = 0, groups: list[int] | None = None
) -> BareClient:
    connected = socket.socket(socket.AF_UNIX)
    if uid:
        with user(uid, groups):
            connected.connect(str(server.settings.socket))
    else:
        connected.connect(str(server.settings.socket))
    connected.setblocking(False)
    return BareClient(*await asyncio.open_unix_connection(sock=connected))


REQUEST = {"to": "+442079460123", "agent": "alice"}


@as_root
async def test_users_have_what_the_configuration_gives_them() -> None:
    some = (
        right("board", user=12345, role="read"),
        right("desk", group="daemon", role="operate"),
    )
    async with served(*some) as (server, kept):
        services = await connect(server, 12345)
        assert "result" in await services.ask("ping")
        reply = await services.ask("callback.request", **REQUEST)
        assert reply["error"]["data"] == {
            "kind": "refused", "role": "operate", "had": "read", "field": "method"
        }  # fmt: skip
        desk = await connect(server, 23456, groups=[1])
        assert "result" in await desk.ask("callback.request", **REQUEST)
        other = await connect(server, 34567)
        assert "result" in await other.ask("ping")
        assert (await other.ask("events.subscribe"))["error"]["data"]["had"] == "none"
        root = await connect(server)
        assert "result" in await root.ask("callback.request", **REQUEST)
        assert kept.seen() == [
            ("board", "callback.request", "refused"),
            ("23456", "callback.request", "done"),
            ("34567", "events.subscribe", "refused"),
            ("root", "callback.request", "done"),
        ]
        assert kept.rows[1]["peer"].startswith("user 23456 (process ")
        for one in (services, desk, other, root):
            await one.close()


async def test_a_token_on_the_unix_socket() -> None:
    entries = (right("board", token=TOKEN, role="read"),)
    async with served(*entries) as (server, kept):
        client = await connect(server)
        assert "result" in await client.ask("callback.request", **REQUEST)
        assert (await client.ask("auth", token=TOKEN))["result"] == {"authenticated": True}
        reply = await client.ask("callback.request", **REQUEST)
        assert reply["error"]["data"]["had"] == "read"
        assert (await client.ask("auth", token="wrong"))["error"]["message"] == "wrong token"
        assert await client.is_closed()
        assert [row[1:] for row in kept.seen()] == [
            ("callback.request", "done"),
            ("callback.request", "refused"),
            ("auth", "refused"),
        ]
        assert TOKEN not in str(kept.rows)
        await client.close()


async def test_a_wrong_token_is_refused_also_where_there_is_none() -> None:
    async with served() as (server, _kept):
        client = await connect(server)
        reply = await client.ask("auth", token="any")
        assert reply["error"]["data"] == {"kind": "refused", "field": "token"}
        assert await client.is_closed()
        await client.close()


async def test_new_rights_hold_on_connections_that_are_up() -> None:
    async with served(right("board", token=TOKEN, role="operate")) as (server, _kept):
        client = await connect(server)
        await client.ask("auth", token=TOKEN)
        assert "result" in await client.ask("callback.request", **REQUEST)
        server.rights.configure(server.settings, [right("board", token=TOKEN, role="read")])
        server.configure(server.settings)
        assert "error" in await client.ask("callback.request", **REQUEST)
        server.rights.configure(server.settings, [])
        server.configure(server.settings)
        assert await client.is_closed()
        await client.close()


async def test_an_agent_has_what_agents_may_have() -> None:
    async with served(right("alice", token=TOKEN, agent="alice")) as (server, kept):
        client = await connect(server)
        await client.ask("auth", token=TOKEN)
        reply = await client.ask("callback.request", **REQUEST)
        assert reply["error"]["data"]["had"] == "agent"
        assert "result" in await client.ask("events.subscribe")
        server.events.publish("agent.paused", agent="bob")
        server.events.publish("engine.draining")
        server.events.publish("agent.paused", agent="alice", reason="lunch")
        heard = (await client.receive())["params"]
        assert (heard["seq"], heard["agent"]) == (3, "alice")
        assert kept.rows[0]["role"] == "agent"
        await client.close()


@needs_openssl
async def test_tokens_with_roles_on_tcp(tmp_path: Path) -> None:
    entries = (right("board", token=TOKEN, role="read"),)
    tls = tls_settings(tmp_path) | {"token": SecretStr("")}
    async with served(*entries, **tls) as (server, kept):
        (address,) = server.tcp_addresses
        client = await connect_tls(address, tmp_path)
        assert "auth" in (await client.ask("ping"))["error"]["message"]
        assert (await client.ask("auth", token=TOKEN))["result"] == {"authenticated": True}
        assert "result" in await client.ask("events.subscribe")
        reply = await client.ask("callback.request", **REQUEST)
        assert reply["error"]["data"]["had"] == "read"
        assert (kept.rows[0]["who"], kept.rows[0]["role"]) == ("board", "read")
        assert kept.rows[0]["peer"].startswith("tcp 127.0.0.1:")
        other = await connect_tls(address, tmp_path)
        assert "wrong token" in str(await other.ask("auth", token=TOKEN + "x"))
        assert await other.is_closed()
        assert kept.seen()[-1] == ("nobody", "auth", "refused")
        for one in (client, other):
            await one.close()
