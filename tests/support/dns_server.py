"""A name server on loopback, for tests: it answers from a zone, or is silent."""

import asyncio
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = dict[tuple[str, str], list[str]]


class DnsServer(asyncio.DatagramProtocol):
    """`zone` has the records, as text, by name and type. Names of `silent` get no answer."""

    def __init__(self, zone: Zone | None = None) -> None:
        self.zone = zone or {}
        self.silent: set[str] = set()
        self.refusing = False
        self.ttl_s = 30
        self.asked: list[tuple[str, str]] = []
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._transport is not None
        self._transport.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        return str(host), int(port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        """See asyncio.DatagramProtocol."""
        assert self._transport is not None
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text(True), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        records = self.zone.get((name, kind))
        if self.refusing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            answer.answer.append(
                dns.rrset.from_text(question.name, self.ttl_s, "IN", kind, *records)
            )
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
            soa = "ns.example. admin.example. 1 60 60 60 7"
            answer.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", soa))
        self._transport.sendto(answer.to_wire(), source)
