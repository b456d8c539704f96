"""What the attacked engine is configured with besides trunks: a certificate, a token, sounds."""

import json
import os
import ssl
from pathlib import Path

from scripts.load.certificates import CERTIFICATE, Certificate

from .target import CONTROL_PORT, DEAD_RESOLVER, DNS_PORT, ENGINE_HOST

TOKEN = "the-token-of-an-attacked-engine"
DAMAGED, FIFO = "damaged.wav", "fifo.wav"


def environment(directory: Path) -> dict[str, str]:
    """Variables that override keys of the configuration; the files they name are in `directory`."""
    certificate = Certificate.made(directory, ENGINE_HOST)
    sounds = directory / "sounds"
    sounds.mkdir()
    (sounds / DAMAGED).write_bytes(b"RIFF\xff\xff\xff\xffWAVEfmt " + os.urandom(4000))
    os.mkfifo(sounds / FIFO)
    return {
        "RINGBACK_WHISPER__VOICE": "de",
        "RINGBACK_SIP__DNS": f'["{DEAD_RESOLVER}:{DNS_PORT}"]',
        "RINGBACK_CONTROL__TCP": f"{ENGINE_HOST}:{CONTROL_PORT}",
        "RINGBACK_CONTROL__TLS_CERT": certificate.cert,
        "RINGBACK_CONTROL__TLS_KEY": certificate.key,
        "RINGBACK_CONTROL__TOKEN": TOKEN,
        # What is kept of calls and of strangers grows to its bounds, which are small here.
        "RINGBACK_TRACE__KEEP_CALLS": "20",
        "RINGBACK_TRACE__KEEP_MIB": "4",
        "RINGBACK_CONTROL__REPLAY_EVENTS": "500",
        "RINGBACK_CONTROL__REPLAY_BYTES": str(1 << 20),
        "RINGBACK_MEDIA__SOUNDS": json.dumps([str(sounds)]),
    }


def trusting(directory: Path) -> ssl.SSLContext:
    """What a client needs that trusts the certificate in `directory`."""
    return ssl.create_default_context(cafile=str(directory / CERTIFICATE))
