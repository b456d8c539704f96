"""How a trunk is told who is calling: the values of `from` and `caller_ids` of [[trunks]]."""

import re
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator

from .errors import reject
from .value_checks.addresses import check_host
from .values import NumberPrefix, Printable

Identity = Literal["from", "pai", "rpid"]

# "Shop" <sip:user@host>, sip:user@host, user@host, host, +442079460000
_FROM = re.compile(
    r"""(?:(?P<quoted>"(?:[^"\\]|\\["\\])*")\s*<|(?P<words>[^<>"@:;]*)<)?
        (?:sips?:)?
        (?:(?P<user>[^@<>\s;:"?]+)@)?
        (?P<host>\[[0-9A-Fa-f:.]+\]|[^@<>\s;:"?\[\]]+)
        (?P<end>>)?""",
    re.VERBOSE,
)
_USER_ALONE = re.compile(r"\+?[0-9]+")


class FromAddress(NamedTuple):
    """What a From header has besides the caller id; "" for what the call decides."""

    name: str = ""
    user: str = ""
    host: str = ""


def split_from(text: str) -> FromAddress:
    """The parts of `from`. Raises ValueError for what is no address."""
    found = _FROM.fullmatch(text.strip())
    has_name = found is not None and (found["quoted"] or found["words"]) is not None
    if found is None or has_name != bool(found["end"]):
        raise ValueError(text)
    quoted, words = found["quoted"], found["words"]
    name = re.sub(r"\\(.)", r"\1", quoted[1:-1]) if quoted else (words or "").strip()
    user, host = found["user"] or "", found["host"]
    if not user and _USER_ALONE.fullmatch(host):
        user, host = host, ""
    return FromAddress(name, user, host.strip("[]"))


def _check_from(text: str) -> str:
    if not text:
        return text
    try:
        address = split_from(text)
    except ValueError:
        reason = (
            f"{text!r} is no address: it is a domain, a user and a domain, or both with a name, "
            "as in '\"Shop\" <sip:+442079460000@sip.example>'"
        )
        raise reject(reason) from None
    if address.host:
        check_host(address.host)
    return text


FromText = Annotated[Printable, AfterValidator(_check_from)]
CallerIds = dict[NumberPrefix, Printable | list[Printable]]
