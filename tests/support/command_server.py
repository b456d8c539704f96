"""The process behind `prepared_command`: it has imported the rooms, and forks for each command.

What it gets is one message a command: how to run it, and the descriptors that it is to have. The
child is as good as a fresh process that has just imported the same: nothing here starts a thread,
opens a socket that the child keeps, or has drawn a random number. The parent of the commands is
this process, which writes into a pipe of each how it began and ended.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

IMPORTED: Final = ("engine.cli.main", "engine.daemon", "engine.checks.configuration")
MOST_BYTES: Final = 1 << 18


class CommandServer:
    """Forks for each message that comes by `line`, until that is closed."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._pipes: dict[int, int] = {}
        """By process id, where it is told how that process ended."""

    def serve(self) -> Callable[[], None] | None:
        """None once nobody asks any more. In a child: what the child is to do."""
        ended, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        while True:
            asked = self._line.fileno()
            ready, _, _ = select.select([asked, ended], [], [])
            if ended in ready:
                os.read(ended, 4096)
                self._collect()
            if asked not in ready:
                continue
            message, descriptors, _, _ = socket.recv_fds(self._line, MOST_BYTES, 4)
            if not message:
                return None
            *streams, pipe = descriptors
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (ended, wakeup, pipe, *self._pipes.values()):
                    os.close(descriptor)
                self._line.close()
                return lambda: _run(json.loads(message), streams)
            for descriptor in streams:
                os.close(descriptor)
            self._pipes[pid] = pipe
            os.write(pipe, b"%d\n" % pid)

    def _collect(self) -> None:
        for pid in list(self._pipes):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                pipe = self._pipes.pop(pid)
                with suppress(BrokenPipeError):  # nobody waits for it
                    os.write(pipe, b"%d\n" % os.waitstatus_to_exitcode(status))
                os.close(pipe)


def _run(how: dict[str, Any], streams: list[int]) -> None:
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if how["session"]:
        os.setsid()
    os.chdir(how["directory"])
    os.environ.clear()
    os.environ.update(how["environ"])
    time.tzset()
    sys.argv = how["argv"]
    sys.path[0] = os.path.dirname(sys.argv[0])
    if sys.argv[1:2] != ["run"]:  # whose tables take their width and colours as they are imported
        for name in [name for name in sys.modules if name.startswith("engine.cli")]:
            del sys.modules[name]

    from ringback.__main__ import main

    main()
    sys.exit()


def serve(descriptor: int) -> Callable[[], None] | None:
    """Import everything, then serve who holds the other end of this socket."""
    for name in IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what was imported stays: no collection of a child need look at it
    return CommandServer(socket.socket(fileno=descriptor)).serve()


if __name__ == "__main__":
    command = serve(int(sys.argv[1]))
    if command is not None:
        command()
