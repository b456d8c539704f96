"""The dialogs of calls that are up, in the store: the next engine can end what this one cannot.

They are written with the events and jobs of the same moment, so that they cost no commit of their
own. A session that ended is dropped in the same way.
"""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from sip.auth.digest import Credentials
from sip.dialog.session import Session
from sip.dialog.unsaved_sessions import Saves
from sip.endpoint import SipEndpoint
from sip.errors import ParseError
from sip.saved import SavedSession

from ..store.store import Store

log = structlog.get_logger()

STORED_AS = "dialog"
ENGINE_DIED = 'Q.850;cause=41;text="Temporary failure"'
# Thousands of BYEs at once would overflow the sockets of their receivers.
AT_ONCE = 100
PAUSE_S = 0.01


class DialogJournal:
    """Keeps the dialogs of this engine, and has those of the one before."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, saves: Saves) -> None:
        """Keep what has changed of the sessions of SIP."""
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
        sessions: list[Session] = []
        for key, saved in kept.items():
            try:
                sessions.append(sip.restore(saved, credentials.get(saved.account)))
            except ParseError as error:
                log.error("dialog_unreadable", key=key, reason=error.reason)
                self._store.drop(STORED_AS, key)
        return sessions


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
