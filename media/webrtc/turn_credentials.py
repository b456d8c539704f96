"""Credentials for a TURN server that hold for a while, made of a secret that it shares.

As in draft-uberti-behave-turn-rest: the name is when they end and for whom they are, the password
the HMAC-SHA1 of that. coturn has it as `use-auth-secret`.
"""

import base64
import hashlib
import hmac
from typing import Final

USER: Final = "ringback"


def time_limited(secret: str, expires: float) -> tuple[str, str]:
    """The name and the password that hold until `expires` (Unix seconds)."""
    name = f"{int(expires)}:{USER}"
    digest = hmac.digest(secret.encode(), name.encode(), hashlib.sha1)
    return name, base64.b64encode(digest).decode()
