"""Who calls, and what was dialled: read from the INVITE of a call that comes in by a trunk.

A trunk is trusted: P-Asserted-Identity (RFC 3325) goes before From. Callers who withhold their
number (Privacy, RFC 3323, or an anonymous From) are shown to nobody and cannot be called back.
"""

from dataclasses import dataclass

from config.values import Rtp
from sip.errors import ParseError
from sip.message.grammar import printable
from sip.message.message import Request
from sip.message.name_addr import NameAddr, parse_name_addr_list
from sip.message.uri import OtherUri, SipUri

from ..routing.dialplan import Destination, DialTarget
from ..routing.phone_number import read_number

ANONYMOUS = "anonymous"
MAX_CHARS = 64
_WITHHELD = frozenset({"id", "user", "header"})


@dataclass(frozen=True, slots=True)
class CallingParty:
    """Who calls: `user` is what is shown; `number` is in E.164, where it is one."""

    user: str
    uri: str
    number: str | None = None
    region: str | None = None
    name: str | None = None

    def address(self, rtp: Rtp) -> Destination:
        """Its address, as that of a leg; `rtp` says from where its RTP is taken."""
        return Destination(self.user, (DialTarget(self.uri, self.uri, rtp=rtp),))


def calling_party(request: Request, region: str) -> CallingParty:
    """Who sent this INVITE; a number without its country is read as dialled in `region`."""
    address = _asserted(request) or request.from_
    user = _user(address)
    withheld = bool(_WITHHELD & {part.strip().lower() for part in _privacy(request)})
    if withheld or not user or user.lower() == ANONYMOUS:
        return CallingParty(ANONYMOUS, f"sip:{ANONYMOUS}@anonymous.invalid")
    number = read_number(user, region)
    name = printable(address.display_name or "").strip()[:MAX_CHARS]
    return CallingParty(
        user=number.e164 if number is not None else user,
        uri=printable(address.uri.encode())[: 4 * MAX_CHARS],
        number=number.e164 if number is not None else None,
        region=number.region if number is not None else None,
        name=name or None,
    )


def dialled_number(request: Request, region: str) -> tuple[str, ...]:
    """What was dialled, as the trunk sent it and, where that is a number, in E.164 before it."""
    uri = request.uri
    user = _user_part(uri) if isinstance(uri, SipUri) else ""
    number = read_number(user, region) if user else None
    if number is None or number.e164 == user:
        return (user,)
    return (number.e164, user)


def _asserted(request: Request) -> NameAddr | None:
    for value in request.get_all("P-Asserted-Identity"):
        try:
            addresses = parse_name_addr_list(value)
        except ParseError:
            continue
        if addresses:
            return addresses[0]
    return None


def _privacy(request: Request) -> list[str]:
    return [part for value in request.get_all("Privacy") for part in value.split(";")]


def _user(address: NameAddr) -> str:
    uri = address.uri
    if isinstance(uri, SipUri):
        return _user_part(uri)
    if isinstance(uri, OtherUri) and uri.scheme == "tel":
        return printable(uri.rest.partition(";")[0])[:MAX_CHARS]
    return ""


def _user_part(uri: SipUri) -> str:
    """Without its parameters, such as those of a ported number (RFC 4694)."""
    return printable((uri.user or "").partition(";")[0])[:MAX_CHARS]
