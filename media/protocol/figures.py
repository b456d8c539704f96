"""Figures of legs and workers, as a worker tells them."""

from typing import Literal

import msgspec


class LegStats(msgspec.Struct, array_like=True):
    """Figures of one leg. Sent and received are as the worker sees it."""

    packets_received: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    lost: int = 0  # expected but never received, RFC 3550 A.3
    lost_fraction: float = 0.0
    jitter_ms: float = 0.0  # interarrival jitter, RFC 3550 A.8
    reordered: int = 0
    duplicates: int = 0
    round_trip_ms: float | None = None  # from LSR and DLSR; None until the peer reported
    remote_lost: int | None = None  # what the peer's reports say about our stream
    remote_lost_fraction: float | None = None
    remote_jitter_ms: float | None = None
    dropped_stranger: int = 0  # from any address but the peer's
    dropped_garbage: int = 0  # not RTP, or of no agreed payload type
    dropped_late: int = 0  # before connect
    send_errors: int = 0
    dropped_unauthentic: int = 0  # SRTP that is forged, damaged or replayed
    late: int = 0  # came 40 ms or more after one that was sent later
    burst_density: float = 0.0  # of RFC 3611 section 4.7.2, as the next three
    gap_density: float = 0.0
    burst_ms: int = 0
    gap_ms: int = 0
    mos: float | None = None  # of what the peer says, by the E-model; None while nothing came
    remote_mos: float | None = None  # of what the peer hears; None until it has reported
    clipped: float | None = None  # the share of samples at full scale, where it was too large
    echo_ms: int | None = None  # how late what the peer hears comes back, where it does
    echo_db: float | None = None  # how much louder
    one_way: str | None = None  # why nothing was heard of the peer: see OneWayAudio


class WorkerCounters(msgspec.Struct, array_like=True):
    """Figures of the worker since it started."""

    legs: int = 0
    ports_free: int = 0
    ports_quarantined: int = 0
    dropped_stranger: int = 0
    dropped_garbage: int = 0
    dropped_late: int = 0  # before connect and after close
    clock_frames_skipped: int = 0
    dropped_overflow: int = 0  # came quicker than they could be dealt with one by one
    relay: Literal["native", "plain"] = "native"  # what forwards: the one in C, or in Python
