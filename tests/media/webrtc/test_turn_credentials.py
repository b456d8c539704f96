"""Time-limited credentials for a TURN server."""

import base64
import hashlib
import hmac

from media.webrtc.turn_credentials import time_limited


def test_the_password_is_the_hash_of_the_name_with_the_secret() -> None:
    name, password = time_limited("north", 1_800_000_000.9)
    assert name == "1800000000:ringback"
    expected = hmac.new(b"north", name.encode(), hashlib.sha1).digest()
    assert base64.b64decode(password) == expected
