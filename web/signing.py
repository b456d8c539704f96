"""What the gateway signs: the public ids of callbacks, the links to them, and its challenges.

Nothing is kept for it: a signature says all, also after a restart.
"""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

PREFIX, TALK_PREFIX = "web-", "talk-"
_CHECKS = {PREFIX: "check", TALK_PREFIX: "check talk"}
_ID_CHARACTERS, _CHECK_CHARACTERS, _TOKEN_CHARACTERS = 22, 8, 24
SECRET_BYTES = 32


class Signing:
    """Signs and checks with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def callback_id(self, site_key: str, request_key: str) -> str:
        """The public id of the callback of a request: the same for the same request, and not to be
        guessed."""
        return self._checked(PREFIX, self._mac("id", f"{site_key}\n{request_key}"))

    def is_callback_id(self, text: str) -> bool:
        """Whether this gateway gave the id."""
        return _is_same(self._checked(PREFIX, text.removeprefix(PREFIX)), text)

    def talk_id(self) -> str:
        """The public id of a talk from a page: another one each time."""
        return self._checked(TALK_PREFIX, secrets.token_urlsafe(32))

    def is_talk_id(self, text: str) -> bool:
        """Whether this gateway gave the id, to a talk."""
        return _is_same(self._checked(TALK_PREFIX, text.removeprefix(TALK_PREFIX)), text)

    def _checked(self, prefix: str, text: str) -> str:
        """The id that begins so, with what shows that this gateway gave it."""
        body = text[:_ID_CHARACTERS]
        return f"{prefix}{body}{self._mac(_CHECKS[prefix], body)[:_CHECK_CHARACTERS]}"

    def link_token(self, callback_id: str) -> str:
        """What its visitor shows to cancel a callback, to rate it or a talk, or to see what is kept
        of it."""
        return self._mac("link", callback_id)[:_TOKEN_CHARACTERS]

    def is_link_token(self, callback_id: str, token: str) -> bool:
        """Whether the token is that of the callback."""
        return _is_same(self.link_token(callback_id), token)

    def seal(self, purpose: str, text: str) -> str:
        """The text with a signature that holds for this purpose alone."""
        return f"{text}.{self._mac(purpose, text)[:_TOKEN_CHARACTERS]}"

    def unseal(self, purpose: str, sealed: str) -> str | None:
        """The text, where its signature is right."""
        text, _, _signature = sealed.rpartition(".")
        known = self.seal(purpose, text)
        return text if _is_same(known, sealed) else None

    def _mac(self, purpose: str, text: str) -> str:
        digest = hmac.digest(self._secret, _bytes(f"{purpose}\n{text}"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _is_same(one: str, other: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _bytes(text: str) -> bytes:
    """Of any text: bytes of a request that are no UTF-8 are surrogates in it."""
    return text.encode("utf-8", "surrogatepass")


def read_or_make_secret(path: Path) -> bytes:
    """The secret in the file. One that is not there is made, for its owner alone.

    Raises OSError; ValueError where the file holds no secret.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_bytes().strip()
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"{path} must hold at least {SECRET_BYTES} characters") from None
        return secret
    secret = os.urandom(SECRET_BYTES).hex().encode()
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret + b"\n")
    return secret
