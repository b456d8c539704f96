"""The process that speaks: reads texts on its standard input, writes sound to its standard output.

libespeak-ng smashes its stack on some texts. Here that ends a process that has nothing open, and
costs the one text. It imports little, so that it starts in some 50 ms. It ends with its input.
"""

import struct
import sys
from typing import BinaryIO, Final

from ..sound.confinement import allow_cpu, confine

# A text to speak: length of the voice, words a minute, seconds at most, length of the text; then
# the voice and the text. Without text only the voice is looked for.
REQUEST: Final = struct.Struct("!HHdI")
# What came of it: one of the words below, sample rate, length; then samples, or the reason.
RESPONSE: Final = struct.Struct("!cII")
SOUND: Final = b"s"
NO_VOICE: Final = b"v"
FAILED: Final = b"f"

MEMORY_BYTES: Final = 512 * 1024 * 1024
CPU_S: Final = 10  # for one text


def main() -> None:
    """Speak until the input ends."""
    confine(MEMORY_BYTES)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while header := source.read(REQUEST.size):
        if len(header) < REQUEST.size:
            return
        voice_length, rate_wpm, max_duration_s, text_length = REQUEST.unpack(header)
        voice = source.read(voice_length).decode()
        text = source.read(text_length).decode()
        _serve(sink, voice, text, rate_wpm, max_duration_s)


def _serve(sink: BinaryIO, voice: str, text: str, rate_wpm: int, max_duration_s: float) -> None:
    from .espeak import NoSuchVoice, SpeechError, espeak

    allow_cpu(CPU_S)
    rate_hz = 0
    try:
        library = espeak()
        rate_hz = library.sample_rate_hz
        library.voice_identifier(voice)
        body = b""
        if text:
            body = library.speak(
                text, voice=voice, rate_wpm=rate_wpm, max_duration_s=max_duration_s
            )
        word = SOUND
    except NoSuchVoice as error:
        word, body = NO_VOICE, error.reason.encode("utf-8", "replace")
    except (SpeechError, MemoryError) as error:
        word, body = FAILED, (str(error) or "out of memory").encode("utf-8", "replace")
    sink.write(RESPONSE.pack(word, rate_hz, len(body)) + body)
    sink.flush()


if __name__ == "__main__":
    main()
