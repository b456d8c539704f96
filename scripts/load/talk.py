"""RTP of the phones: every stream sends a packet each 20 ms, the streams spread over that time.

A packet's payload carries who sent it, its number, the measuring window and the time of sending.
"""

import time
from collections.abc import Callable

import numpy as np

from .mmsg import BUFFER_BYTES, SendTable, Table

PERIOD_NS = 20_000_000
SLOTS = 40
SLOT_NS = PERIOD_NS // SLOTS
FRAME_SAMPLES = 160
MARK = 0x6B_63_61_62
# A batch takes some 0.2 ms to send. One that took longer was interrupted, and the time in its
# packets is not when all of them were sent.
INTERRUPTED_NS = 1_000_000
STRANGER = 0x8000_0000  # set in the serial of a stream that nobody may ever hear

_RTP: list[tuple[str, str]] = [
    ("first", "u1"),
    ("type", "u1"),
    ("sequence", ">u2"),
    ("timestamp", ">u4"),
    ("ssrc", ">u4"),
]
_PAYLOAD: list[tuple[str, str]] = [
    ("mark", "u4"),
    ("serial", "u4"),
    ("count", "u4"),
    ("window", "u4"),
    ("sent_ns", "i8"),
]
SENT_PACKET = np.dtype([*_RTP, *_PAYLOAD, ("audio", "u1", (136,))])
HEARD_PACKET = np.dtype([*_RTP, *_PAYLOAD, ("rest", "u1", (BUFFER_BYTES - 36,))])
# A loud 400 Hz square wave in PCMU, so that nobody takes a talking phone for a silent one.
_AUDIO = np.frombuffer((b"\x10" * 10 + b"\x90" * 10) * 7, np.uint8)[:136]


class Talk:
    """The streams that are being sent. Rows of one slot lie side by side, for one system call.

    `interrupted` holds, by window, the times of sending of batches whose sending was interrupted.
    """

    def __init__(
        self, fd: int, capacity: int, *, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._fd = fd
        self._clock_ns = clock_ns
        self._room = capacity // SLOTS + 1
        rows = self._room * SLOTS
        self._table = SendTable(rows, SENT_PACKET)
        packets = self._table.packets
        packets["first"] = 0x80
        packets["mark"] = MARK
        packets["audio"] = _AUDIO
        self._used = [0] * SLOTS
        self._columns: list[tuple[Table, ...]] = [()] * SLOTS
        self._rows: dict[int, int] = {}
        self._owners = [0] * rows
        self.window = 0
        self.sent: dict[int, int] = {}
        self.interrupted: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, serial: int) -> bool:
        return serial in self._rows

    def start(self, serial: int, source: int, destination: tuple[int, int]) -> None:
        """Send the stream `serial` from the phone at address `source` to (address, port)."""
        slot = min(range(SLOTS), key=self._used.__getitem__)
        if self._used[slot] == self._room:
            raise RuntimeError("more streams than the load peer was started for")
        row = slot * self._room + self._used[slot]
        self._used[slot] += 1
        self._rows[serial] = row
        self._owners[row] = serial
        packet = self._table.packets[row]
        packet["sequence"] = serial * 7919 & 0xFFFF
        packet["timestamp"] = serial * 104729 & 0xFFFFFFFF
        packet["ssrc"] = packet["serial"] = serial
        packet["count"] = 0
        self._table.sources["local"][row] = source
        to = self._table.destinations[row]
        to["host"], to["port"] = destination
        self._resize(slot)

    def stop(self, serial: int) -> None:
        """End a stream; nothing happens when there is none."""
        row = self._rows.pop(serial, None)
        if row is None:
            return
        slot = row // self._room
        self._used[slot] -= 1
        last = slot * self._room + self._used[slot]
        if last != row:
            self._table.move(last, row)
            self._owners[row] = self._owners[last]
            self._rows[self._owners[row]] = row
        self._resize(slot)

    def send(self, slot: int) -> None:
        """Send the packets due in this slot."""
        count = self._used[slot]
        if not count:
            return
        sequence, timestamp, number, window, sent = self._columns[slot]
        sequence += 1
        timestamp += FRAME_SAMPLES
        number += 1
        window[:] = self.window
        sent[:] = now_ns = self._clock_ns()
        taken = self._send_rows(slot * self._room, count)
        if self._clock_ns() - now_ns > INTERRUPTED_NS:
            self.interrupted.setdefault(self.window, []).append(now_ns)
        self.sent[self.window] = self.sent.get(self.window, 0) + taken

    def _send_rows(self, first: int, count: int) -> int:
        return self._table.send(self._fd, first, count)

    def _resize(self, slot: int) -> None:
        first = slot * self._room
        packets = self._table.packets[first : first + self._used[slot]]
        names = ("sequence", "timestamp", "count", "window", "sent_ns")
        self._columns[slot] = tuple(packets[name] for name in names)
