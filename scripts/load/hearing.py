"""What the phones hear: who from, how late, in what order, and whether it was meant for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .mmsg import ReceiveTable
from .talk import FRAME_SAMPLES, HEARD_PACKET, MARK, PERIOD_NS, SENT_PACKET

BATCH_ROWS = 512
NOBODY = -1
LATE_NS = 2_000_000  # frames that are later are told one by one,
MOST_LATE = 500  # of a window, the latest of them


@dataclass(frozen=True, slots=True)
class LateFrame:
    """A frame that a phone heard `late_ns` later than its earliest one; when, on the real clock."""

    phone: int
    late_ns: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class WindowReport:
    """One measuring window. `lost` counts packets sent in it that the partner never heard.

    `breaks` are those of the relay; `reordered` counts packets that the network, on either side of
    the relay, let come late. `undated` counts those that were heard, but of which nobody knows when
    exactly they were sent: they are left out of the delays. `engine_frames` are of nobody's
    partner; `frame_late` is how late they are beside the earliest of the same phone, and
    `late_frames` are the latest of them.
    """

    sent: int
    heard: int
    lost: int
    duplicates: int
    engine_frames: int
    breaks: int
    reordered: int
    undated: int
    delay_p50_ms: float
    delay_p99_ms: float
    delay_max_ms: float
    frame_late_p99_ms: float
    frame_late_max_ms: float
    late_frames: tuple[LateFrame, ...]


class Hearing:
    """Takes what arrives, and keeps the packets of measuring windows for a report.

    Phones are numbered from the address `base` upwards.
    """

    def __init__(self, fd: int, base: int, phones: int) -> None:
        self._fd = fd
        self._base = base
        self._table = ReceiveTable(BATCH_ROWS, HEARD_PACKET)
        packets = self._table.packets
        self._columns = {name: packets[name] for name in packets.dtype.names or ()}
        self._meant_for = self._table.ancillary["info"]["header"]
        self._partners = np.full(phones, NOBODY, np.int64)
        self._kept: list[npt.NDArray[np.int64]] = []
        self.window = 0
        self.packets = 0
        self.from_partner = 0
        self.from_engine = 0
        self.from_others = 0
        self.first_other = ""

    def pair(self, phone: int, partner_serial: int) -> None:
        """From now on this phone should hear this stream; NOBODY: none."""
        self._partners[phone] = partner_serial

    def drain(self) -> None:
        """Take all that has arrived."""
        while True:
            count = self._table.receive(self._fd)
            if count:
                self._judge(count)
            if count < BATCH_ROWS:
                return

    def _judge(self, count: int) -> None:
        columns = self._columns
        phones = self._meant_for[:count].astype(np.int64)
        phones -= self._base
        np.clip(phones, 0, len(self._partners) - 1, out=phones)
        serials = columns["serial"][:count].astype(np.int64)
        marked = columns["mark"][:count] == MARK
        marked &= self._table.lengths[:count] == SENT_PACKET.itemsize
        partner = marked & (serials == self._partners[phones])
        from_partner = int(np.count_nonzero(partner))
        from_phones = int(np.count_nonzero(marked))
        self.packets += count
        self.from_partner += from_partner
        self.from_engine += count - from_phones
        if from_phones != from_partner:
            self.from_others += from_phones - from_partner
            if not self.first_other:
                row = int(np.flatnonzero(marked & ~partner)[0])
                self.first_other = (
                    f"phone {phones[row]} heard stream {serials[row]}, "
                    f"partner {self._partners[phones[row]]}"
                )
        if self.window:
            windows = np.where(marked, columns["window"][:count], self.window).astype(np.int64)
            numbers = columns["count"][:count].astype(np.int64)
            sequence = columns["sequence"][:count].astype(np.int64)
            sent_ns = columns["sent_ns"][:count]
            delays = self._table.arrival_ns(count) - sent_ns
            heard = partner.astype(np.int64)
            stamps = columns["timestamp"][:count].astype(np.int64)
            rows = (windows, phones, sequence, serials, numbers, delays, heard, sent_ns, stamps)
            self._kept.append(np.stack(rows))

    def report(self, window: int, sent: int, interrupted: Sequence[int] = ()) -> WindowReport:
        """Sum up a window, and forget all that was kept.

        `interrupted` are times of sending that are not those of all packets which carry them.
        """
        kept = np.concatenate(self._kept, axis=1) if self._kept else np.zeros((9, 0), np.int64)
        self._kept.clear()
        # Streams go on over the ends of a window: what was sent before it is no hole.
        everything = kept
        kept = kept[:, kept[0] == window]
        partner = kept[6] == 1
        serials, numbers, delays = kept[3][partner], kept[4][partner], kept[5][partner]
        distinct = len(np.unique(serials << 32 | numbers))
        heard = len(delays)
        delays = delays[~np.isin(kept[7][partner], np.asarray(interrupted, np.int64))]
        p50, p99 = np.percentile(delays, (50, 99)) if len(delays) else (0.0, 0.0)
        made = kept[:, ~partner]
        arrivals_ns = made[5] + made[7]
        late = _lateness_ns(made[1], made[8], arrivals_ns)
        return WindowReport(
            sent=sent,
            heard=heard,
            lost=sent - distinct,
            duplicates=heard - distinct,
            engine_frames=int(np.count_nonzero(~partner)),
            breaks=_breaks(everything[1], everything[2], everything[4], everything[6] == 1),
            reordered=_reordered(everything[1], everything[2]),
            undated=heard - len(delays),
            delay_p50_ms=float(p50) / 1e6,
            delay_p99_ms=float(p99) / 1e6,
            delay_max_ms=float(delays.max(initial=0)) / 1e6,
            frame_late_p99_ms=float(np.percentile(late, 99)) / 1e6 if len(late) else 0.0,
            frame_late_max_ms=float(late.max(initial=0)) / 1e6,
            late_frames=_latest(made[1], late, arrivals_ns),
        )


def _breaks(
    phones: npt.NDArray[np.int64],
    sequence: npt.NDArray[np.int64],
    numbers: npt.NDArray[np.int64],
    partner: npt.NDArray[np.bool_],
) -> int:
    """How often the stream that a phone hears has a hole, a repetition, or its partner's packets
    in another order than they were sent in.

    What the network delivers in another order is put in order first, as the phone would.
    """
    in_arrival = np.argsort(phones, kind="stable")
    phones, sequence = phones[in_arrival], sequence[in_arrival]
    numbers, partner = numbers[in_arrival], partner[in_arrival]
    first = np.flatnonzero(np.diff(phones, prepend=-1))
    begins = np.repeat(sequence[first], np.diff(first, append=len(phones)))
    place = (sequence - begins + 0x8000 & 0xFFFF) - 0x8000
    order = np.lexsort((place, phones))
    phones, place, numbers, partner = phones[order], place[order], numbers[order], partner[order]
    steps = (np.diff(phones) == 0) & (np.diff(place) != 1)
    talkers, said = phones[partner], numbers[partner]
    turned = (np.diff(talkers) == 0) & (np.diff(said) <= 0)
    return int(np.count_nonzero(steps) + np.count_nonzero(turned))


def _lateness_ns(
    phones: npt.NDArray[np.int64],
    stamps: npt.NDArray[np.int64],
    arrivals_ns: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """How late each packet is by its RTP timestamp, beside the earliest of its phone."""
    order = np.argsort(phones, kind="stable")
    phones, stamps = phones[order], stamps[order]
    steps = np.diff(stamps, prepend=stamps[:1])
    steps = (steps + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
    late: npt.NDArray[np.int64] = arrivals_ns[order]
    late = late - np.cumsum(steps) * (PERIOD_NS // FRAME_SAMPLES)
    first = np.flatnonzero(np.diff(phones, prepend=-1))
    if not len(first):
        return late
    earliest = np.minimum.reduceat(late, first)
    late -= np.repeat(earliest, np.diff(first, append=len(phones)))
    as_they_came = np.empty_like(late)
    as_they_came[order] = late
    return as_they_came


def _latest(
    phones: npt.NDArray[np.int64],
    late_ns: npt.NDArray[np.int64],
    arrivals_ns: npt.NDArray[np.int64],
) -> tuple[LateFrame, ...]:
    """The MOST_LATE latest of those that are later than LATE_NS."""
    order = np.argsort(-late_ns, kind="stable")[:MOST_LATE]
    rows = [int(row) for row in order if late_ns[row] > LATE_NS]
    return tuple(
        LateFrame(int(phones[row]), int(late_ns[row]), int(arrivals_ns[row])) for row in rows
    )


def _reordered(phones: npt.NDArray[np.int64], sequence: npt.NDArray[np.int64]) -> int:
    """How many packets came after one that follows them in the stream."""
    order = np.argsort(phones, kind="stable")
    same_phone = np.diff(phones[order]) == 0
    steps = np.diff(sequence[order]) & 0xFFFF
    return int(np.count_nonzero(same_phone & (steps >= 0x8000)))
