"""The dialogs of calls that are up, in the store: the next engine can end what this one cannot.

They are written with the events and jobs of the same moment, so that they cost no commit of their
own. A session that ended is dropped in the same way. Until that commit DialogChanges has them.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from sip.auth.digest import Credentials
from sip.dialog.session import Session
from sip.dialog.unsaved_sessions import Saves
from sip.endpoint import SipEndpoint
from sip.errors import ParseError
from sip.saved import SavedSession

from ..store.errors import StoreError
from ..store.store import Store
from .dialog_changes import DialogChanges

log = structlog.get_logger()

STORED_AS = "dialog"
ENGINE_DIED = 'Q.850;cause=41;text="Temporary failure"'
# Thousands of BYEs at once would overflow the sockets of their receivers.
AT_ONCE = 100
PAUSE_S = 0.01
TURN_S = 5.0
"""How long one file of changes is written to before the store has to have them."""


class DialogJournal:
    """Keeps the dialogs of this engine, and has those of the one before."""

    def __init__(self, store: Store, beside: Path) -> None:
        """The files of changes lie beside this one, the control socket."""
        self._store = store
        self._changes = DialogChanges(beside)
        self._timer: asyncio.TimerHandle | None = None
        self._turning: asyncio.Task[None] | None = None

    def write(self, saves: Saves) -> None:
        """Keep what has changed of the sessions of SIP."""
        self._changes.append(saves)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TURN_S, self._begin_turn)
        for key, saved in saves:
            if saved is None:
                self._store.drop(STORED_AS, key)
            else:
                self._store.put(STORED_AS, key, saved)

    async def restore(
        self, sip: SipEndpoint, credentials: Mapping[str, Credentials | None]
    ) -> list[Session]:
        """Take over the sessions that an earlier engine left behind, before `sip` starts.

        `credentials` are those of the trunks by name. Raises StoreError.
        """
        kept = await self._store.load(STORED_AS, SavedSession)
        changes = self._changes.read()
        for key, change in changes.items():
            kept.pop(key, None)
            if change is None:
                self._store.drop(STORED_AS, key)
            else:
                kept[key] = change
                self._store.put(STORED_AS, key, change)
        if changes:
            await self._store.flush()
            self._changes.empty()
        sessions: list[Session] = []
        for key, saved in kept.items():
            try:
                sessions.append(sip.restore(saved, credentials.get(saved.account)))
            except ParseError as error:
                log.error("dialog_unreadable", key=key, reason=error.reason)
                self._store.drop(STORED_AS, key)
        return sessions

    def _begin_turn(self) -> None:
        self._timer = None
        if self._turning is None or self._turning.done():
            self._turning = asyncio.get_running_loop().create_task(self._turn())

    async def _turn(self) -> None:
        """Empty the file of changes once the store has them."""
        if self._changes.take_turns():
            with contextlib.suppress(StoreError):  # it is told there; they stay in the file
                await self._store.flush()
                self._changes.empty_other()

    async def close(self) -> None:
        """The calls are over, and the store has been closed."""
        if self._timer is not None:
            self._timer.cancel()
        if self._turning is not None:
            self._turning.cancel()
            await asyncio.wait([self._turning])
        self._changes.close()


async def end_all(sip: SipEndpoint, sessions: Sequence[Session]) -> None:
    """Send BYE or CANCEL in each of the sessions that an earlier engine left behind."""
    if not sessions:
        return
    log.warning("dialogs_left_behind", dialogs=len(sessions))
    for first in range(0, len(sessions), AT_ONCE):
        if first:
            await asyncio.sleep(PAUSE_S)
        for session in sessions[first : first + AT_ONCE]:
            sip.hangup(session, ENGINE_DIED)
