"""Questions put to real name servers on loopback."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import dns.message
import pytest
import uvloop

from sip.transport.dns.name_servers import NameServers
from sip.transport.dns.records import MOST_RECORDS, Answer, Kind, NameServiceError, Naptr, Srv
from tests.support.dns_server import DnsServer, Zone

ZONE: Zone = {
    ("pbx.example", "A"): ["192.0.2.1", "192.0.2.2"],
    ("pbx.example", "AAAA"): ["2001:db8::1"],
    ("_sip._udp.example", "SRV"): ["10 20 5061 a.example.", "0 0 0 ."],
    ("example", "NAPTR"): ['50 60 "s" "SIP+D2U" "" _sip._udp.example.'],
    ("huge.example", "A"): [f"10.1.{n // 250}.{n % 250}" for n in range(3000)],
    ("huge.example", "SRV"): [f"0 0 {n} t{n}.huge.example." for n in range(1, 1000)],
    ("large.example", "A"): [f"192.0.2.{number}" for number in range(70)],
}


async def test_records_of_each_kind() -> None:
    async with DnsServer(ZONE) as server:
        servers = NameServers([server.address])
        a = await servers.ask("pbx.example", "A", 5.0)
        assert (sorted(map(str, a.records)), a.ttl_s) == (["192.0.2.1", "192.0.2.2"], 30.0)
        assert (await servers.ask("pbx.example", "AAAA", 5.0)).records == ("2001:db8::1",)
        services = await servers.ask("_sip._udp.example", "SRV", 5.0)
        assert set(services.records) == {Srv(10, 20, 5061, "a.example"), Srv(0, 0, 0, "")}
        (naptr,) = (await servers.ask("example", "NAPTR", 5.0)).records
        assert naptr == Naptr(50, 60, "s", "SIP+D2U", "_sip._udp.example")
        assert len((await servers.ask("large.example", "A", 5.0)).records) == MOST_RECORDS


async def test_thousand_records_are_read_and_the_best_are_kept() -> None:
    """The answer comes over TCP, as it is too large for a datagram."""
    zone = {
        ("_sip._udp.example", "SRV"): [f"{n} 1 5060 s{n}.example." for n in range(1_000, 0, -1)]
    }
    async with DnsServer(zone) as server:
        records = (await NameServers([server.address]).ask("_sip._udp.example", "SRV", 5.0)).records
    assert [record.priority for record in records if isinstance(record, Srv)] == [
        *range(1, MOST_RECORDS + 1)
    ]


async def test_aliases_are_followed_and_a_loop_of_them_is_told() -> None:
    zone = {
        ("a.example", "CNAME"): ["b.example."],
        ("b.example", "CNAME"): ["c.example."],
        ("c.example", "A"): ["192.0.2.9"],
        ("loop.example", "CNAME"): ["pool.example."],
        ("pool.example", "CNAME"): ["loop.example."],
    }
    async with DnsServer(zone) as server:
        servers = NameServers([server.address])
        assert (await servers.ask("a.example", "A", 5.0)).records == ("192.0.2.9",)
        with pytest.raises(NameServiceError):
            await servers.ask("loop.example", "A", 2.0)


async def test_answer_without_time_to_live_is_an_answer() -> None:
    async with DnsServer({("pbx.example", "A"): ["192.0.2.9"]}) as server:
        server.ttl_s = 0
        assert await NameServers([server.address]).ask("pbx.example", "A", 5.0) == Answer(
            ("192.0.2.9",), 0.0
        )


@pytest.mark.parametrize("kind", ["A", "SRV"])
async def test_a_long_answer_is_read_beside_the_loop(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of records take so long that calls would notice."""
    in_loop: list[int] = []
    from_wire = dns.message.from_wire

    def noting(wire: bytes, **more: Any) -> dns.message.Message:
        if threading.current_thread() is threading.main_thread():
            in_loop.append(len(wire))
        return from_wire(wire, **more)

    async with DnsServer(ZONE) as server:
        monkeypatch.setattr("dns.message.from_wire", noting)
        answer = await NameServers([server.address]).ask("huge.example", kind, 40.0)
    assert len(answer.records) == MOST_RECORDS
    assert max(in_loop) < 5000


async def test_names_and_records_that_are_not_there() -> None:
    async with DnsServer(ZONE) as server:
        servers = NameServers([server.address])
        assert await servers.ask("nowhere.example", "SRV", 5.0) == Answer((), 7.0)
        assert (await servers.ask("pbx.example", "SRV", 5.0)).records == ()


async def test_a_server_that_is_silent() -> None:
    async with DnsServer(ZONE) as server:
        server.silent.add("stall.example")
        with pytest.raises(NameServiceError, match=r"stall.example: no answer from the name"):
            await NameServers([server.address]).ask("stall.example", "A", 0.3)


async def test_a_server_that_cannot_answer() -> None:
    async with DnsServer(ZONE) as server:
        server.refusing = True
        with pytest.raises(NameServiceError, match="cannot answer"):
            await NameServers([server.address]).ask("pbx.example", "A", 0.5)


async def test_the_next_server_is_asked_where_one_is_silent() -> None:
    async with DnsServer(ZONE) as silent, DnsServer(ZONE) as other:
        silent.silent.add("pbx.example")
        servers = NameServers([silent.address, other.address])
        assert len((await servers.ask("pbx.example", "A", 10.0)).records) == 2


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "..", "a..example"])
async def test_a_name_that_is_none(name: str) -> None:
    async with DnsServer(ZONE) as server:
        with pytest.raises(NameServiceError):
            await NameServers([server.address]).ask(name, "A", 1.0)


async def test_resolv_conf_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    servers = NameServers(path=str(path))
    with pytest.raises(NameServiceError):
        await servers.ask("pbx.example", "A", 1.0)
    path.write_text("nameserver 192.0.2.1\nsearch example\n")
    assert [str(one) for one in servers._current().nameservers] == ["Do53:192.0.2.1@53"]
    path.write_text("nameserver 192.0.2.20\n")
    assert [str(one) for one in servers._current().nameservers] == ["Do53:192.0.2.20@53"]


def test_on_uvloop() -> None:
    async def main() -> None:
        async with DnsServer(ZONE) as server:
            answer = await NameServers([server.address]).ask("pbx.example", "AAAA", 5.0)
            assert answer.records == ("2001:db8::1",)
            assert len(asyncio.all_tasks()) == 1

    uvloop.run(main())
