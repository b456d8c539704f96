"""Which relay runs: the one in C where it was compiled, else the one in plain Python.

RINGBACK_RELAY in the environment asks for one of them, "native" or "plain". `python -m
media.relay.implementation` says which it is.
"""

import contextlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Literal

from ..rtp.flow import Flow
from .plain import PacketRelay

Name = Literal["native", "plain"]
VARIABLE: Final = "RINGBACK_RELAY"


@dataclass(frozen=True, slots=True)
class Implementation:
    """One relay: its rows, its loop, and what is held while Python uses an SRTP context.

    `why` says why it is not the other one, where somebody may wonder. One that `hears_tones` may
    forward streams that have keys as sound: it hands over what may be one.
    """

    name: Name
    flow: type[Flow]
    packet_relay: type[PacketRelay]
    srtp_lock: AbstractContextManager[None]
    why: str = ""
    hears_tones: bool = False


class _SrtpLock:
    """Keeps SRTP contexts from the relay's thread: they are for one thread at a time."""

    def __init__(self, acquire: Callable[[], None], release: Callable[[], None]) -> None:
        self._acquire, self._release = acquire, release

    def __enter__(self) -> None:
        self._acquire()

    def __exit__(self, *_exception: object) -> None:
        self._release()


def plain(why: str = "") -> Implementation:
    """The relay in Python, which has no thread of its own."""
    return Implementation("plain", Flow, PacketRelay, contextlib.nullcontext(), why)


def native() -> Implementation:
    """The relay in C. Raises ImportError where it was not compiled, or was long ago."""
    from . import native as compiled

    wanted = {"set_tones", *(name for name in vars(PacketRelay) if not name.startswith("_"))}
    if wanted - set(dir(compiled.PacketRelay)):
        raise ImportError("it was compiled from an older source")
    lock = _SrtpLock(compiled.lock_srtp, compiled.unlock_srtp)
    return Implementation(
        "native",
        compiled.Flow,
        compiled.PacketRelay,
        lock,
        hears_tones=True,
    )


def chosen() -> Implementation:
    """The one to be used here. Raises ImportError or ValueError where VARIABLE asks in vain."""
    asked = os.environ.get(VARIABLE, "")
    if asked == "plain":
        return plain(f"{VARIABLE} is plain")
    if asked not in ("", "native"):
        raise ValueError(f"{VARIABLE} is {asked!r}, not native or plain")
    try:
        return native()
    except ImportError as error:
        if asked:
            raise
        return plain(f"the one in C was not compiled: {error}")


if __name__ == "__main__":
    relay = chosen()
    print(f"media relay: {relay.name}{relay.why and f' ({relay.why})'}")
