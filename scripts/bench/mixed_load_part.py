"""Everything that one worker does at once: talks, prompts, recordings, conferences and bots.

Packets that are passed on have a delay. What the worker makes by its clock, or gets of a bot, is
due every 20 ms: how late a frame is counts from the earliest of the same phone in the window.
A program that does nothing runs beside it, and says what of that the machine made.
"""

import asyncio
import contextlib
import tempfile
import wave
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from ringback_client import Client, EngineError
from scripts.load.driver import LoadPeerProcess

from .bystander import ON_NO_CORE, Bystander
from .c_program import NoCompiler
from .callbacks import Callbacks
from .echo_bot import echo_bot
from .engine_process import EngineProcess
from .late_frames import TALK, Kinds, SplitFrame, split
from .options import Options
from .processes import cpu_s
from .report import Report, figure

PART: Final = "mixed load"
DELAY_P99_TARGET_MS: Final = 4.0
LATEST_FRAME_TARGET_MS: Final = 5.0
WINDOW_S: Final = 8.0
SETTLE_S: Final = 1.0
SET_UP_PER_S: Final = 25.0
LIMIT_S: Final = 60.0
_LOOK_S: Final = 0.1
_MEMBERS: Final = 3  # of a conference
_FIRST_SINGLE: Final = 100_000  # numbers of phones that are in no callback
PROMPT, MIX, BOT_STREAM = "prompt", "mix", "bot stream"


async def run(report: Report, options: Options) -> None:
    """Bring everything up, and measure window by window."""
    bridges, prompts, recordings, mixes, bots = options.mixed_load
    part = (
        f"{bridges} bridges, {prompts} prompts, {recordings} recordings,"
        f" {mixes} three-way mixes, {bots} bot streams"
    )
    with (
        tempfile.TemporaryDirectory(prefix="ringback-bench-") as directory,
        contextlib.ExitStack() as stack,
        LoadPeerProcess() as peer,
    ):
        bystanders = []
        try:
            bystanders.append(stack.enter_context(Bystander()))
        except NoCompiler as reason:
            report.notes.append(f"{PART}: nobody knows what the machine took: {reason}")
        environment = {
            "RINGBACK_MEDIA__RECORDINGS": f"{directory}/recordings",
            "RINGBACK_MEDIA__SOUNDS": f'["{directory}/sounds"]',
        }
        _write_prompt(Path(directory, "sounds", "prompt.wav"))
        async with (
            echo_bot(DEVNULL) as url,  # it complains of calls that end while it speaks
            EngineProcess(f'\n[streams]\nallow = ["{url}"]\n', environment) as engine,
            Callbacks(str(engine.socket), peer.sip) as callbacks,
        ):
            jobs = [
                (await _patiently(callbacks.request, "answer-20", "answer-20")).id
                for _ in range(bridges)
            ]
            await callbacks.reached("bridged", bridges, LIMIT_S)
            missing = float(bridges - callbacks.states["bridged"])
            report.figures.append(figure(part, "callbacks not joined", "", [missing], target=0))
            client = callbacks.client
            talks = [call["call"] for call in await _calls(client) if call["job"]]
            for call in talks[:recordings]:
                await client.call("recording.start", call=call)
            singles = _Singles(client, peer.sip)
            for leg in await singles.up(prompts, "answer-0", PROMPT):
                await client.call("call.play", leg=leg, file="prompt.wav", loop=True)
            members = await singles.up(_MEMBERS * mixes, "answer-0", MIX)
            for number in range(mixes):
                await client.call("conference.create", conference=f"bench-{number}")
                for leg in members[number * _MEMBERS : (number + 1) * _MEMBERS]:
                    await client.call("conference.join", conference=f"bench-{number}", leg=leg)
            for leg in await singles.up(bots, "answer-0", BOT_STREAM):
                await client.call("call.stream", leg=leg, url=url, rate_hz=8000)
            await asyncio.sleep(3 * SETTLE_S)
            count = max(1, round(options.mixed_load_s / WINDOW_S))
            windows = await asyncio.to_thread(
                _measure, peer, bystanders, engine.worker_pid, count, singles.kinds
            )
            _add(report, part, windows)
            peer.ask("hangup", per_s=SET_UP_PER_S * 2)
            await callbacks.all_ended(jobs, LIMIT_S)


def _measure(
    peer: LoadPeerProcess, bystanders: list[Bystander], worker_pid: int, count: int, kinds: Kinds
) -> list[dict[str, Any]]:
    windows = []
    for _ in range(count):
        for bystander in bystanders:
            bystander.pauses()
        used_s = cpu_s(worker_pid)
        window = peer.ask("window", s=WINDOW_S)
        percent = (cpu_s(worker_pid) - used_s) / WINDOW_S * 100
        more: dict[str, Any] = {"worker_percent": percent}
        for bystander in bystanders:
            pauses = bystander.pauses()
            more["pauses"] = pauses
            more["split"] = split(window["late_frames"], pauses, kinds)
        windows.append(window | more)
    return windows


