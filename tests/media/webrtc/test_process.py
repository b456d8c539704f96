"""The WebRTC process as the engine sees it: described, restarted, ended, and bounded."""

import asyncio
import os
import signal
import socket
import subprocess

import pytest

from media import webrtc_client
from media.protocol.channel import Connection
from media.webrtc import process
from media.webrtc.messages import (
    Answered,
    Close,
    Command,
    Configure,
    Connect,
    Described,
    Failed,
    IceDtls,
    IceServers,
    Open,
    Report,
    StateChanged,
    report_decoder,
)
from media.webrtc.session import FAULT, BrowserSession
from media.webrtc_client import WebRtcClient, WebRtcFailed, is_installed
from tests.support.waiting import until

LIMIT_S = 60.0
REMOTE = IceDtls("abcd", "a" * 24, (("sha-256", ":".join(["AA"] * 32)),), "actpass", ())


@pytest.fixture
def changes() -> list[StateChanged]:
    return []


async def test_a_session_is_described_and_stays_as_it_is(changes: list[StateChanged]) -> None:
    client = WebRtcClient(IceServers(), changes.append)
    own = await client.describe("one", None)
    assert own.local.setup == "actpass" and own.local.candidates and own.local.fingerprints
    assert own.port and own.rtcp_port and own.port != own.rtcp_port
    again = await client.describe("one", None)
    assert (again.local, again.port) == (own.local, own.port)
    other = await client.describe("two", None)
    assert other.local.ufrag != own.local.ufrag and other.port != own.port
    assert client.sessions == {"one", "two"}
    client.close_session("one")
    client.close_session("nothing")
    assert client.sessions == {"two"}
    await client.close()


async def test_other_credentials_of_the_browser_restart_ice_at_the_same_plain_ports(
    changes: list[StateChanged],
) -> None:
    client = WebRtcClient(IceServers(), changes.append)
    own = await client.describe("one", REMOTE)
    assert own.local.setup == "passive"
    assert (await client.describe("one", REMOTE)).local == own.local
    moved = IceDtls("wxyz", "b" * 24, REMOTE.fingerprints, "passive", ())
    after = await client.describe("one", moved)
    assert after.local.ufrag != own.local.ufrag and after.port == own.port
    assert after.local.setup == "active"
    await client.close()


async def test_an_offer_of_the_browser_in_a_talk_that_we_have_offered_is_answered(
    changes: list[StateChanged],
) -> None:
    client = WebRtcClient(IceServers(), changes.append)
    own = await client.describe("one", None)
    remote = IceDtls("abcd", "a" * 24, REMOTE.fingerprints, "active", ())
    client.answered("one", remote)
    held = await client.describe("one", remote)
    assert (held.local.ufrag, held.local.setup) == (own.local.ufrag, "passive")
    await client.close()


async def test_the_address_that_is_advertised_is_told(changes: list[StateChanged]) -> None:
    client = WebRtcClient(IceServers(advertise="203.0.113.5"), changes.append)
    own = await client.describe("one", None)
    assert {one.host for one in own.local.candidates if one.kind == "host"} == {"203.0.113.5"}
    await client.close()


async def test_a_process_that_ends_is_started_again(changes: list[StateChanged]) -> None:
    client = WebRtcClient(IceServers(), changes.append)
    await client.describe("one", None)
    assert client.pid is not None
    os.kill(client.pid, signal.SIGKILL)
    await until(lambda: changes, within_s=LIMIT_S)
    assert changes[0].session == "one" and changes[0].state == "lost"
    assert "has ended" in changes[0].reason
    assert (await client.describe("two", None)).port
    await client.close()


