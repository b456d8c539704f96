"""Who calls, and what was dialled: read from the INVITE of a call that comes in by a trunk.

Of a trusted trunk, P-Asserted-Identity (RFC 3325) goes before From, and of several identities one
that is a number. What another trunk asserts is not looked at. A registered trunk calls our Contact,
and what was dialled is in To. Callers who withhold their number (Privacy, RFC 3323, or an anonymous
From) are shown to nobody and cannot be called back.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sip.errors import ParseError
from sip.message.grammar import printable
from sip.message.message import Request
from sip.message.name_addr import NameAddr
from sip.message.uri import OtherUri, SipUri

from ...calls import user_to_user
from ...routing.media_policy import MediaPolicy
from ...routing.numbers.number_plan import NumberPlan
from ...routing.targets.destination import Destination, DialTarget

ANONYMOUS = "anonymous"
MAX_CHARS = 64
MAX_USER_TO_USER = 1024

Read = Callable[[str], str]
"""What a trunk means by a number as it writes it."""

_EXTENSION = re.compile(r"[0-9]{2,6}")
_WITHHELD = frozenset({"id", "user", "header"})


@dataclass(frozen=True, slots=True)
class CallingParty:
    """Who calls: `user` is what is shown; `number` is in E.164, where it is one."""

    user: str
    uri: str
    number: str | None = None
    region: str | None = None
    name: str | None = None
    extension: str | None = None
    """What the trunk's PBX calls the caller by, where that is no telephone number."""

    def address(self, trunk: str | None, media: MediaPolicy) -> Destination:
        """Its address by `trunk`, as that of a leg."""
        return Destination(self.user, (DialTarget(self.uri, self.uri, trunk, media=media),))


def shown_identity(
    request: Request, plan: NumberPlan, *, is_trusted: bool = True, read: Read = str
) -> NameAddr:
    """The address that says who calls, also where the caller withholds it."""
    return (_asserted(request, plan, read) if is_trusted else None) or request.from_


def calling_party(
    request: Request, plan: NumberPlan, *, is_trusted: bool = True, read: Read = str
) -> CallingParty:
    """Who sent this INVITE; a number is read by `plan`, as what the trunk means (`read`).

    `is_trusted`: of the trunk.
    """
    address = shown_identity(request, plan, is_trusted=is_trusted, read=read)
    user = read(user_of(address))
    withheld = bool(_WITHHELD & {part.strip().lower() for part in _privacy(request)})
    if withheld or not user or user.lower() == ANONYMOUS:
        return CallingParty(ANONYMOUS, f"sip:{ANONYMOUS}@anonymous.invalid")
    number = plan.number_of(user)
    name = printable(address.display_name or "").strip()[:MAX_CHARS]
    return CallingParty(
        user=number.e164 if number is not None else user,
        uri=printable(address.uri.encode())[: 4 * MAX_CHARS],
        number=number.e164 if number is not None else None,
        region=number.region if number is not None else None,
        name=name or None,
        extension=user if number is None and _EXTENSION.fullmatch(user) else None,
    )


def dialled_number(
    request: Request, plan: NumberPlan, account: str | None = None, read: Read = str
) -> tuple[str, ...]:
    """What was dialled, as the trunk sent it and, where that is a number, in E.164 before it.

    Where the Request-URI names the trunk's own `account`, or nobody, the number is that of
    P-Called-Party-ID (RFC 7315 section 4.2) or To.
    """
    user = user_of(NameAddr(request.uri))
    if not user or user == account:
        for address in (*readable_addresses(request, "P-Called-Party-ID"), request.to):
            called = user_of(address)
            if called and called != user:
                return (*as_dialled(read(called), plan), *([user] if user else []))
    return as_dialled(read(user), plan)


def as_dialled(user: str, plan: NumberPlan) -> tuple[str, ...]:
    """What was dialled, as it was sent and, where that is a number, in E.164 before it."""
    number = plan.number_of(user) if user else None
    if number is None or number.e164 == user:
        return (user,)
    return (number.e164, user)


def user_to_user_of(request: Request) -> str:
    """What the calling side sends along in User-to-User (RFC 7433); "" for nothing."""
    values = request.get_all("User-to-User")
    return printable(user_to_user.read(values[0]))[:MAX_USER_TO_USER] if values else ""


def _asserted(request: Request, plan: NumberPlan, read: Read) -> NameAddr | None:
    """The first identity that is a number, else the first."""
    addresses = readable_addresses(request, "P-Asserted-Identity")
    for address in addresses:
        if plan.number_of(read(user_of(address))) is not None:
            return address
    return addresses[0] if addresses else None


def readable_addresses(request: Request, name: str) -> list[NameAddr]:
    """The addresses of a header; one that cannot be read costs none of the others."""
    try:
        addresses, _ = request.readable_addresses(name)
    except ParseError:
        return []
    return addresses


def _privacy(request: Request) -> list[str]:
    return [part for value in request.get_all("Privacy") for part in value.split(";")]


def user_of(address: NameAddr) -> str:
    """The user of a sip: URI, or the number of a tel: URI; "" of any other."""
    uri = address.uri
    if isinstance(uri, SipUri):
        return _user_part(uri)
    if isinstance(uri, OtherUri) and uri.scheme == "tel":
        return printable(uri.rest.partition(";")[0])[:MAX_CHARS]
    return ""


def _user_part(uri: SipUri) -> str:
    """Without its parameters, such as those of a ported number (RFC 4694)."""
    return printable((uri.user or "").partition(";")[0])[:MAX_CHARS]
