"""A thread for what touches the disk, which may take its time and must not hold up the packets."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeAlias

from ...priority import Turn, go_first

_Asked: TypeAlias = tuple[Callable[[], None], Future[None]]


class DiskThread:
    """Does what it is asked, one thing after the other in the order of asking.

    Not an executor of the library: the interpreter waits for the threads of those when it ends, and
    a disk may hang without end.
    """

    __slots__ = ("_asked", "_name", "_thread")

    def __init__(self, name: str) -> None:
        self._name = name
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, work: Callable[[], None]) -> Future[None]:
        """Have `work` done after all that was asked before; cancelled, it is left out."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future: Future[None] = Future()
        self._asked.put((work, future))
        return future

    def close(self, deadline_s: float) -> bool:
        """End once everything is done; whether that was so in time. Blocks."""
        thread = self._thread
        if thread is None:
            return True
        self._asked.put(None)
        thread.join(deadline_s)
        return not thread.is_alive()

    def _run(self) -> None:
        go_first(Turn.HELPER)
        while (asked := self._asked.get()) is not None:
            work, future = asked
            if not future.set_running_or_notify_cancel():
                continue
            try:
                work()
            except Exception as error:  # noqa: BLE001 - who asked gets it
                future.set_exception(error)
            else:
                future.set_result(None)
