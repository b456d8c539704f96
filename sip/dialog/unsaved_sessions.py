"""The sessions whose kept state has changed since it was last written."""

from __future__ import annotations

from ..saved import SavedSession
from ..usage import DialogUsage

Saves = list[tuple[str, SavedSession | None]]
"""The new state of each session by its local tag; None: delete it."""


class UnsavedSessions:
    """Notes which sessions have changed. Off unless `is_wanted` is set: then it costs nothing."""

    __slots__ = ("_changed", "_gone", "_kept", "is_wanted")

    def __init__(self) -> None:
        self.is_wanted = False
        self._changed: dict[str, DialogUsage] = {}
        self._gone: list[str] = []
        self._kept: set[str] = set()

    def changed(self, session: DialogUsage) -> None:
        """Something that is kept of the session has changed."""
        if self.is_wanted:
            self._changed[session.local_tag] = session

    def gone(self, session: DialogUsage) -> None:
        """The session is over."""
        tag = session.local_tag
        self._changed.pop(tag, None)
        if tag in self._kept:
            self._kept.discard(tag)
            self._gone.append(tag)

    def restored(self, session: DialogUsage) -> None:
        """The session is kept already, by an earlier process."""
        self._kept.add(session.local_tag)

    def pop_saves(self) -> Saves:
        """Return what has changed since the last call."""
        if not self._changed and not self._gone:
            return []
        saves: Saves = [(tag, None) for tag in self._gone]
        self._gone = []
        changed, self._changed = self._changed, {}
        for tag, session in changed.items():
            saved = session.save()
            if saved is not None:
                self._kept.add(tag)
                saves.append((tag, saved))
        return saves

    def clear(self) -> None:
        """Forget everything; what is kept stays so."""
        self.is_wanted = False
        self._changed.clear()
        self._gone.clear()
        self._kept.clear()
