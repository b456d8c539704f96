"""SIP headers that are configured: `dial.headers`, and `headers` of [[trunks]]."""

from typing import Annotated

from pydantic import AfterValidator, Field

from .errors import wrong
from .section import first_duplicate
from .value_checks.texts import steers
from .values import HeaderName, Template

# What `identity` of a trunk writes.
_OF_IDENTITY = ("p-asserted-identity", "remote-party-id", "privacy")
_MOST_HEADERS = 32


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    twice = first_duplicate([name.lower() for name in headers])
    if twice is not None:
        raise wrong("", f"header {twice!r} stands twice")
    for name, template in headers.items():
        if steers(name, template):
            reason = "says who is called, so it may not be filled from a request"
            raise wrong(name, reason)
    return headers


def _check_identity(headers: dict[str, str]) -> dict[str, str]:
    for name in headers:
        if name.lower() in _OF_IDENTITY:
            raise wrong(name, "is written as identity and the caller id say")
    return headers


HeaderTemplates = Annotated[
    dict[HeaderName, Template], Field(max_length=_MOST_HEADERS), AfterValidator(_check_headers)
]
TrunkHeaders = Annotated[HeaderTemplates, AfterValidator(_check_identity)]