async def test_a_process_that_cannot_start_says_so(
    changes: list[StateChanged], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise OSError("no memory left")

    monkeypatch.setattr(subprocess, "Popen", fails)
    client = WebRtcClient(IceServers(), changes.append)
    with pytest.raises(WebRtcFailed, match="no memory left"):
        await client.describe("one", None)
    await client.close()


async def test_the_library_is_there() -> None:
    assert is_installed()


class Served:
    """A process's sessions, served in this one, and all that they have reported."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self._engine, theirs = socket.socketpair()
        self._connection: Connection[Command, Report] = Connection(
            report_decoder, self.reports.extend, lambda _reason: None
        )
        self._process = process.WebRtcProcess()
        self._running = asyncio.ensure_future(self._process.run(theirs))

    @property
    def opened(self) -> int:
        """How many sessions there are."""
        return len(self._process._sessions)

    async def ask(self, *commands: Command, answers: int) -> list[Report]:
        """Send the commands. The reports once there are so many."""
        if not self._connection.is_open:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: self._connection, sock=self._engine)
        for command in commands:
            self._connection.send(command)
        await until(lambda: len(self.reports) >= answers)
        return self.reports

    async def close(self) -> None:
        """The engine is gone: the process ends."""
        self._connection.close()
        await self._running


async def test_the_number_of_sessions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_SESSIONS", 1)
    served = Served()
    first, second = await served.ask(
        Configure(IceServers()), Open(1, "one"), Open(2, "two"), answers=2
    )
    by_request = {one.request: one for one in (first, second) if not isinstance(one, StateChanged)}
    assert isinstance(by_request[1], Described)
    assert by_request[2] == Failed(2, "too many browsers")
    third = (await served.ask(Close("one"), Open(3, "two"), answers=3))[2]
    assert isinstance(third, Described) and third.request == 3
    await served.close()


async def test_what_is_said_of_a_session_that_is_gone_changes_nothing() -> None:
    served = Served()
    gone = Answered("gone", REMOTE), Connect("gone", "127.0.0.1", 9, 9), Close("gone")
    [answer] = await served.ask(*gone, Open(1, "one"), answers=1)
    assert isinstance(answer, Described)
    await served.ask(Answered("one", REMOTE), Connect("one", "127.0.0.1", 9, 9), answers=1)
    await served.close()


async def test_what_is_under_way_is_given_up_when_the_engine_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_up: list[str] = []

    async def describe(_session: BrowserSession, _remote: IceDtls | None) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_up.append("one")
            raise

    monkeypatch.setattr(BrowserSession, "describe", describe)
    served = Served()
    await served.ask(Open(1, "one"), answers=0)
    await until(lambda: served.opened == 1)
    await served.close()
    assert given_up == ["one"]


async def test_a_fault_in_one_session_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    describe, connect = BrowserSession.describe, BrowserSession.connect

    async def failing(session: BrowserSession, remote: IceDtls | None) -> IceDtls:
        if remote is not None:
            raise KeyError("a fault of ours")
        return await describe(session, remote)

    def failing_connect(session: BrowserSession, where: Connect) -> None:
        if where.port == 1:
            raise KeyError("a fault of ours")
        connect(session, where)

    monkeypatch.setattr(BrowserSession, "describe", failing)
    monkeypatch.setattr(BrowserSession, "connect", failing_connect)
    served = Served()
    await served.ask(Open(1, "one"), Open(2, "bad", REMOTE), answers=2)
    assert Failed(2, FAULT) in served.reports
    await served.ask(Connect("one", "127.0.0.1", 1, 1), Open(3, "three"), answers=4)
    assert StateChanged("one", "lost", FAULT) in served.reports
    assert served.opened == 3
    await served.close()


def test_no_password_of_a_session_comes_into_a_log() -> None:
    assert REMOTE.password not in repr(REMOTE)
    assert REMOTE.ufrag in repr(REMOTE)


async def test_a_process_that_is_too_slow_counts_as_failed(
    changes: list[StateChanged], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = WebRtcClient(IceServers(), changes.append)
    await client.describe("one", None)
    assert client.pid is not None
    os.kill(client.pid, signal.SIGSTOP)
    monkeypatch.setattr(webrtc_client, "ANSWER_S", 0.05)
    with pytest.raises(WebRtcFailed, match="does not answer"):
        await client.describe("two", None)
    monkeypatch.setattr(webrtc_client, "ANSWER_S", LIMIT_S)
    asked = asyncio.ensure_future(client.describe("three", None))
    await asyncio.sleep(0)
    os.kill(client.pid, signal.SIGKILL)
    with pytest.raises(WebRtcFailed, match="has ended"):
        await asked
    await client.close()


async def test_what_a_browser_gets_wrong_fails_its_session_alone(
    changes: list[StateChanged],
) -> None:
    client = WebRtcClient(IceServers(turn="turn:"), changes.append)
    with pytest.raises(WebRtcFailed):
        await client.describe("one", None)
    await client.close()
