"""A part of a call flow that something else may cut short: the base of `while_up` and `until_key`.

Works as asyncio.timeout does: the body is cancelled, and only that one cancellation is turned into
another exception, so a cancellation from outside stays what it is.
"""

import asyncio


class CancelScope:
    """Enter and leave it with `_begin` and `_is_cut`; `_cut` cancels the body in between."""

    def _begin(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._fired = False

    def _cut(self) -> None:
        if not self._fired:
            self._fired = True
            self._task.cancel()

    def _is_cut(self, kind: type[BaseException] | None) -> bool:
        """On leaving with an exception of `kind`: whether it is this cut, and no other, that ends
        the body."""
        if not self._fired:
            return False
        still_cancelling = self._task.uncancel() > self._cancelling
        return kind is asyncio.CancelledError and not still_cancelling
