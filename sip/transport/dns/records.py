"""The records of the name service that SIP uses, and the NAPTR records of a service (RFC 3263)."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from ...errors import SipError

Kind = Literal["A", "AAAA", "SRV", "NAPTR"]

MOST_RECORDS: Final = 64
"""The records of one answer that are used. A host with more has no need of them all."""


class NameServiceError(SipError):
    """A question that the name service did not answer, or a name that nobody can be asked for."""


class Srv(NamedTuple):
    """One SRV record (RFC 2782). `target` has no final dot; "" means that there is no service."""

    priority: int
    weight: int
    port: int
    target: str


class Naptr(NamedTuple):
    """One NAPTR record (RFC 3403). `replacement` has no final dot."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


Record = str | Srv | Naptr


class Answer(NamedTuple):
    """The records of one name and kind; none where the name has none. Valid for `ttl_s` seconds."""

    records: tuple[Record, ...]
    ttl_s: float


def services_of(records: Sequence[Record], services: Sequence[str]) -> list[Naptr]:
    """The NAPTR records of these services that lead to SRV records, best first (RFC 3263 4.1)."""
    found = [
        record
        for record in records
        if isinstance(record, Naptr)
        and record.flags.lower() == "s"
        and record.service.upper() in services
        and record.replacement
    ]
    return sorted(found, key=lambda record: (record.order, record.preference))
