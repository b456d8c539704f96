"""Addresses, ports and names that the configuration has."""

import errno
import socket
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import dns.exception
import dns.resolver
import pytest

from config.reporting import Metrics
from config.sections import Media, Trunk
from config.settings import Settings
from config.sip import Sip
from engine.doctor import network
from engine.doctor.finding import Finding
from engine.doctor.network import address_findings, name_findings, port_findings, why_not_bound
from tests.support.ports import free_port


def listening(*listen: str) -> Settings:
    return Settings(sip=Sip(listen=list(listen)))


def test_address_that_is_free_or_taken() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        text = f"udp:127.0.0.1:{taken.getsockname()[1]}"
        (found,) = address_findings(listening(text), is_running=False)
        assert found.level == "fault" and "another program" in found.what and found.advice
        (found,) = address_findings(listening(text), is_running=True)
        assert found.level == "ok" and "engine runs" in found.what
    (found,) = address_findings(listening(f"tcp:127.0.0.1:{free_port()}"), is_running=False)
    assert found.level == "ok"


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "1024"), (errno.EADDRNOTAVAIL, "does not have"), (errno.EPERM, "EPERM")],
)
def test_address_that_cannot_be_had(number: int, words: str) -> None:
    with patch.object(network, "why_not_bound", lambda *_where: number):
        (found,) = address_findings(listening("tcp:192.0.2.1:61"), is_running=True)
    assert found.level == "fault" and words in found.what and found.advice


def test_every_address_of_the_configuration_is_looked_at() -> None:
    trunk = Trunk(name="one", uri="sip:192.0.2.1", listen=["tcp:127.0.0.1:5071"])
    given = Settings(sip=Sip(listen=["udp:127.0.0.1:5060"]), trunks=[trunk],
                     metrics=Metrics(listen="127.0.0.1:9100"))  # fmt: skip
    with patch.object(network, "why_not_bound", lambda *_where: None):
        found = [one.about for one in address_findings(given, is_running=False)]
    assert found == ["sip.listen[0]", "trunks[0].listen[0]", "metrics.listen"]


def test_address_of_another_machine_cannot_be_bound() -> None:
    assert why_not_bound("192.0.2.1", 0, socket.SOCK_DGRAM) == errno.EADDRNOTAVAIL


def kernel(root: Path, lowest: int, reserved: str = "") -> Path:
    folder = root / "proc/sys/net/ipv4"
    folder.mkdir(parents=True)
    (folder / "ip_local_port_range").write_text(f"{lowest}\t60999\n")
    (folder / "ip_local_reserved_ports").write_text(reserved + "\n")
    return root


def ports(root: Path, calls: int = 25, **media: object) -> list[Finding]:
    given = Media(ports=(20_000, 20_099), **media)  # type: ignore[arg-type]
    with patch.object(network, "why_not_bound", lambda *_where: None):
        return list(port_findings(given, calls, root, is_running=False))


def test_ports_are_enough_for_the_calls(tmp_path: Path) -> None:
    kernel(tmp_path, 32_768)
    assert [one.level for one in ports(tmp_path)] == ["ok"]
    (few,) = ports(tmp_path, 26)
    assert few.level == "warning" and "25 calls" in few.what and few.advice


@pytest.mark.parametrize(("reserved", "is_said"), [("", True), ("8080,20000-20099", False)])
def test_ports_that_the_kernel_gives_to_others(
    tmp_path: Path, reserved: str, is_said: bool
) -> None:
    kernel(tmp_path, 20_050, reserved)
    assert any("20050 to 20099" in one.what for one in ports(tmp_path)) is is_said


def test_ports_that_are_in_use() -> None:
    def taken(_host: str, port: int, _kind: object) -> int | None:
        return errno.EADDRINUSE if port == 20_004 else None

    nowhere = Path("/nowhere")
    with patch.object(network, "why_not_bound", taken):
        found = list(port_findings(Media(ports=(20_000, 20_099)), 1, nowhere, is_running=False))
        assert [one.level for one in found] == ["ok", "note"]
        assert "1 of the ports are in use, such as 20004" in found[1].what
        found = list(port_findings(Media(ports=(20_000, 20_099)), 1, nowhere, is_running=True))
        assert [one.level for one in found] == ["ok"]
    with patch.object(network, "why_not_bound", lambda *_where: errno.EADDRNOTAVAIL):
        found = list(port_findings(Media(ports=(20_000, 20_099)), 1, nowhere, is_running=False))
    assert [(one.about, one.level) for one in found][1:] == [("media.address", "fault")]


RECORDS = {
    ("_sip._udp.sip.example.com", "SRV"): ["10 1 5060 a.example.com."],
    ("a.example.com.", "A"): ["192.0.2.7"],
    ("plain.example.com", "A"): ["192.0.2.8"],
}


def named(*names: str) -> list[Finding]:
    def ask(name: str, kind: str) -> list[str]:
        if name == "broken.example.com":
            raise dns.exception.Timeout
        return RECORDS.get((name, kind), [])

    trunks = [Trunk(name=f"t{nth}", uri=f"sip:{name}") for nth, name in enumerate(names)]
    return list(name_findings(Settings(trunks=trunks), ask))


def test_names_of_trunks_are_looked_up() -> None:
    by_srv, plain = named("sip.example.com", "plain.example.com", "192.0.2.1")
    assert by_srv.what == "sip.example.com is at 192.0.2.7."
    assert plain.what == "plain.example.com is at 192.0.2.8."
    for name, words in (("none.example.com", "no address"), ("broken.example.com", "looked up")):
        (found,) = named(name)
        assert found.level == "fault" and words in found.what and found.advice


def test_without_name_servers_names_cannot_be_looked_up() -> None:
    real = dns.resolver.Resolver

    def unconfigured(configure: bool = True) -> dns.resolver.Resolver:
        if configure:
            raise dns.resolver.NoResolverConfiguration
        return real(configure=False)

    with patch.object(dns.resolver, "Resolver", unconfigured):
        trunk = Trunk(name="one", uri="sip:sip.example.com")
        (found,) = name_findings(Settings(trunks=[trunk]))
    assert found.level == "fault" and "looked up" in found.what


def test_names_of_this_machine_are_found_without_dns() -> None:
    ask = network._asking(["127.0.0.1:9"])
    assert "127.0.0.1" in ask("localhost", "A")


def test_name_that_is_not_known_has_no_answers() -> None:
    def unknown(*_asked: object, **_how: object) -> None:
        raise dns.resolver.NXDOMAIN

    with patch.object(dns.resolver.Resolver, "resolve", unknown):
        assert network._asking(["127.0.0.1:9"])("none.example.com", "AAAA") == []
    with patch.object(dns.resolver.Resolver, "resolve", lambda *_asked, **_how: ["192.0.2.9"]):
        assert network._asking(["127.0.0.1:9"])("one.example.com", "A") == ["192.0.2.9"]
