"""The relay in C. It has what the one in plain Python has, and a thread's work besides."""

from ..rtp.flow import Flow as PlainFlow
from .plain import PacketRelay as PlainRelay

class Flow(PlainFlow):
    """A row of the table in C. Its methods wait for the packet that is being forwarded."""

    def watch_tones(self, kept: bytes) -> None:
        """Have packets handed over in which a key may be as sound; with no bytes no more.

        `kept` are the newest two payloads. To be said while the stream is not armed. Raises
        ValueError for another number of bytes.
        """

    def kept(self) -> bytes:
        """The newest two payloads, forwarded or not; no bytes where keys are not looked for."""

class PacketRelay(PlainRelay):
    """A relay for a thread to drive. `fileno` is readable while something is handed over."""

    def set_tones(self, tables: bytes) -> None:
        """How keys are looked for (`tables.py`). Raises ValueError for another number of bytes."""

    def run(self) -> None:
        """Forward until `stop` is called, without the interpreter's lock."""

    def stop(self) -> None:
        """End `run`, from any thread."""

def lock_srtp() -> None:
    """Wait until the relay uses no SRTP context, and keep it from them."""

def unlock_srtp() -> None:
    """Let the relay use SRTP contexts again."""
