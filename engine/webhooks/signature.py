"""The signature of a webhook: how the receiver knows who sent it, and that it is not an old one.

As in Standard Webhooks 1.0 (standardwebhooks.com), for which there are libraries in most languages.
`verify` is for receivers in Python that use none.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"

# Such a secret is base64 after this; any other one is taken as it is.
PREFIX = "whsec_"
VERSION = "v1"
# How far the clocks of the two may be apart, and how old a delivery may be.
TOLERANCE_S = 300.0


class NotGenuine(Exception):
    """The delivery is not from who knows the secret, or it is too old."""


def key_of(secret: str) -> bytes:
    """The key that a secret of the configuration stands for. Raises ValueError for bad base64."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX) + "==", validate=True)
    except binascii.Error as error:
        raise ValueError(f"what follows {PREFIX} is not base64: {error}") from error


def sign(key: bytes, delivery: str, timestamp: int, body: bytes) -> str:
    """The signature of one attempt to deliver `body`, made at `timestamp` (Unix seconds)."""
    signed = b"%s.%d.%s" % (delivery.encode(), timestamp, body)
    return f"{VERSION},{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def verify(
    key: bytes,
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    *,
    tolerance_s: float = TOLERANCE_S,
) -> str:
    """The id of a delivery that is genuine. Raises NotGenuine.

    `headers` by lower-case names. A delivery may come again, with the same id: take it once.
    """
    delivery, timestamp = headers.get(ID), headers.get(TIMESTAMP, "")
    if not delivery or not (timestamp.isascii() and timestamp.isdigit()):
        raise NotGenuine(f"{ID} or {TIMESTAMP} is missing")
    if abs(now - int(timestamp)) > tolerance_s:
        raise NotGenuine(f"signed at {timestamp}, which is too long ago or to come")
    expected = sign(key, delivery, int(timestamp), body).encode()
    for signature in headers.get(SIGNATURE, "").encode().split():
        if hmac.compare_digest(signature, expected):
            return delivery
    raise NotGenuine("no signature is right")
