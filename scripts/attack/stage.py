"""What the attacked engine is configured with besides trunks: a certificate, a token, sounds."""

import datetime
import ipaddress
import json
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .target import CONTROL_PORT, DEAD_RESOLVER, DNS_PORT, ENGINE_HOST

TOKEN = "the-token-of-an-attacked-engine"
DAMAGED, FIFO = "damaged.wav", "fifo.wav"
CERTIFICATE, KEY = "cert.pem", "key.pem"


def environment(directory: Path) -> dict[str, str]:
    """Variables that override keys of the configuration; the files they name are in `directory`."""
    _certificate(directory)
    sounds = directory / "sounds"
    sounds.mkdir()
    (sounds / DAMAGED).write_bytes(b"RIFF\xff\xff\xff\xffWAVEfmt " + os.urandom(4000))
    os.mkfifo(sounds / FIFO)
    return {
        "RINGBACK_WHISPER__VOICE": "de",
        "RINGBACK_SIP__DNS": f'["{DEAD_RESOLVER}:{DNS_PORT}"]',
        "RINGBACK_CONTROL__TCP": f"{ENGINE_HOST}:{CONTROL_PORT}",
        "RINGBACK_CONTROL__TLS_CERT": str(directory / CERTIFICATE),
        "RINGBACK_CONTROL__TLS_KEY": str(directory / KEY),
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


def _certificate(directory: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ENGINE_HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ENGINE_HOST))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    (directory / CERTIFICATE).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / KEY).write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
