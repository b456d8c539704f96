"""Reloading: the configuration is read again, checked, and what can change at run time is changed.

Nothing is touched before the whole of it is found right. Calls go on as they began: what is changed
holds for what comes after. `engine.reload` and SIGHUP do the same.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from pydantic import ValidationError

from config.difference import Change, compare, effective
from config.settings import ConfigError, Settings, load
from sip.errors import ParseError

from . import logs
from .control.server import Method, Peer
from .errors import EngineError
from .request import Params
from .routing.admission import PolicySettings

if TYPE_CHECKING:
    from .daemon import Daemon

log = structlog.get_logger()

# How many changes an event tells one by one; an event has to stay short.
TOLD_CHANGES = 50


class ReloadRequest(Params):
    """engine.reload: with `check` nothing is changed."""

    check: bool = False


class Reload:
    """Reads the file that the engine was started with again, whenever it is told to."""

    def __init__(self, daemon: "Daemon", environ: Mapping[str, str] | None = None) -> None:
        self._daemon = daemon
        self._environ = environ
        self._one_at_a_time = asyncio.Lock()
        self._by_signal: set[asyncio.Task[None]] = set()

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {"engine.reload": Method(ReloadRequest, self._asked)}

    def on_signal(self) -> None:
        """SIGHUP was received."""
        task = asyncio.get_running_loop().create_task(self._by_hangup())
        self._by_signal.add(task)
        task.add_done_callback(self._by_signal.discard)

    async def _by_hangup(self) -> None:
        try:
            await self.run(by="SIGHUP")
        except EngineError as error:
            log.error("not_reloaded", reason=error.message)

    async def _asked(self, params: ReloadRequest, peer: Peer) -> dict[str, Any]:
        return await self.run(check=params.check, by=peer.who)

    async def run(self, *, check: bool = False, by: str = "") -> dict[str, Any]:
        """Read, check and, without `check`, take the configuration. Gives what is different.

        Raises EngineError `refused`, whose data has `file`, `key` and `reason`.
        """
        async with self._one_at_a_time:
            daemon = self._daemon
            try:
                wanted = await asyncio.to_thread(self._load)
                settings = self._prepared(wanted)
            except ConfigError as error:
                if not check:
                    daemon.events.publish("engine.reload_failed", by=by, reason=str(error))
                data = {"file": error.file, "key": error.key, "reason": error.reason}
                raise EngineError("refused", str(error), data=data) from error
            changes = compare(daemon.settings, wanted)
            if not check:
                await self._take(settings)
                self._tell(changes, by)
            return {
                "file": wanted.file,
                "checked_only": check,
                "changes": [msgspec.structs.asdict(change) for change in changes],
                "words": [change.words for change in changes],
                "restart": [change.key for change in changes if not change.live],
            }

    def _load(self) -> Settings:
        environ = os.environ if self._environ is None else self._environ
        return load(self._daemon.settings.file, environ)

    def _prepared(self, wanted: Settings) -> Settings:
        """What of `wanted` can hold now. Raises ConfigError where that cannot be had."""
        try:
            settings = effective(self._daemon.settings, wanted)
        except ValidationError as error:
            reason = error.errors(include_url=False, include_input=False)[0]["msg"]
            key = str(error.errors(include_url=False)[0].get("ctx", {}).get("key", ""))
            raise wanted.error(key, f"{reason}, before a restart") from error
        try:
            self._daemon.services.dialplan.check(settings.trunks)
        except ParseError as error:
            raise wanted.error("trunks", error.reason) from error
        return settings

    async def _take(self, settings: Settings) -> None:
        """Let every part of the engine go by `settings`. What is left to fail is a defect."""
        daemon, services = self._daemon, self._daemon.services
        daemon.settings = settings
        logs.set_level(settings.log.level)
        services.configure(settings.dial)
        services.dialplan.configure(
            trunks=settings.trunks,
            routes=settings.routes,
            allow_hosts=settings.dial.allow_hosts,
            default_region=settings.dial.default_region,
        )
        daemon.admission.apply(PolicySettings.of(settings))
        daemon.router.apply_settings(settings)
        daemon.intake.apply_settings(settings)
        daemon.call_centre.reload(settings)
        daemon.inbound.reload(settings)
        await daemon.reporting.reload(settings)
        daemon.retention.configure(settings.store, settings.reports.keep_days)
        daemon.dispatcher.dispatch()
        daemon.rights.configure(settings.control, settings.rights)
        daemon.control.configure(settings.control)
        # Last: a registrar's name may take its time to be found.
        await daemon.trunks.reconfigure(settings.trunks)

    def _tell(self, changes: list[Change], by: str) -> None:
        restart = [change.key for change in changes if not change.live]
        log.info("reloaded", by=by, changes=len(changes), restart=restart)
        self._daemon.events.publish(
            "engine.reloaded",
            by=by,
            changes=[change.words for change in changes[:TOLD_CHANGES]],
            changed=len(changes),
            restart=restart[:TOLD_CHANGES] or None,
        )
