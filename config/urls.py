"""URLs and origins of web pages: which can be used, what they name, what of them is secret."""

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from .errors import wrong

PORTS = {"http": 80, "https": 443}
TOKEN_CHARACTERS = 16
HIDDEN = "***"
# "https://shop.example", "http://localhost:8000"
_ORIGIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
)


def check_url(text: str) -> str:
    """The URL, where it can be posted to. Raises an error that does not repeat it."""
    reason = "this is not an http: or https: URL"  # which is not repeated: it may have a token
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        what = " with a port" if "ort" in str(error) else ""
        raise wrong("", f"{reason}{what}") from None
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise wrong("", reason)
    if not text.isprintable() or " " in text:
        raise wrong("", "must be printable characters without blanks")
    if "\\" in text:
        raise wrong("", "has a backslash, which programs read in different ways")
    if parts.fragment:
        raise wrong("", "has a #fragment, which is never sent")
    return text


def host_and_port(url: str) -> tuple[str, int] | None:
    """The host and the port of a URL that `check_url` accepts; None for any other text.

    An IP address is written as `Host` writes it.
    """
    try:
        check_url(url)
    except PydanticCustomError:
        return None
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    try:
        host = str(ip_address(host))
    except ValueError:
        host = host.lower()
    return host, parts.port or PORTS[parts.scheme]


def without_secrets(url: str) -> str:
    """A URL for people: no user, no password, no query, and no token in its path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    if parts.scheme not in PORTS:  # it may be anything
        return HIDDEN
    path = "/".join(HIDDEN if is_token(one) else one for one in parts.path.split("/"))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


def is_token(segment: str) -> bool:
    """Whether a part of a URL's path is long and mixed, as what only its receiver knows is."""
    has_digit = any(c.isdigit() for c in segment)
    is_mixed = segment != segment.lower() and segment != segment.upper()
    return len(segment) >= TOKEN_CHARACTERS and (has_digit or is_mixed)


def _check_origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise wrong("", f"{text!r} is not an origin such as https://shop.example, without a path")
    return text


Origin = Annotated[str, AfterValidator(_check_origin)]
"""Where web pages come from: scheme, host and port (RFC 6454)."""
