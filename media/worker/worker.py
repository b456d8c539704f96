"""The media worker: the process that carries the sound. Nothing else runs in it.

Started as `python -m media.worker FD SETTINGS` with an inherited Unix socket and its settings in
JSON. It ends when the engine says so. When the other end of the socket is closed without that, the
engine has died: the legs are carried on for a while, unless END comes from the next engine.
"""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import sys
import time
from typing import Final

import msgspec
import uvloop

from ..channel import Connection
from ..messages import Answer, Command, Event, Stop, command_decoder
from ..settings import MediaSettings
from ..stderr import never_wait_for_stderr
from .clock import FrameClock
from .load import LoadMeter
from .relay_thread import RelayReader, read_relay
from .switch import Switch

# Container objects alive more than at the last collection before there is another: the packet
# path makes no cycles, and a full collection would hold up every call.
_GC_THRESHOLDS: Final = (200_000, 50, 1000)

# How long the threads that load prompts and write recordings may hold up the packets.
_SWITCH_INTERVAL_S: Final = 0.0005

# Where it is allowed: packets go before everything else on the machine.
_NICENESS: Final = -10


# The next engine sends it to a worker that an earlier one left behind.
END: Final = signal.SIGUSR1


async def serve(sock: socket.socket, settings: MediaSettings) -> None:
    """Work for the engine at the other end of `sock`, and a while longer when it has died."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def lost(reason: str) -> None:
        if switch.has_legs:
            loop.call_later(settings.orphan_s, over.set)
        else:
            over.set()

    def execute(commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Stop):
                over.set()
            else:
                switch.execute(command)
        clock.start()

    def tick(due_at: float) -> int:
        frames = switch.tick(due_at)
        reader.frame()
        load = meter.ticked(due_at)
        if load is not None and switch.has_legs:
            connection.send(load)
        return frames

    def skipped(frames: int) -> None:
        switch.skipped_frames(frames)
        meter.skipped(frames)

    connection: Connection[Answer | Event, Command] = Connection(command_decoder, execute, lost)
    switch = Switch(settings, connection.send)
    reader: RelayReader = read_relay(loop, switch.relay)
    meter = LoadMeter(switch.relay.behind_s, cpus=(time.thread_time, reader.cpu_s))
    clock = FrameClock(loop, tick, skipped)
    loop.add_signal_handler(END, over.set)
    loop.add_reader(switch.listeners.fileno(), switch.listeners.drain)
    await switch.prepare()
    await loop.create_connection(lambda: connection, sock=sock)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        await over.wait()
    finally:
        clock.stop()
        reader.stop()
        loop.remove_reader(switch.listeners.fileno())
        switch.close()


def main() -> None:
    """Entry point of the process."""
    # Ctrl-C in a terminal, and the stop of a service, reach every process; the engine ends its
    # calls and then this socket.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    never_wait_for_stderr()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.setblocking(False)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    settings = msgspec.json.decode(sys.argv[2], type=MediaSettings)
    uvloop.run(serve(sock, settings))


if __name__ == "__main__":
    main()
