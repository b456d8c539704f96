"""The relay's fast path: what is done for a packet that was predicted, compiled by numba.

SRTP is opened and protected on the way, by the functions of libsrtp themselves.

A table has one `Flow` for each descriptor. `forward` goes through the sockets that are readable,
and hands back to Python at the first packet that is not the expected one.
"""

import platform
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

import llvmlite.binding
import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from ..rtp.flow import Flow
from ..rtp.rtp import FRAME_SAMPLES, HEADER_BYTES, PACKET_BYTES
from ..rtp.srtp import FUNCTIONS
from ..sound.g711 import ALAW_TO_ULAW, ULAW_TO_ALAW
from ..sound.level import LOUD

MAX_DATAGRAM_BYTES: Final = 2048

CODECS: Final[dict[str, int]] = {"PCMU": 0, "PCMA": 1}
"""By name, the row of the table of loud samples, for `Flow.codec`."""

TRANSLATIONS: Final[dict[tuple[str, str], int]] = {
    ("PCMU", "PCMU"): 0,
    ("PCMA", "PCMA"): 0,
    ("PCMU", "PCMA"): 1,
    ("PCMA", "PCMU"): 2,
}
"""From the codec received to the codec sent, for `Flow.translation`; 0 leaves the payload alone."""

FLOW: Final = np.dtype(Flow)
"""A row of the flow table."""

# struct epoll_event, which is packed on one machine only (epoll_ctl(2)).
_PACKED: Final = platform.machine() == "x86_64"
EPOLL_EVENT: Final = np.dtype(
    {
        "names": ["events", "fd"],
        "formats": ["<u4", "<i4"],
        "offsets": [0, 4 if _PACKED else 8],
        "itemsize": 12 if _PACKED else 16,
    }
)

# From one 20 ms packet to the next, in the first eight bytes as one number.
STEP: Final = (1 << 32) + FRAME_SAMPLES

_typeof: Callable[[object], object] = numba.typeof
_TRANSFER: Final = types.intp(types.int32, types.voidptr, types.uintp, types.int32)
_receive: Callable[..., int] = types.ExternalFunction("recv", _TRANSFER)
_send: Callable[..., int] = types.ExternalFunction("send", _TRANSFER)
_epoll_wait: Callable[..., int] = types.ExternalFunction(
    "epoll_wait", types.int32(types.int32, types.voidptr, types.int32, types.int32)
)

# srtp_t, the packet, and a pointer to its length. By name: the machine code is kept on disk, and
# the address is another in each process.
for _name, _address in FUNCTIONS.items():
    llvmlite.binding.add_symbol(f"ringback_{_name}", _address)
_OF_SRTP: Final = types.int32(types.uintp, types.voidptr, types.voidptr)
_unprotect: Callable[..., int] = types.ExternalFunction("ringback_srtp_unprotect", _OF_SRTP)
_protect: Callable[..., int] = types.ExternalFunction("ringback_srtp_protect", _OF_SRTP)

Records = NDArray[np.void]
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def _compiled(
    *arguments: object,
) -> Callable[[Callable[_Parameters, _Result]], Callable[_Parameters, _Result]]:
    """Machine code for arguments like these, kept on disk between runs where that is possible."""
    signature = tuple(_typeof(argument) for argument in arguments)

    def compiled(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
        try:
            return numba.njit(signature, cache=True)(function)
        except Exception:  # noqa: BLE001 - no place, a full disk, a file cut off: many kinds
            return numba.njit(signature)(function)

    return compiled


_EVENTS: Final = np.zeros(1, EPOLL_EVENT)


@_compiled(0, _EVENTS, 0)
def poll(epoll_fd: int, events: Records, limit: int) -> int:
    """Fill `events` with at most `limit` readable sockets, without waiting; how many there are."""
    return max(0, _epoll_wait(epoll_fd, events.ctypes, limit, 0))


Forward = Callable[[Records, int, int, Records, NDArray[np.uint8], float], tuple[int, int]]


def _loop() -> Forward:
    """`forward`, with all that it takes from other files in its closure.

    Machine code that was kept is found again by the text of this file and by what the closure
    holds. Globals would be constants in it as well, and stay what they were when it was made.
    """
    header_bytes, packet_bytes = HEADER_BYTES, PACKET_BYTES
    middle = HEADER_BYTES + FRAME_SAMPLES // 2
    step = np.uint64(STEP)
    loud = np.array([list(LOUD[codec]) for codec in CODECS], np.bool_)
    translated = np.array([list(range(256)), list(ULAW_TO_ALAW), list(ALAW_TO_ULAW)], np.uint8)

    @_compiled(_EVENTS, 0, 0, np.zeros(1, FLOW), np.zeros(1, np.uint8), 0.0)
    def forward(
        events: Records, at: int, count: int, flows: Records, packet: NDArray[np.uint8], now: float
    ) -> tuple[int, int]:
        """Forward one packet of each socket in `events[at:count]`, as long as they are as expected.

        Returns the index of the first one that is not, with the size of what now lies in `packet`;
        or `count` and 0.
        """
        length = np.zeros(1, np.int32)
        for index in range(at, count):
            fd = events[index].fd
            size = _receive(fd, packet.ctypes, MAX_DATAGRAM_BYTES, 0)
            if size < 0:  # a pending ICMP error, or the packet had a bad checksum
                continue
            flow = flows[fd]
            first = np.uint64(0)
            for octet in range(8):
                first = first << np.uint64(8) | np.uint64(packet[octet])
            ssrc = np.uint32(0)
            for octet in range(8, 12):
                ssrc = ssrc << np.uint32(8) | np.uint32(packet[octet])
            if (
                size != flow.size
                or first != flow.expect
                or not first
                or ssrc != flow.ssrc
                or first == flow.stop
            ):
                return index, size
            if flow.srtp_in:
                length[0] = size
                if _unprotect(flow.srtp_in, packet.ctypes, length.ctypes):
                    flow.unauthentic += np.uint32(1)  # the peer's own packet is still expected
                    continue
            flow.expect = first + step
            # In units of the RTP clock, as the jitter.
            late = abs((now - flow.heard_at) * 8000.0 - 160.0)
            flow.heard_at = now
            flow.last = packet[packet_bytes - 1]
            if late < 8000.0:  # else the sender's clock stood still (Reception.receive)
                flow.jitter += (late - flow.jitter) * 0.0625
            # One sample from the middle of the payload is enough, most of the time.
            if loud[flow.codec, packet[middle]]:
                flow.loud_at = now
            if flow.out_fd < 0:
                continue
            if flow.translation:
                for octet in range(header_bytes, packet_bytes):
                    packet[octet] = translated[flow.translation, packet[octet]]
            rewritten = first + flow.delta
            for octet in range(8):
                packet[octet] = rewritten >> np.uint64(56 - 8 * octet) & np.uint64(0xFF)
            for octet in range(4):
                packet[8 + octet] = flow.out_ssrc >> np.uint32(24 - 8 * octet) & np.uint32(0xFF)
            length[0] = packet_bytes
            if flow.srtp_out and _protect(flow.srtp_out, packet.ctypes, length.ctypes):
                flow.failures += np.uint32(1)
                continue
            if _send(flow.out_fd, packet.ctypes, length[0], 0) < 0:
                flow.failures += np.uint32(1)
        return count, 0

    return forward


forward: Final = _loop()
