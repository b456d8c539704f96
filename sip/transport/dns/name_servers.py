"""Asks the name servers: those of /etc/resolv.conf, or those that the configuration names."""

import asyncio
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.query
import dns.rdata
import dns.rdatatype
import dns.rdtypes.IN.NAPTR
import dns.rdtypes.IN.SRV
import dns.resolver

from .records import MOST_RECORDS, Answer, Kind, NameServiceError, Naptr, Record, Srv

_RESOLV_CONF: Final = "/etc/resolv.conf"
_TRY_S: Final = 2.0
"""How long one server has before the next is asked."""
_UDP_BYTES: Final = 1_232
_LENGTH: Final = struct.Struct("!H")  # of a message by TCP: RFC 1035 section 4.2.2


class NameServers:
    """Puts one question to the name servers. `servers` holds (address, port) pairs.

    Without any, /etc/resolv.conf names them, and is read again when it has changed.
    """

    def __init__(
        self, servers: Sequence[tuple[str, int]] = (), *, path: str = _RESOLV_CONF
    ) -> None:
        self._servers = tuple(servers)
        self._path = Path(path)
        self._state: object = None
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def ask(self, name: str, kind: Kind, limit_s: float) -> Answer:
        """Ask for the records of a name. Raises NameServiceError after `limit_s` at the latest."""
        try:
            answer = await self._current().resolve(
                name,
                kind,
                raise_on_no_answer=False,
                lifetime=limit_s,
                # As the system's resolver does: a short name is looked for in the search domains.
                search=kind in ("A", "AAAA"),
            )
        except dns.resolver.NXDOMAIN as error:
            return Answer((), _negative_ttl_s(error))
        except (dns.exception.Timeout, TimeoutError):
            raise NameServiceError(f"{name}: no answer from the name service") from None
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise NameServiceError(f"{name}: {_reason(error)}") from None
        records = [_record(data) for data in answer.rrset or ()]
        records.sort(key=_rank)
        return Answer(tuple(records[:MOST_RECORDS]), float(answer.chaining_result.minimum_ttl))

    def _current(self) -> dns.asyncresolver.Resolver:
        if self._servers:
            return self._resolver or self._configured()
        try:
            stat = self._path.stat()
            state: object = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except OSError as error:
            state = error.errno
        if self._resolver is None or state != self._state:
            self._state = state
            resolver = _with_limits(dns.asyncresolver.Resolver(filename=str(self._path)))
            resolver.nameservers = [
                _Server(str(address), resolver.port) for address in resolver.nameservers
            ]
            self._resolver = resolver
        return self._resolver

    def _configured(self) -> dns.asyncresolver.Resolver:
        resolver = _with_limits(dns.asyncresolver.Resolver(configure=False))
        resolver.nameservers = [_Server(address, port) for address, port in self._servers]
        self._resolver = resolver
        return resolver


class _Server(dns.nameserver.Do53Nameserver):
    """A name server whose long answers are read beside the loop.

    An answer by TCP may have 4,000 records, and reading them takes 130 ms.
    """

    async def async_query(
        self, request: dns.message.QueryMessage, timeout: float, *rest: Any, **more: Any
    ) -> dns.message.Message:
        """Ask by UDP, or by TCP where an answer was too long. Raises what dnspython does."""
        max_size = rest[2] if len(rest) > 2 else more["max_size"]
        if not max_size:
            return await super().async_query(request, timeout, *rest, **more)
        try:
            async with asyncio.timeout(timeout):
                wire = await self._by_tcp(request.to_wire())
        except TimeoutError:
            raise dns.exception.Timeout from None
        except asyncio.IncompleteReadError as error:
            raise EOFError from error
        response: dns.message.Message = await asyncio.to_thread(dns.message.from_wire, wire)
        if not request.is_response(response):
            raise dns.query.BadResponse
        return response

    async def _by_tcp(self, question: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.address, self.port)
        try:
            writer.write(_LENGTH.pack(len(question)) + question)
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            return await reader.readexactly(length)
        finally:
            writer.close()


def _with_limits(resolver: dns.asyncresolver.Resolver) -> dns.asyncresolver.Resolver:
    resolver.timeout = min(resolver.timeout, _TRY_S)
    resolver.use_edns(0, payload=_UDP_BYTES)
    return resolver


def _negative_ttl_s(error: dns.resolver.NXDOMAIN) -> float:
    """For how long the name does not exist (RFC 2308): the shortest of what was answered."""
    ttls = []
    for response in error.responses().values():  # type: ignore[no-untyped-call]
        try:
            ttls.append(float(response.resolve_chaining().minimum_ttl))
        except dns.exception.DNSException:
            ttls.append(0.0)
    return min(ttls, default=0.0)


def _record(data: dns.rdata.Rdata) -> Record:
    if isinstance(data, dns.rdtypes.IN.SRV.SRV):
        return Srv(data.priority, data.weight, data.port, _name(data.target))
    if isinstance(data, dns.rdtypes.IN.NAPTR.NAPTR):
        return Naptr(
            data.order,
            data.preference,
            data.flags.decode("latin-1"),
            data.service.decode("latin-1"),
            _name(data.replacement),
        )
    return data.to_text()


def _rank(record: Record) -> tuple[int, int]:
    """What stays where there are too many: the best services. Addresses are all the same."""
    match record:
        case Srv():
            return record.priority, 0
        case Naptr():
            return record.order, record.preference
    return 0, 0


def _name(name: dns.name.Name) -> str:
    """The text of a name without its final dot; "" for the root, which stands for none."""
    return name.to_text(True).rstrip(".")


def _reason(error: Exception) -> str:
    if isinstance(error, dns.resolver.NoNameservers):
        return "the name servers cannot answer"
    return str(error) or type(error).__name__
