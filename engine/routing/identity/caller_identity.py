"""Who a trunk is told is calling: From, P-Asserted-Identity, Remote-Party-ID and Privacy.

RFC 3261 section 20.20 (From), RFC 3325 (P-Asserted-Identity), RFC 3323 (Privacy); Remote-Party-ID
is draft-ietf-sip-privacy-04, which carriers still ask for.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from config.caller_identity import Identity, split_from
from config.settings import Trunk
from sip.message.name_addr import NameAddr
from sip.message.uri import SipUri

from ..numbers.spellings import without_separators
from ..targets.number_rewriting import SentNumbers
from .caller_id_check import ANONYMOUS

_WITHHELD_NAME: Final = "Anonymous"
_WITHHELD_HOST: Final = "anonymous.invalid"  # RFC 3323 section 4.1.1.3
_NUMBER = re.compile(r"\+?[0-9*#]+")


def _as_dialled(caller_id: str) -> str:
    """A number as people write it, without what is for their eyes; others as they are."""
    bare = without_separators(caller_id)
    return bare if _NUMBER.fullmatch(bare) else caller_id


@dataclass(frozen=True, slots=True)
class ShownCaller:
    """What an INVITE says of its caller."""

    from_uri: str
    name: str | None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """What the INVITEs by one trunk say of their caller; "" for what the call itself decides.

    `own` is the number that the trunk knows us by, where the caller id is withheld from who is
    called. `numbers` says how the trunk wants numbers written.
    """

    host: str = ""
    user: str = ""
    name: str = ""
    carried_in: Identity = "from"
    own: str = ""
    numbers: SentNumbers | None = None

    @classmethod
    def of(
        cls, trunk: Trunk, host: str, caller_id: str, numbers: SentNumbers | None = None
    ) -> "CallerIdentity":
        """That of a trunk at `host` which shows `caller_id` where a call names none."""
        address = split_from(trunk.from_) if trunk.from_ else None
        known_as = (_as_dialled(caller_id), address.user if address else "", trunk.username)
        return cls(
            host=(address.host if address else "") or host,
            user=address.user if address else "",
            name=address.name if address else "",
            carried_in=trunk.identity,
            own=next((number for number in known_as if _NUMBER.fullmatch(number)), ""),
            numbers=numbers,
        )

    @classmethod
    def at(cls, trunks: Sequence[Trunk], host: str) -> "CallerIdentity":
        """The identity with which users of the trunks at `host` are called; by default our own."""
        for trunk in trunks:
            if trunk.from_ or trunk.identity != "from":
                return cls.of(trunk, host, trunk.caller_id)
        return cls()

    def shown(self, caller_id: str, name: str, host: str) -> ShownCaller:
        """The caller of one INVITE, from the caller id and the name that the call has.

        `host` is ours, where the trunk has none.
        """
        host = self.host or host
        name = name or self.name
        caller_id = _as_dialled(caller_id)
        is_withheld = caller_id == ANONYMOUS
        headers = [("Privacy", "id")] if is_withheld else []
        if not is_withheld:
            caller_id = self.told(caller_id)
        number = self.told(self.own) if is_withheld else caller_id
        if self.carried_in != "from" and _NUMBER.fullmatch(number):
            party = NameAddr(SipUri("sip", host, number), self._name_of(name, is_withheld))
            headers.append(self._party(party, is_withheld))
        if is_withheld and self.carried_in != "from":
            anonymous = SipUri("sip", _WITHHELD_HOST, ANONYMOUS)
            return ShownCaller(str(anonymous), _WITHHELD_NAME, tuple(headers))
        user = caller_id if is_withheld else self.user or caller_id
        shown_name = _WITHHELD_NAME if is_withheld else name or None
        return ShownCaller(str(SipUri("sip", host, user)), shown_name, tuple(headers))

    def told(self, number: str) -> str:
        """The caller id as the trunk wants it written."""
        return number if self.numbers is None else self.numbers.written_caller(number)

    def _name_of(self, name: str, is_withheld: bool) -> str | None:
        return (self.name if is_withheld else name) or None

    def _party(self, party: NameAddr, is_withheld: bool) -> tuple[str, str]:
        if self.carried_in == "pai":
            return "P-Asserted-Identity", party.encode()
        privacy = "full" if is_withheld else "off"
        params = {"party": "calling", "screen": "yes", "privacy": privacy}
        return "Remote-Party-ID", NameAddr(party.uri, party.display_name, dict(params)).encode()


NO_IDENTITY: Final = CallerIdentity()
"""Of calls by no trunk: the caller id at our own host."""


def caller_id_for(called: str, trunk: Trunk) -> str:
    """The caller id that a trunk shows to `called`; "": none of its own.

    Of several for one prefix each number called is always shown the same.
    """
    found = _longest(called, trunk.caller_ids)
    if found is None:
        return trunk.caller_id
    if isinstance(found, str):
        return found
    return found[zlib.crc32(called.encode()) % len(found)]


def _longest(called: str, by_prefix: Mapping[str, str | list[str]]) -> str | list[str] | None:
    prefixes = [prefix for prefix in by_prefix if called.startswith(prefix)]
    return by_prefix[max(prefixes, key=len)] if prefixes else None
