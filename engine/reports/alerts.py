"""Alerts: a figure that is past its threshold for some time is raised, and cleared again.

`AlertWatch` decides, and knows no clock; `Alerts` asks it every second, publishes what it says and
starts the commands.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import structlog

from config.alerts import Alert
from media.child_process import command_environment, kill_group

from ..store.protocols import Publisher

log = structlog.get_logger()

PERIOD_S = 1.0
COMMAND_LIMIT_S = 30.0
# So many commands run at once; those of further alerts are left out, and logged.
MOST_COMMANDS = 8

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """An alert was raised or cleared. `since_s` is for how long the figure has been as it is."""

    kind: Literal["raised", "cleared"]
    alert: Alert
    queue: str | None
    value: float | None
    since_s: float

    def fields(self) -> dict[str, Any]:
        """What its event says."""
        threshold = self.alert.above if self.alert.above is not None else self.alert.below
        return {
            "alert": self.alert.name,
            "figure": self.alert.figure,
            "queue": self.queue,
            "value": self.value,
            "threshold": threshold,
            "since_s": round(self.since_s, 3),
        }


@dataclass(slots=True)
class _State:
    since: float
    is_raised: bool = False


class AlertWatch:
    """What is past its threshold, since when, and what has been raised."""

    def __init__(self, alerts: Sequence[Alert]) -> None:
        self._alerts = tuple(alerts)
        self._states: dict[tuple[str, str | None], _State] = {}

    def configure(self, alerts: Sequence[Alert]) -> None:
        """Watch these. What was raised of an alert that has changed is forgotten."""
        if tuple(alerts) == self._alerts:
            return
        kept = {alert.name for alert in alerts if alert in self._alerts}
        self._alerts = tuple(alerts)
        self._states = {key: state for key, state in self._states.items() if key[0] in kept}

    @property
    def is_watching(self) -> bool:
        """Whether there is any alert."""
        return bool(self._alerts)

    def raised(self) -> list[dict[str, Any]]:
        """The alerts that are raised now: name and queue."""
        return [
            {"alert": name, "queue": queue}
            for (name, queue), state in self._states.items()
            if state.is_raised
        ]

    def look(self, queues: Iterable[Figures], engine: Figures, now: float) -> list[Change]:
        """What has changed at `now` (monotonic seconds), by these figures."""
        by_queue = {figures["queue"]: figures for figures in queues}
        changes: list[Change] = []
        for alert in self._alerts:
            if not alert.is_of_queues:
                subjects: Mapping[str | None, Figures] = {None: engine}
            elif alert.queue:
                subjects = {alert.queue: by_queue.get(alert.queue, {})}
            else:
                subjects = by_queue
            for queue, figures in subjects.items():
                change = self._judge(alert, queue, figures.get(alert.figure), now)
                if change is not None:
                    changes.append(change)
        return changes

    def _judge(
        self, alert: Alert, queue: str | None, value: float | None, now: float
    ) -> Change | None:
        key = alert.name, queue
        state = self._states.get(key)
        if not _is_past(alert, value):
            if state is None:
                return None
            del self._states[key]
            if not state.is_raised:
                return None
            return Change("cleared", alert, queue, value, now - state.since)
        if state is None:
            state = self._states[key] = _State(now)
        if state.is_raised or now - state.since < alert.for_s:
            return None
        state.is_raised = True
        return Change("raised", alert, queue, value, now - state.since)


def _is_past(alert: Alert, value: float | None) -> bool:
    if value is None:  # nothing has happened that it could be counted from
        return False
    if alert.above is not None:
        return value > alert.above
    return alert.below is not None and value < alert.below


class Alerts:
    """Looks at the figures every PERIOD_S while there are alerts.

    `queues` gives the figures of each queue, `engine` those of the engine.
    """

    def __init__(
        self,
        alerts: Sequence[Alert],
        events: Publisher,
        *,
        queues: Callable[[], Iterable[Figures]],
        engine: Callable[[], Figures],
    ) -> None:
        self._watch = AlertWatch(alerts)
        self._events = events
        self._queues = queues
        self._engine = engine
        self._task: asyncio.Task[None] | None = None
        self._commands: set[asyncio.Task[None]] = set()

    def configure(self, alerts: Sequence[Alert]) -> None:
        """Watch these from now on."""
        self._watch.configure(alerts)

    def raised(self) -> list[dict[str, Any]]:
        """The alerts that are raised now."""
        return self._watch.raised()

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.get_running_loop().create_task(self._look_on())

    async def stop(self) -> None:
        """Look no more. Commands that run are ended."""
        tasks = [task for task in (self._task, *self._commands) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PERIOD_S)
            if not self._watch.is_watching:
                continue
            try:
                self.look(loop.time())
            except Exception:
                # A defect here must not end the watch.
                log.exception("alerts_not_looked_at")

    def look(self, now: float) -> None:
        """Look once, at `now` (monotonic seconds)."""
        for change in self._watch.look(self._queues(), self._engine(), now):
            fields = change.fields()
            self._events.publish(f"alert.{change.kind}", **fields)
            log.warning(f"alert_{change.kind}", **fields)
            if change.alert.command:
                self._start(change, {"type": f"alert.{change.kind}", **fields})

    def _start(self, change: Change, said: Figures) -> None:
        if len(self._commands) >= MOST_COMMANDS:
            log.error("alert_command_left_out", alert=change.alert.name, running=MOST_COMMANDS)
            return
        task = asyncio.get_running_loop().create_task(self._run(change.alert, said))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _run(self, alert: Alert, said: Figures) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *alert.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=command_environment(),
                start_new_session=True,
            )
        except OSError as error:
            log.error("alert_command_failed", alert=alert.name, reason=error.strerror or str(error))
            return
        try:
            async with asyncio.timeout(COMMAND_LIMIT_S):
                await process.communicate(msgspec.json.encode(said) + b"\n")
        except TimeoutError:
            log.error("alert_command_failed", alert=alert.name, reason="took too long")
        finally:
            if process.returncode is None:
                kill_group(process.pid)
                await process.wait()
        if process.returncode:
            log.error("alert_command_failed", alert=alert.name, status=process.returncode)
