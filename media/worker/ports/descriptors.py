"""Room for the file descriptors of a worker, made before it has threads and calls."""

import contextlib
import fcntl
import os
import resource


def make_room_for(count: int) -> None:
    """Let the kernel's table of this process have room for `count` descriptors, at once.

    In a process with threads the kernel waits whenever that table has to grow, until no core can
    be reading the old one: 17 ms have been seen, in which no frame was sent. There are never more
    descriptors than the soft limit allows. Where a descriptor cannot be made, nothing changes.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError):
        file = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.close(fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, min(count, most) - 1))
        finally:
            os.close(file)
