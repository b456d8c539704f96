"""Reloading: the configuration is read again, checked, and what can change at run time is changed.

Nothing is touched before the whole of it is found right. Calls go on as they began: what is changed
holds for what comes after. `engine.reload` and SIGHUP do the same.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping

import structlog
from pydantic import ValidationError

from config.difference import Change, ConfigurationChanges, compare, effective
from config.settings import ConfigError, Settings
from sip.errors import ParseError

from .checks.configuration import load
from .errors import EngineError
from .routing.dialplan import Dialplan
from .store.event_log import EventLog

log = structlog.get_logger()

# How many changes an event lists one by one; an event has to stay short.
LISTED_CHANGES = 50


Reconfigure = Callable[[Settings], Awaitable[None] | None]
"""Has one part of the engine go by these settings."""


class Reload:
    """Reads the configuration file again and has each of `parts` go by it, in their order.

    `settings` are those that hold now.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Mapping[str, Reconfigure],
        *,
        events: EventLog,
        dialplan: Dialplan,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings
        self._parts = parts
        self._events = events
        self._dialplan = dialplan
        self._environ = environ
        self._one_at_a_time = asyncio.Lock()
        self._by_signal: set[asyncio.Task[None]] = set()

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

    async def run(self, *, check: bool = False, by: str = "") -> ConfigurationChanges:
        """Read, check and, without `check`, take the configuration. Gives what is different.

        Raises EngineError `refused`, whose data has `file`, `key` and `reason` of the first fault,
        and all of them in `errors`.
        """
        async with self._one_at_a_time:
            try:
                wanted = await asyncio.to_thread(self._load)
                settings = self._prepared(wanted)
            except ConfigError as error:
                if not check:
                    self._events.publish("engine.reload_failed", by=by, reason=str(error))
                data = {
                    "file": error.file,
                    "key": error.key,
                    "reason": error.reason,
                    "errors": error.view(),
                }
                raise EngineError("refused", str(error), data=data) from error
            changes = compare(self.settings, wanted)
            if not check:
                await self.apply(settings)
                self._publish(changes, by)
            return {
                "file": wanted.file,
                "checked_only": check,
                "changes": changes,
                "words": [change.words for change in changes],
                "restart": [change.key for change in changes if not change.live],
            }

    def _load(self) -> Settings:
        environ = os.environ if self._environ is None else self._environ
        return load(self.settings.file, environ)

    def _prepared(self, wanted: Settings) -> Settings:
        """What of `wanted` can hold now. Raises ConfigError where that cannot be had."""
        try:
            settings = effective(self.settings, wanted)
        except ValidationError as error:
            reason = error.errors(include_url=False, include_input=False)[0]["msg"]
            key = str(error.errors(include_url=False)[0].get("ctx", {}).get("key", ""))
            raise wanted.error(key, f"{reason}, before a restart") from error
        try:
            self._dialplan.check(settings.trunks)
        except ParseError as error:
            raise wanted.error("trunks", error.reason) from error
        return settings

    async def apply(self, settings: Settings) -> None:
        """Have every part go by `settings`. A part that fails has a defect."""
        self.settings = settings
        for name, reconfigure in self._parts.items():
            try:
                taken = reconfigure(settings)
                if taken is not None:
                    await taken
            except Exception:
                log.error("not_reconfigured", part=name)
                raise

    def _publish(self, changes: list[Change], by: str) -> None:
        restart = [change.key for change in changes if not change.live]
        log.info("reloaded", by=by, changes=len(changes), restart=restart)
        self._events.publish(
            "engine.reloaded",
            by=by,
            changes=[change.words for change in changes[:LISTED_CHANGES]],
            changed=len(changes),
            restart=restart[:LISTED_CHANGES] or None,
        )
