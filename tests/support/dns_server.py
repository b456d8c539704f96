"""A name server on loopback, for tests: it answers from a zone, or is silent."""

import asyncio
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

MOST_ALIASES = 20
Zone = dict[tuple[str, str], list[str]]


class DnsServer(asyncio.DatagramProtocol):
    """`zone` has the records, as text, by name and type. Names of `silent` get no answer.

    An alias (CNAME) is followed, as a resolver does. A large answer is given over TCP alone.
    """

    def __init__(self, zone: Zone | None = None) -> None:
        self.zone = zone or {}
        self.silent: set[str] = set()
        self.refusing = False
        self.ttl_s = 30
        self.asked: list[tuple[str, str]] = []
        self._transport: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for _ in range(10):
            await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
            try:
                self._tcp = await asyncio.start_server(self._over_tcp, *self.address)
                return self
            except OSError:  # somebody has that port over TCP
                assert self._transport is not None
                self._transport.close()
        raise OSError("no port is free over both UDP and TCP")

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._transport is not None and self._tcp is not None
        self._transport.close()
        self._tcp.close()

    async def _over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = self._answer(await reader.readexactly(size))
        if answer is not None:
            data = answer.to_wire(max_size=65_535)
            writer.write(len(data).to_bytes(2, "big") + data)
        writer.close()

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
        answer = self._answer(data)
        if answer is None:
            return
        try:
            self._transport.sendto(answer.to_wire(max_size=4_096), source)
        except dns.exception.TooBig:
            answer.answer.clear()
            answer.flags |= dns.flags.TC
            self._transport.sendto(answer.to_wire(), source)

    def _answer(self, data: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text(True), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        asked, owner = name, question.name
        while (alias := self.zone.get((name, "CNAME"))) and len(answer.answer) < MOST_ALIASES:
            answer.answer.append(dns.rrset.from_text(owner, self.ttl_s, "IN", "CNAME", *alias))
            owner = dns.name.from_text(alias[0])
            name = owner.to_text(True)
        records = self.zone.get((name, kind))
        if self.refusing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            answer.answer.append(dns.rrset.from_text(owner, self.ttl_s, "IN", kind, *records))
        elif name == asked and not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
            soa = "ns.example. admin.example. 1 60 60 60 7"
            answer.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", soa))
        return answer
