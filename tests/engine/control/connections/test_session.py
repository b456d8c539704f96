"""Whose connection it is: before and after a token is shown. The rest is in test_connection.py."""

from typing import Any, cast

import pytest
from pydantic import SecretStr

from config.rights import Right
from config.sections import Control
from engine.control.audit import Audit
from engine.control.connections.line_writer import LineWriter
from engine.control.connections.peer import Peer
from engine.control.connections.session import Session
from engine.control.params import Auth, Subscribe
from engine.control.rights import Rights
from engine.control.scope.scopes import Scopes
from engine.errors import EngineError
from engine.store.event_log import EventLog
from engine.store.protocols import NOTHING_KEPT

TOKEN = "0123456789abcdef"


class Authority:
    """A server without connections."""

    def __init__(self, *rights: Right) -> None:
        self.events = EventLog(epoch="e1")
        self.snapshot_sources: dict[str, Any] = {}
        self.slow_reader_bytes = 1 << 20
        self.rights = Rights(Control(), rights)
        self.scopes = Scopes()
        self.audit = Audit(NOTHING_KEPT)


class Writer:
    """Writes nothing."""

    def write_event(self, line: bytes) -> None: ...


class Client:
    """A session, and what it asked of its connection."""

    def __init__(self, peer: Peer, *rights: Right) -> None:
        self.did: list[str] = []
        self.authority = Authority(*rights)
        self.session = Session(
            peer,
            self.authority,
            cast(LineWriter, Writer()),
            on_known=lambda: self.did.append("known"),
            close=lambda: self.did.append("close"),
            close_soon=lambda: self.did.append("close soon"),
        )

    def ask(self, method: str, params: Any) -> Any:
        return self.session.table()[method].run(params, self.session.peer)


def right(name: str, **more: Any) -> Right:
    return Right(name=name, token=SecretStr(TOKEN), **more)


def tcp() -> Peer:
    return Peer("tcp", address="192.0.2.7:5000")


def root() -> Peer:
    return Peer("unix", uid=0, gid=0, pid=1)


def test_one_who_has_shown_nothing_is_their_address_and_has_a_budget() -> None:
    client = Client(tcp(), right("crm", role="operate"))
    session = client.session
    assert not session.is_known
    assert (session.name, session.may_only_look) == ("192.0.2.7", True)
    assert client.ask("auth", Auth(token=TOKEN)) == {"authenticated": True}
    assert session.is_known
    assert (session.name, session.may_only_look) == ("crm", False)
    assert (session.peer.who, client.did) == ("crm", ["known"])


@pytest.mark.parametrize("peer", [tcp(), root()])
@pytest.mark.parametrize("rights", [(), (right("crm", role="operate"),)])
def test_a_wrong_token_ends_it_for_every_peer(peer: Peer, rights: tuple[Right, ...]) -> None:
    client = Client(peer, *rights)
    with pytest.raises(EngineError) as refused:
        client.ask("auth", Auth(token="wrong"))
    assert (refused.value.kind, refused.value.field) == ("refused", "token")
    assert client.did == ["close soon"]


@pytest.mark.parametrize(
    ("more", "looks"),
    [
        ({"role": "read"}, True),
        ({"agent": "alice"}, True),
        ({"role": "operate"}, False),
        ({"role": "administer"}, False),
    ],
)
def test_who_may_only_look(more: dict[str, Any], looks: bool) -> None:
    client = Client(root(), right("one", **more))
    assert not client.session.may_only_look
    client.ask("auth", Auth(token=TOKEN))
    assert client.session.may_only_look is looks


def test_another_principal_follows_no_events_of_the_one_before() -> None:
    client = Client(root(), right("crm", role="operate"))
    client.ask("events.subscribe", Subscribe())
    assert client.session.is_subscribed
    client.ask("auth", Auth(token=TOKEN))
    assert not client.session.is_subscribed


def test_rights_that_are_taken_away_close_it() -> None:
    client = Client(tcp(), right("crm", role="operate"))
    client.session.reassess()
    assert client.did == []
    client.ask("auth", Auth(token=TOKEN))
    client.authority.rights.configure(Control(), ())
    client.session.reassess()
    assert client.did == ["known", "close"]


@pytest.mark.parametrize(
    ("now", "closes"), [("read", True), ("operate", False), ("supervise", False)]
)
def test_who_may_see_less_must_ask_for_events_again(now: Any, closes: bool) -> None:
    client = Client(tcp(), right("crm", role="operate"))
    client.ask("auth", Auth(token=TOKEN))
    client.ask("events.subscribe", Subscribe())
    client.authority.rights.configure(Control(), (right("crm", role=now),))
    client.session.reassess()
    assert ("close" in client.did) is closes