def _add(report: Report, part: str, windows: list[dict[str, Any]]) -> None:
    def values(key: str) -> list[float]:
        return [float(window[key]) for window in windows]

    add = report.figures.append
    note = f"{len(windows)} windows of {WINDOW_S:g} s"
    add(figure(part, "delay p50", "ms", values("delay_p50_ms"), note=note))
    add(figure(part, "delay p99", "ms", values("delay_p99_ms"), target=DELAY_P99_TARGET_MS))
    add(figure(part, "frames late by, p99", "ms", values("frame_late_p99_ms")))
    latest = max(values("frame_late_max_ms"))
    made = sum(window["engine_frames"] for window in windows)
    add(
        figure(
            part, "latest frame", "ms", [latest], target=LATEST_FRAME_TARGET_MS, note=f"of {made}"
        )
    )
    add(figure(part, "latest frame of each window", "ms", values("frame_late_max_ms")))
    _add_split(report, part, windows)
    # A window in which the load peer was late as well: the machine stood still, or was taken away.
    still = [
        window["frame_late_max_ms"]
        for window in windows
        if window["sender_late_max_ms"] < LATEST_FRAME_TARGET_MS
    ]
    if still:
        note = f"{len(still)} windows in which the load peer was in time too"
        add(figure(part, "latest frame of each such window", "ms", still, note=note))
    broken = sum(values("breaks"))
    add(figure(part, "breaks in RTP sequence", "", [broken], target=0))
    add(figure(part, "worker", "% of a core", values("worker_percent")))
    late_ms = max(values("sender_late_max_ms"))
    report.notes.append(f"{PART}: the load peer itself was late by {late_ms:.1f} ms at worst")


def _add_split(report: Report, part: str, windows: list[dict[str, Any]]) -> None:
    """Which the latest frames were, and what of it the machine made."""
    windows = [window for window in windows if "split" in window]
    if not windows:
        return
    add, most = report.figures.append, LATEST_FRAME_TARGET_MS
    frames = [frame for window in windows for frame in window["split"]]
    for kind in (PROMPT, MIX, BOT_STREAM, TALK):
        late = [frame.late_ms for frame in frames if frame.kind == kind]
        note = f"{sum(ms > most for ms in late)} later than {most:g} ms"
        add(figure(part, f"latest frame, {kind}", "ms", [max(late, default=0.0)], note=note))
    for what, without in (
        ("the times in which a core was away", SplitFrame.without_host_ms),
        ("those in which a thread that does nothing was late too", SplitFrame.own_ms),
    ):
        values = [
            max((without(frame) for frame in window["split"]), default=0.0) for window in windows
        ]
        count = sum(without(frame) > most for frame in frames)
        name = f"latest frame of each window, without {what}"
        add(figure(part, name, "ms", values, note=f"{count} frames later than {most:g} ms"))
    for name, is_away in (("a core away for", True), ("a thread that does nothing late by", False)):
        pauses = [
            [pause.ms for pause in window["pauses"] if (pause.which != ON_NO_CORE) is is_away]
            for window in windows
        ]
        values = [max(each, default=0.0) for each in pauses]
        add(figure(part, f"{name}, at most in each window", "ms", values))


class _Singles:
    """Calls by command to one phone each."""

    def __init__(self, client: Client, peer: str) -> None:
        self._client = client
        self._peer = peer
        self._number = _FIRST_SINGLE
        self.kinds = Kinds()
        """What the phones hear."""

    async def up(self, count: int, behaviour: str, kind: str) -> list[str]:
        """The legs of so many calls that have been answered."""
        calls = []
        self.kinds.add(range(self._number + 1, self._number + 1 + count), kind)
        for _ in range(count):
            self._number += 1
            to = f"sip:b{self._number}.{behaviour}@{self._peer}"
            made = await _patiently(self._client.call, "call.originate", to=to)
            calls.append(str(made["call"]))
        async with asyncio.timeout(LIMIT_S):
            while True:
                found = {call["call"]: call for call in await _calls(self._client)}
                if all(found[call]["state"] == "up" for call in calls):
                    return [found[call]["legs"][0]["leg"] for call in calls]
                await asyncio.sleep(_LOOK_S)


async def _patiently(ask: Callable[..., Awaitable[Any]], *what: str, **parameters: Any) -> Any:
    """Ask at SET_UP_PER_S, and again where the engine is too busy."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            await asyncio.sleep(1 / SET_UP_PER_S)
            try:
                return await ask(*what, **parameters)
            except EngineError as error:
                if error.kind != "unavailable":
                    raise
            await asyncio.sleep(_LOOK_S)


async def _calls(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.call("call.list"))["calls"]
    return found


def _write_prompt(path: Path) -> None:
    """A minute of noise that swells."""
    path.parent.mkdir()
    at = np.arange(60 * 8000)
    noise = np.random.default_rng(1).normal(0, 2000, len(at)) * (0.6 + 0.4 * np.sin(at / 2000))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(noise.astype("<i2").tobytes())
