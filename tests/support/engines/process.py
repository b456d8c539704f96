"""The engine under test: `ringback run` with its own configuration, and a line to it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

from tests.support.control_line import ControlLine
from tests.support.ports import free_port, media_ports
from tests.support.prepared_command import Process, start_command
from tests.support.recording import write_tone_wav

READY_S = 60.0
STOP_S = 40.0
PATIENCE_S = 40.0
"""How long to wait for what has to come: long, because the machine may be busy."""
HOLD_HZ = 350

Settings = dict[str, Any]


class EngineProcess:
    """A daemon in `directory`. It belongs to no event loop, so that many tests can share one."""

    def __init__(self, directory: Path, **sections: Any) -> None:
        self.directory = directory
        self.sip_port = free_port()
        self.socket = directory / "run" / "control.sock"
        self.log_path = directory / "engine.log"
        self.config_path = directory / "ringback.toml"
        directory.mkdir(parents=True, exist_ok=True)
        self.settings = self._settings(sections)
        write_config(self.config_path, self.settings)
        self._process: Process | None = None

    def _settings(self, sections: Settings) -> Settings:
        settings: Settings = {
            "sip": {"listen": [f"udp:127.0.0.1:{self.sip_port}", f"tcp:127.0.0.1:{self.sip_port}"]},
            "media": {"ports": media_ports()},
            "dial": {
                "retry_s": 0.2,
                # A machine that is busy with other tests is no reason to refuse calls.
                "max_late_ms": 0.0,
                "allow_hosts": ["127.0.0.1", "127.0.0.1;transport=tcp"],
                "headers": {
                "X-Ringback-Job": "{id}", "X-Ringback-Site": "{context.site}"}},
        }  # fmt: skip
        for name, section in sections.items():
            if isinstance(section, dict):
                settings[name] = settings.get(name, {}) | section
            else:
                settings[name] = section
        return settings

    def rewrite_config(self, **sections: Any) -> None:
        """Have these sections in the file instead; the engine does not reload."""
        self.settings |= sections
        write_config(self.config_path, self.settings)

    def start(self) -> None:
        """Run the daemon and wait until its control socket answers."""
        self.socket.parent.mkdir(exist_ok=True)
        self.launch()
        deadline = time.monotonic() + READY_S
        while not self._answers():
            assert self.running, f"the engine does not start:\n{self.log()}"
            assert time.monotonic() < deadline, f"no control socket in {READY_S} s:\n{self.log()}"
            time.sleep(0.05)

    def launch(self) -> Process:
        """Run the daemon without waiting for anything."""
        with self.log_path.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            self._process = start_command(
                ("run", "--config", str(self.config_path)),
                streams=(nothing.fileno(), log.fileno(), log.fileno()),
                directory=self.directory,
            )
        return self._process

    @property
    def running(self) -> bool:
        """Whether the daemon's process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        assert self._process is not None
        return self._process.pid

    def worker_pids(self) -> list[int]:
        """The process ids of its media workers."""
        children = psutil.Process(self.pid).children(recursive=True)
        return [
            child.pid for child in children if "media.worker.worker" in " ".join(child.cmdline())
        ]

    def log(self) -> str:
        """All that it has logged."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def kill(self) -> None:
        """kill -9, the daemon alone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_S)

    def stop(self, *, group: bool = False) -> None:
        """SIGTERM, with `group` to all of its processes, as systemd sends it. Asserts that it ends
        with status 0, leaves no process, and logged no defect."""
        assert self._process is not None
        workers = self.worker_pids() if self.running else []
        status = self._process.poll()
        if status is None:
            if group:
                for pid in (*workers, self._process.pid):
                    os.kill(pid, signal.SIGTERM)
            else:
                self._process.terminate()
            try:
                status = self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.clear_away()
                raise AssertionError(
                    f"still runs {STOP_S} s after SIGTERM:\n{self.log()}"
                ) from None
        assert status == 0, f"the engine ended with {status}:\n{self.log()}"
        deadline = time.monotonic() + 2.0
        while any(psutil.pid_exists(pid) for pid in workers) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not any(psutil.pid_exists(pid) for pid in workers), "a media worker outlives it"
        self.assert_no_defect()

    def clear_away(self) -> None:
        """Kill whatever is left of it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(STOP_S)

    def assert_no_defect(self) -> None:
        """No traceback in the log, nor a task whose exception nobody read."""
        log = self.log()
        for sign in ("Traceback", "never retrieved", "never awaited"):
            at = log.find(sign)
            assert at < 0, log[max(0, at - 1000) : at + 3000]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(2.0)
            try:
                line.connect(str(self.socket))
                line.sendall(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
                return b'"result"' in line.recv(65536)
            except OSError:
                return False


class EngineClient:
    """A test's own line to an engine: requests, and the events since the test began."""

    def __init__(self, process: EngineProcess, line: ControlLine) -> None:
        self.process = process
        self.line = line

    @classmethod
    async def connect(cls, process: EngineProcess) -> "EngineClient":
        """Open a line and subscribe to every event."""
        line = await ControlLine.open(process.socket)
        await line.call("events.subscribe")
        return cls(process, line)

    async def callback(self, to: str, agent: str, **params: Any) -> str:
        """Request a callback. Returns the job's id."""
        job = await self.line.call("callback.request", to=to, agent=agent, **params)
        return str(job["id"])

    async def queued_callback(self, to: str, **params: Any) -> str:
        """Request a callback by queue sales, or by the agent named. Returns the job's id."""
        by = {} if "agent" in params else {"queue": "sales"}
        job = await self.line.call("callback.request", **({"to": to} | by | params))
        return str(job["id"])

    async def job(self, job_id: str) -> dict[str, Any]:
        """The job as it is now."""
        job: dict[str, Any] = await self.line.call("callback.get", id=job_id)
        return job

    def story(self, job_id: str) -> list[str]:
        """The states of a job by its events, in order."""
        return [
            event["type"].partition(".")[2]
            for event in self.line.events.items
            if event.get("job") == job_id and event["type"].startswith("callback.")
        ]

    async def event(
        self, kind: str, job_id: str, *, timeout_s: float = PATIENCE_S, nth: int = 1, **fields: Any
    ) -> dict[str, Any]:
        """The nth such event of a job, past or to come."""
        try:
            return await self.line.events.wait_for(
                lambda event: (
                    event["type"] == kind
                    and event.get("job") == job_id
                    and all(event.get(name) == value for name, value in fields.items())
                ),
                timeout_s=timeout_s,
                nth=nth,
            )
        except TimeoutError:
            seen = "\n".join(
                json.dumps(event)
                for event in self.line.events.items
                if event.get("job") in (job_id, None)
            )
            raise AssertionError(
                f"no {kind} {fields} in {timeout_s} s:\n{seen}\n{self.process.log()[-3000:]}"
            ) from None

    async def state(
        self, state: str, job_id: str, *, timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """The event of a job's coming into `state`."""
        return await self.event(f"callback.{state}", job_id, timeout_s=timeout_s)

    async def ended(self, job_id: str, *, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """The job once it has ended."""
        ends = {"callback.completed", "callback.failed", "callback.cancelled", "callback.expired"}
        try:
            await self.line.events.wait_for(
                lambda event: event.get("job") == job_id and event["type"] in ends,
                timeout_s=timeout_s,
            )
        except TimeoutError:
            raise AssertionError(
                f"job {job_id} has not ended: {self.story(job_id)}\n{self.process.log()[-3000:]}"
            ) from None
        return await self.job(job_id)

    async def assert_idle(self, patience_s: float = 40.0) -> None:
        """No call, leg or media port is left, and the log has no defect.

        A BYE whose answer is lost on a busy machine is given up after 32 s.
        """
        deadline = time.monotonic() + patience_s
        while left := leftovers(await self.line.call("engine.status")):
            assert time.monotonic() < deadline, f"left after the test: {left}"
            await asyncio.sleep(0.05)
        self.process.assert_no_defect()

    async def cancel_all(self) -> None:
        """Cancel the job of every call that is up, and hang up those that have none."""
        for call in (await self.line.call("call.list"))["calls"]:
            if call["job"] is None:
                await self.line.call("call.hangup", call=call["call"])
            else:
                await self.line.call("callback.cancel", id=call["job"])

    async def close(self) -> None:
        """Close the line."""
        await self.line.close()

    async def restart(self, *, kill: bool = True) -> None:
        """End the engine (`kill`: without a chance to say so), and start the next one."""
        if kill:
            self.process.kill()
        await self.close()
        if not kill:
            await asyncio.to_thread(self.process.stop)
        await self.start_again()

    async def start_again(self) -> None:
        """Start the engine, which has ended, and open a line to it: no event is known of it yet."""
        await asyncio.to_thread(self.process.start)
        self.line = (await self.connect(self.process)).line


def hold_tone(directory: Path) -> str:
    """A file to set as `media.hold`: those on hold, and those who wait, hear HOLD_HZ.

    Each engine that has one starts two processes to read it.
    """
    return str(write_tone_wav(directory / "hold.wav", HOLD_HZ, 2.0))


StartEngine = Callable[..., Awaitable[EngineClient]]
"""Starts engines that a fixture stops: `await own_engine(dial={"ring_s": 1})`."""


def leftovers(status: dict[str, Any]) -> dict[str, Any]:
    """What an engine holds that it should not hold without a call."""
    workers = status["media"]["workers"]
    held = {
        "calls": status["calls"],
        "legs": status["legs"],
        "SIP sessions": status["sip"]["sessions"],
        "SIP dialogs": status["sip"]["dialogs"],
        "media legs": sum(worker["legs"] for worker in workers),
    }
    return {name: count for name, count in held.items() if count}


def write_config(path: Path, settings: Settings) -> None:
    """Write settings as TOML: tables, and arrays of tables."""
    lines: list[str] = []
    for name, section in settings.items():
        if isinstance(section, list):
            for item in section:
                lines += [f"[[{name}]]", *_pairs(item)]
        else:
            lines += [f"[{name}]", *_pairs(section)]
    path.write_text("\n".join(lines) + "\n")


def _pairs(section: Settings) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in section.items()]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value)
