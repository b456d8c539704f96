"""The engine's side of the WebRTC process: started when the first browser calls, and again after
its end. What it does not answer in time counts as failed."""

import asyncio
import importlib.util
from collections.abc import Callable
from typing import Final

from .process_client import ProcessClient
from .webrtc.messages import (
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

ANSWER_S: Final = 15.0
"""The process starts in a second or two; a TURN server has five."""


class WebRtcFailed(Exception):
    """The audio of a browser cannot be had: the message is the reason."""


def is_installed() -> bool:
    """Whether the library is there that WebRTC needs: `pip install 'ringback[webrtc]'`."""
    return importlib.util.find_spec("aiortc") is not None


class WebRtcClient:
    """Sessions by the Call-ID of their calls. `on_state` is called with what becomes of one."""

    def __init__(self, servers: IceServers, on_state: Callable[[StateChanged], None]) -> None:
        self._on_state = on_state
        self._process: ProcessClient[Command, Report] = ProcessClient(
            "media.webrtc.process", report_decoder, self._received, self._lost, [Configure(servers)]
        )
        self._answers: dict[int, asyncio.Future[Described]] = {}
        self._requests = 0
        self.sessions: set[str] = set()
        """The sessions that the process has."""

    @property
    def pid(self) -> int | None:
        """The process id of the WebRTC process; None where it does not run."""
        return self._process.pid

    async def describe(self, session: str, remote: IceDtls | None) -> Described:
        """Our side of a session; see Open. Raises WebRtcFailed."""
        try:
            connection = await self._process.connected()
        except OSError as error:
            raise WebRtcFailed(f"the WebRTC process does not start: {error}") from error
        self._requests += 1
        number = self._requests
        answer: asyncio.Future[Described] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self.sessions.add(session)
        connection.send(Open(number, session, remote))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError as error:
            raise WebRtcFailed("the WebRTC process does not answer") from error
        finally:
            self._answers.pop(number, None)

    def answered(self, session: str, remote: IceDtls) -> None:
        """The browser has answered our offer."""
        self._process.send(Answered(session, remote))

    def connect(self, session: str, host: str, port: int, rtcp_port: int) -> None:
        """Exchange plain RTP of the session with this address."""
        self._process.send(Connect(session, host, port, rtcp_port))

    def close_session(self, session: str) -> None:
        """The call is over."""
        if session in self.sessions:
            self.sessions.discard(session)
            self._process.send(Close(session))

    def _received(self, reports: list[Report]) -> None:
        for report in reports:
            if isinstance(report, StateChanged):
                self._on_state(report)
                continue
            answer = self._answers.get(report.request)
            if answer is None or answer.done():
                continue
            if isinstance(report, Failed):
                answer.set_exception(WebRtcFailed(report.reason))
            else:
                answer.set_result(report)

    def _lost(self, reason: str) -> None:
        gone, self.sessions = self.sessions, set()
        for session in gone:
            self._on_state(StateChanged(session, "lost", f"the WebRTC process has ended: {reason}"))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(WebRtcFailed(f"the WebRTC process has ended: {reason}"))

    async def close(self) -> None:
        """End the process."""
        await self._process.stop()
