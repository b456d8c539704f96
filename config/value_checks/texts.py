"""Names, texts and headers, as they may be written."""

import re

from pydantic import SecretStr

from ..errors import reject

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
# RFC 3261 section 25.1: token
_HEADER_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDERS = ("id", "to", "context")

# Headers that the SIP stack writes itself; a configured header must not fight with them.
_STACK_HEADERS = """
    accept accept-encoding allow authorization call-id contact content-encoding content-length
    content-type cseq expires from max-forwards mime-version min-expires min-se
    proxy-authenticate proxy-authorization proxy-require rack reason record-route require
    retry-after route rseq server session-expires supported timestamp to unsupported user-agent
    via warning www-authenticate c e f i k l m s t v x
"""

# Headers that say who is called, or for whom: their value must not come from a request.
_STEERING_HEADERS = """
    a accept-contact b d diversion history-info identity j join o p-asserted-identity
    p-called-party-id p-preferred-identity p-served-user path privacy r refer-sub refer-to
    referred-by reject-contact remote-party-id replaces request-disposition service-route
    target-dialog y
"""


def is_name(text: str) -> bool:
    """Whether `text` may be the name of an entry."""
    return _NAME.fullmatch(text) is not None


def check_name(text: str) -> str:
    """The name of an entry: of a trunk, an agent, a queue."""
    if not is_name(text):
        raise reject(
            "must be 1 to 64 letters, digits, '.', '_' or '-', and begin with one of the first two"
        )
    return text


def check_printable(text: str) -> str:
    """Printable characters on one line."""
    if not text.isprintable():
        raise reject("must be printable characters on one line")
    return text


def check_template(text: str) -> str:
    """A text with {id}, {to} and {context.KEY} in it."""
    rest = _PLACEHOLDER.sub("", text)
    if "{" in rest or "}" in rest:
        raise reject("has a brace without its partner")
    for placeholder in _PLACEHOLDER.findall(text):
        if placeholder not in _PLACEHOLDERS and not re.fullmatch(r"context\.[^.]+", placeholder):
            known = ", ".join(f"{{{name}}}" for name in _PLACEHOLDERS)
            raise reject(f"{{{placeholder}}} is not known; there are {known} and {{context.KEY}}")
    return check_printable(text)


def check_key(digit: str) -> str:
    """A key of a telephone, or none."""
    if len(digit) > 1 or digit not in "0123456789*#":
        raise reject(f"{digit!r} is not a key of a telephone")
    return digit


def check_header_name(text: str) -> str:
    """The name of a header that the SIP stack does not write itself."""
    if not _HEADER_NAME.fullmatch(text):
        raise reject(f"{text!r} is not a header name")
    if text.lower() in _STACK_HEADERS.split():
        raise reject(f"{text} is written by the SIP stack itself")
    return text


def steers(name: str, template: str) -> bool:
    """Whether a header that says who is called would be filled from a request."""
    return name.lower() in _STEERING_HEADERS.split() and bool(_PLACEHOLDER.search(template))


def check_secret(secret: SecretStr) -> SecretStr:
    """A password or key: as `check_printable`, and never shown."""
    check_printable(secret.get_secret_value())
    return secret
