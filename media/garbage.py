"""The garbage collector of a process that sends packets, which stand still while it runs."""

import gc

# Of the younger objects the collector looks at each generation once in so many times.
_SECOND, _THIRD = 50, 1000


def collect_seldom(new_objects: int) -> None:
    """Look for garbage each time there are so many more objects than there were.

    What there is now stays for good, and is not looked at again: all of it would take 20 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(new_objects, _SECOND, _THIRD)
