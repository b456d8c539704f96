"""The daemon: starts the parts of one engine in order, and takes them down again.

`main` runs one engine until SIGTERM or SIGINT, or until a client drains it with `stop`.
"""

import asyncio
import contextlib
import ctypes
import gc
import resource
import signal
import sys
from collections.abc import Sequence

import structlog
import uvloop

from config.settings import ConfigError, Settings
from media.errors import WorkerFailed
from sip.transport.sockets import ListenError

from . import logs, preflight
from .acd.queues import PAUSED_AS
from .callbacks import recovery
from .control.connections.server import ControlError
from .job import Job
from .parts import Parts
from .restart.dialog_journal import end_all
from .routing.endpoint_options import tell_of_certificates
from .routing.hours.opening_hours import opening_hours
from .routing.targets.destination import credentials_of
from .store.errors import StoreError

log = structlog.get_logger()

EXIT_USAGE = 2
# The store's writer must never hold the interpreter for long while a leg waits for its INVITE.
SWITCH_INTERVAL_S = 0.0005
# A callback is freed by counting, and cycles are few. The collector looks at what there is more of
# than before: with more calls than ever, 10,000 objects at a time, some 5 ms.
GC_THRESHOLD = (10_000, 50, 50)
GOODBYE_POLLS = 50
GOODBYE_POLL_S = 0.02
LAST_EVENTS_S = 1.0
M_MMAP_THRESHOLD = -3  # malloc.h
LARGE_BYTES = 128 * 1024


def main(settings: Settings) -> int:
    """Run one engine. Returns the exit status: 0, or 2 after one line that says what is wrong."""
    logs.configure(settings.log.level, settings.log.format)
    _raise_file_limit()
    _give_memory_back()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        uvloop.run(_run(settings))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    return 0


async def _run(settings: Settings) -> None:
    daemon = Daemon(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop_requested.set)
    # Before it is up there is nothing to reload, and SIGHUP must not end it.
    loop.add_signal_handler(signal.SIGHUP, daemon.on_hangup)
    # The collector never looks at what stays: modules and parts, and the jobs that a start loads.
    gc.disable()
    gc.collect()
    try:
        await daemon.start()
        gc.freeze()
        gc.enable()
        gc.set_threshold(*GC_THRESHOLD)
        await daemon.stop_requested.wait()
    finally:
        await daemon.stop()


