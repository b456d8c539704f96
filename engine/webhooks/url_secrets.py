"""What of a webhook's URL nobody is to read: what stands before the @, and the query."""

from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, unquote, unquote_plus, urlsplit

HIDDEN = "***"
# A value shorter than this is no secret, and would hide words that have nothing to do with it.
_SHORTEST = 4


class UrlSecrets:
    """Takes the secrets of one URL out of texts that may repeat it."""

    def __init__(self, url: str) -> None:
        self._secrets = sorted(set(_secrets_of(url)), key=len, reverse=True)

    def hide(self, text: str) -> str:
        """`text` without the secrets, however they are written."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def without_secrets(url: str) -> str:
    """Scheme, host, port and path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _secrets_of(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    pair = f"{unquote(user)}:{unquote(password)}".encode()
    found = [user, password, parts.query]
    found += [value for _, value in parse_qsl(parts.query, keep_blank_values=True)]
    if user or password:
        found.append(b64encode(pair).decode())
    for secret in found:
        for form in (secret, unquote(secret), unquote_plus(secret), quote(secret, safe="")):
            if len(form) >= _SHORTEST:
                yield form
