"""The media worker: the process that carries the sound. Nothing else runs in it.

Started as `python -m media.worker.worker DOOR SETTINGS`, with the path of the Unix socket on which
it listens and its settings in JSON. It ends when the engine says so. When the engine's connection
is closed without that, the engine has died: the legs are carried on for a while. The next engine
sends END meanwhile, or connects to its socket.
"""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from .. import priority
from ..clock.alarm import precise_alarm
from ..clock.frame_clock import FrameClock
from ..garbage import Leftovers, collect_in_short_looks
from ..protocol.messages import Command, Stop, Welcome
from ..settings import MediaSettings
from ..stderr import never_wait_for_stderr
from ..worker_socket import listen_at
from .engine_session import EngineSessions
from .load import LoadMeter
from .ports.descriptors import make_room_for
from .processor_time import of_thread
from .relay_thread import RelayReader, read_relay
from .switch import Switch

# Looked at for garbage in a millisecond. The packet path makes none, and a call leaves none.
_NEW_OBJECTS: Final = 4000

# How long the threads that load prompts and write recordings may hold up the packets.
_SWITCH_INTERVAL_S: Final = 0.0005

# Where it is allowed: packets go before everything else on the machine.
_NICENESS: Final = -10


# A worker that no engine calls on ends: the one that started it has died meanwhile.
UNCALLED_S: Final = 30.0

# One for anybody, and one that is connected to the peer.
_SOCKETS_OF_A_PORT: Final = 2

# The next engine sends it to a worker that an earlier one left behind.
END: Final = signal.SIGUSR1


async def serve(
    listening: socket.socket, settings: MediaSettings, precedence: priority.Precedence
) -> None:
    """Work for the engine that connects to `listening`, and a while longer when it has died."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    ending: list[asyncio.TimerHandle] = []

    def come() -> None:
        ending.pop().cancel()

    def gone() -> None:
        ending.append(loop.call_later(settings.orphan_s if switch.has_legs else 0.0, over.set))

    def describe(welcome: Welcome) -> None:
        welcome.pid = os.getpid()
        switch.describe(welcome)

    def execute(commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Stop):
                over.set()
            else:
                switch.execute(command)
        clock.start()

    def tick(due_at: float) -> int:
        frames = switch.tick(due_at)
        if not frames:
            leftovers.collect()
        reader.frame()
        precedence.look(due_at)
        load = meter.ticked(due_at)
        if load is not None and switch.has_legs:
            sessions.send(load)
        return frames

    def skipped(frames: int) -> None:
        switch.skipped_frames(frames)
        meter.skipped(frames)

    leftovers = Leftovers()
    sessions = EngineSessions(execute, come=come, gone=gone, describe=describe)
    switch = Switch(settings, sessions.send, wake=lambda: clock.start())
    reader: RelayReader = read_relay(loop, switch.relay)
    own_time = of_thread(threading.get_native_id(), time.thread_time)
    meter = LoadMeter(switch.relay.behind_s, threads=(own_time, reader.processor_time))
    clock = FrameClock(partial(precise_alarm, loop), tick, skipped)
    loop.add_signal_handler(END, over.set)
    loop.add_reader(switch.listeners.fileno(), switch.listeners.drain)
    switch.prepare()
    ending.append(loop.call_later(UNCALLED_S, over.set))
    server = await loop.create_unix_server(sessions.accept, sock=listening)
    helpers = ThreadPoolExecutor(
        thread_name_prefix="clips", initializer=priority.go_first, initargs=(priority.Turn.HELPER,)
    )
    loop.set_default_executor(helpers)
    collect_in_short_looks(_NEW_OBJECTS)
    try:
        await over.wait()
    finally:
        server.close()
        reader.stop()
        loop.remove_reader(switch.listeners.fileno())
        switch.close()  # a leg that is closed may wake the clock
        clock.close()


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
    path = Path(sys.argv[1])
    listening = listen_at(path)
    priority.run_before_others(_NICENESS)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    settings = msgspec.json.decode(sys.argv[2], type=MediaSettings)
    first, last = settings.ports
    make_room_for(_SOCKETS_OF_A_PORT * (last - first + 1))
    precedence = priority.Precedence(_NICENESS)
    priority.go_first(priority.Turn.CLOCK)
    try:
        uvloop.run(serve(listening, settings, precedence))
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