def _give_memory_back() -> None:
    """Let the C library give large buffers back to the system as soon as they are freed.

    By default it keeps them from the second time on, and what a burst took is never given back.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Daemon(Parts):
    """One engine: its parts, started and stopped in order."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._is_ready = False

    @property
    def settings(self) -> Settings:
        """The configuration that holds now."""
        return self.reload.settings

    async def start(self) -> None:
        """Start everything. Raises ConfigError naming the key whose value cannot be had."""
        try:
            await self._start()
        except StoreError as error:
            raise self.settings.error("store.path", error.message) from error

    async def _start(self) -> None:
        settings = self.settings
        self.clock.start(self._clock_stepped)
        self.collector.open()
        try:
            await self.control.bind()
        except ControlError as error:
            raise settings.error(error.key, error.reason) from error
        await self.store.open()
        self.events.attach(self.store)
        await self._start_sip()
        await asyncio.to_thread(preflight.check, settings)
        await self._open_reports()
        moved_s = self.clock.set_back_since(self.store.kept_log.seen_until)
        await self.admission.load(self.clock.now())
        try:
            await self.admission.read_files(settings.do_not_call.files)
        except OSError as error:
            raise settings.error("do_not_call.files", str(error)) from error
        if moved_s:
            self.admission.shift(moved_s)
        # Beside the media workers, which take a while to start.
        open_jobs, _ = await asyncio.gather(self.store.load_open(), self._start_media())
        await self.recordings.start()
        self.trunks.start()
        await self._open_queues(moved_s)
        self._take_over(open_jobs, moved_s)
        await self._start_reports()
        self.overload.start()
        self.permanent.start()  # calls can be made from now on
        await self.inbound.start(moved_s)
        self.retention.start()
        self.heartbeat.start()
        self.alerts.start()
        await self.control.start()
        self.events.publish("engine.started")
        if moved_s:
            log.warning("clock_set_back", by_s=round(moved_s, 3))
            self._clock_stepped(moved_s)
        self._is_ready = True
        log.info(
            "ready",
            control=str(settings.control.socket),
            sip=[str(address) for address in self.sip.addresses],
            media=f"{settings.media.address}:{settings.media.ports[0]}-{settings.media.ports[1]}",
        )

    async def stop(self) -> None:
        """Take everything down: calls first, the store last, so that each end is recorded."""
        self.events.publish("engine.stopping")
        # First, so that an agent whose call ends now is not offered the next one.
        self.queues.stop()
        await self.streamed.stop()
        await asyncio.gather(self.dispatcher.stop(), self.inbound.stop(), self.controlled.stop())
        await self.services.streams.stop()
        self.agent_timer.stop()
        await self.permanent.stop()
        self.trunks.stop()
        await self._let_sip_finish()
        recovery.wait_for_phones(self.dispatcher.interrupted, self.services, self.clock.now())
        with contextlib.suppress(TimeoutError):  # the disk may be full
            async with asyncio.timeout(LAST_EVENTS_S):
                await self.events.settled()
        await self.recordings.stop()
        self.overload.stop()
        self.folding.stop()
        self.heartbeat.stop()
        await self.alerts.stop()
        await self.retention.stop()
        if self.exporter is not None:
            await self.exporter.stop()
        await self.webhooks.stop()
        self.history.close()
        await self.control.stop()
        await self.sip.stop()
        if self.browsers is not None:
            await self.browsers.close()
        await self.media.stop()
        self.workers.note([])
        self.announcer.close()
        self.collector.close()
        await self.store.close()
        await self.dialogs.close()
        self.clock.stop()
        if self._is_ready:  # one that could not start has but one line to say
            log.info("stopped")

    def on_hangup(self) -> None:
        """SIGHUP: take the configuration as it is now."""
        if self._is_ready:
            self.reload.on_signal()

    async def _let_sip_finish(self) -> None:
        """Give the peers a moment to answer the last BYE and CANCEL."""
        for _ in range(GOODBYE_POLLS):
            if not self.sip.ua.session_count:
                return
            await asyncio.sleep(GOODBYE_POLL_S)

    async def _start_sip(self) -> None:
        """Speak SIP, and first of all end the calls that an engine that died left behind."""
        trunks = {trunk.name: credentials_of(trunk) for trunk in self.settings.trunks}
        left_behind = await self.dialogs.restore(self.sip, trunks)
        try:
            await self.sip.start()
        except ListenError as error:
            raise self.settings.error("sip.listen", str(error)) from error
        tell_of_certificates(self.sip, self.clock.now())
        for index, trunk in enumerate(self.settings.trunks):
            try:
                self.sip.listen_for(trunk.name, trunk.listen, trunk.advertise)
            except ListenError as error:
                raise self.settings.error(f"trunks[{index}].listen", str(error)) from error
        await end_all(self.sip, left_behind)

    async def _start_media(self) -> None:
        """Start the media workers, once those that an engine that died left behind have ended."""
        await self.workers.end_left_behind()
        try:
            await self.media.start()
        except WorkerFailed as error:
            raise self.settings.error("media", error.reason) from error
        self.workers.note(self.media.pids)
        self.keep_sounds_ready()

    async def _open_reports(self) -> None:
        """Read what an earlier engine left: before the first event. Raises StoreError."""
        await self.cdr_writer.open()
        await self.interrupted_calls.open()
        await self.live.open()
        self.history.open()
        await self.webhooks.open()

    def _clock_stepped(self, by_s: float) -> None:
        self.events.publish("engine.clock_stepped", by_s=round(by_s, 3))

    async def _open_queues(self, moved_s: float) -> None:
        """Read what an earlier engine left of agents and queues, and begin to match them."""
        settings = self.settings
        await self.roster.start(moved_s)
        self.agent_timer.start()
        paused = await self.store.load(PAUSED_AS, dict)
        calendars = opening_hours(settings.calendars)
        self.queues.start(settings.queues, settings.centres, calendars, paused=paused)

    async def _start_reports(self) -> None:
        """The agents are there, and nobody has been called yet. Raises ConfigError."""
        comes_back = self.dispatcher.resumed.__contains__
        self.cdr_writer.begin(self.agents.all(), self.clock.now(), comes_back)
        for ended in self.interrupted_calls.cut_off(self.cdr_writer.seen_until):
            self.events.publish("call.ended", **ended)
        self.webhooks.start()
        if self.exporter is not None:
            await self.exporter.start(self.settings)

    def _take_over(self, jobs: Sequence[Job], moved_s: float) -> None:
        """Take over the jobs that an earlier engine left open."""
        now = self.clock.now()
        if moved_s:
            for job in jobs:
                job.shift(moved_s, now)
        recovery.reconcile(
            jobs,
            self.dispatcher,
            self.services,
            self.admission,
            now,
            self.store.kept_log.seen_until,
            on_resumed=self._all_resumed,
        )

    def _all_resumed(self) -> None:
        """Every job of the earlier engine waits in its place, or has ended."""
        self.cdr_writer.all_came_back()
        if self._is_ready:
            gc.freeze()  # they stay for long
