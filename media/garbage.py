"""The garbage collector of a process that sends packets, which stand still while it runs.

It takes a millisecond for 4000 objects. So it looks at new ones, a few at a time, and never again
at what was there when it looked: modules, libraries, calls that are up. What garbage there is among
that is found once nobody talks.
"""

import gc
from typing import Any, Final

# Of the younger objects the collector looks at each generation once in so many times.
_SECOND: Final = 50
_THIRD: Final = 1000
_MANY: Final = 100_000


def collect_seldom(new_objects: int) -> None:
    """Look for garbage each time there are so many more objects than there were.

    What there is now stays for good, and is not looked at again: all of it would take 20 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(new_objects, _SECOND, _THIRD)


def collect_in_short_looks(new_objects: int) -> None:
    """The same; and each object is looked at once, but for what `Leftovers` does."""
    collect_seldom(new_objects)
    if _keep not in gc.callbacks:
        gc.callbacks.append(_keep)


def _keep(phase: str, _about: dict[str, Any]) -> None:
    if phase == "stop":
        gc.freeze()


class Leftovers:
    """What has been looked at once since the process began, or since nobody talked last."""

    def __init__(self) -> None:
        self._kept = gc.get_freeze_count()

    def collect(self) -> bool:
        """Look at all of it, where it may be much. To be called while nobody talks: it takes some
        50 ms."""
        if gc.get_freeze_count() - self._kept < _MANY:
            return False
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._kept = gc.get_freeze_count()
        return True
