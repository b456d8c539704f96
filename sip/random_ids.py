"""Random numbers for tags, branches and nonces, read from the kernel in blocks.

A call needs about fourteen random numbers. One system call for each would cost more than the
numbers themselves.
"""

import os
import random

_BLOCK_BYTES = 4096


class BlockRandom(random.SystemRandom):
    """Like random.SystemRandom, but reads os.urandom in blocks. No byte is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self._block = b""
        self._used = 0

    def randbytes(self, n: int) -> bytes:
        """`n` random bytes."""
        end = self._used + n
        if end > len(self._block):
            self._block = os.urandom(max(_BLOCK_BYTES, n))
            self._used, end = 0, n
        taken = self._block[self._used : end]
        self._used = end
        return taken

    def getrandbits(self, k: int, /) -> int:
        """A number of `k` random bits. Raises ValueError when `k` is negative."""
        if k < 0:
            raise ValueError("number of bits must be non-negative")
        count = (k + 7) // 8
        return int.from_bytes(self.randbytes(count)) >> (count * 8 - k)

    def random(self) -> float:
        """A number in [0, 1)."""
        return self.getrandbits(53) * 2.0**-53
