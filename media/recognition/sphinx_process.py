"""The process that recognises with pocketsphinx: sound on its standard input, JSON lines on its
standard output. Nothing else runs in it.

The first line of its input is the vocabulary. It ends with its input.
"""

import sys
from typing import BinaryIO, Final

import msgspec

from ..sound.confinement import confine
from .recogniser_messages import Error, RecogniserMessage, Speech, Words
from .vocabulary import Vocabulary

MEMORY_BYTES: Final = 512 << 20


def main() -> None:
    """Recognise until the input ends."""
    confine(MEMORY_BYTES)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    vocabulary = msgspec.json.decode(source.readline(), type=Vocabulary)
    try:
        recognise(source, sink, vocabulary)
    except (ImportError, ValueError, RuntimeError, OSError, MemoryError) as error:
        _say(sink, Error(str(error) or "out of memory"))


def recognise(source: BinaryIO, sink: BinaryIO, vocabulary: Vocabulary) -> None:
    """Write to `sink` what is heard in `source`, until it ends. Raises ValueError, ImportError."""
    from .sphinx_decoder import FRAME_BYTES, SphinxDecoder
    from .sphinx_spotter import SphinxSpotter

    is_spotted = vocabulary.is_spotted
    decoder = SphinxSpotter(vocabulary) if is_spotted else SphinxDecoder(vocabulary)
    was_speaking = False
    while len(frame := source.read(FRAME_BYTES)) == FRAME_BYTES:
        heard = decoder.feed(frame)
        if decoder.is_speaking and not was_speaking:
            _say(sink, Speech())
        was_speaking = decoder.is_speaking
        if heard is not None:
            _say(
                sink,
                Words(
                    heard.text,
                    confidence=heard.confidence,
                    from_ms=heard.from_ms,
                    to_ms=heard.to_ms,
                ),
            )


def _say(sink: BinaryIO, message: RecogniserMessage) -> None:
    sink.write(msgspec.json.encode(message) + b"\n")
    sink.flush()


if __name__ == "__main__":
    main()
