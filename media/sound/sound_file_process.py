"""The process that reads sound files: open files come over its standard input, a Unix socket.

Whatever a file does to libsndfile ends a process that has nothing else open, and costs that file.
It ends with its input.
"""

import contextlib
import os
import socket
import struct
from typing import Final

from .confinement import allow_cpu, confine

# What is asked about the file that comes with it: READ, READ_WIDE or CHECK, and the seconds that it
# may last.
REQUEST: Final = struct.Struct("!cd")
READ: Final = b"r"
READ_WIDE: Final = b"w"  # samples at 16 kHz
CHECK: Final = b"c"
# What came of it: one of the words below, and the length; then samples, or the reason.
RESPONSE: Final = struct.Struct("!cI")
SOUND: Final = b"s"
FAILED: Final = b"f"

MEMORY_BYTES: Final = 1024 * 1024 * 1024  # the libraries alone take half of it
CPU_S: Final = 20  # for one file
_LOW_PRIORITY = 10
_INPUT = 0


def main() -> None:
    """Read files until the input ends."""
    # The packets of those who talk go first; a media worker's own processes begin at -10.
    os.nice(max(0, _LOW_PRIORITY - os.nice(0)))
    confine(MEMORY_BYTES)
    with socket.socket(fileno=_INPUT) as engine:
        while True:
            request, descriptors, _, _ = socket.recv_fds(engine, REQUEST.size, 1)
            if len(request) < REQUEST.size or not descriptors:
                return
            try:
                answer = _answer(request, descriptors[0])
            finally:
                os.close(descriptors[0])
            with contextlib.suppress(BrokenPipeError):
                engine.sendall(answer)


def _answer(request: bytes, descriptor: int) -> bytes:
    from .form import WIDE_HZ
    from .sound_file import SoundFileError, check, read

    wanted, max_duration_s = REQUEST.unpack(request)
    allow_cpu(CPU_S)
    os.lseek(descriptor, 0, os.SEEK_SET)  # a process that died may have read some of it
    try:
        body = b""
        if wanted == READ:
            body = read(descriptor, max_duration_s).tobytes()
        elif wanted == READ_WIDE:
            body = read(descriptor, max_duration_s, WIDE_HZ).tobytes()
        else:
            check(descriptor, max_duration_s)
        word = SOUND
    except SoundFileError as error:
        word, body = FAILED, error.reason.encode("utf-8", "replace")
    except MemoryError:
        word, body = FAILED, b"takes too much memory"
    return RESPONSE.pack(word, len(body)) + body


if __name__ == "__main__":
    main()
