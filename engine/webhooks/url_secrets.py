"""What of a URL nobody is to read: what stands before the @, the query, and tokens in the path."""

from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, unquote, unquote_plus, urlsplit

from config.urls import HIDDEN, is_token

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


def _secrets_of(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    pair = f"{unquote(user)}:{unquote(password)}".encode()
    found = [user, password, parts.query]
    found += [one for one in parts.path.split("/") if is_token(one)]
    found += [value for _, value in parse_qsl(parts.query, keep_blank_values=True)]
    if user or password:
        found.append(b64encode(pair).decode())
    for secret in found:
        for form in (secret, unquote(secret), unquote_plus(secret), quote(secret, safe="")):
            if len(form) >= _SHORTEST:
                yield form
