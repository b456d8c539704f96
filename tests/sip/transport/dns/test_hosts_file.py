"""/etc/hosts."""

import os
from pathlib import Path

import pytest

from sip.transport.dns.hosts_file import HostsFile

TEXT = """
# a comment
127.0.0.1 localhost
192.0.2.1   pbx.example PBX   # the one in the cellar
192.0.2.2\tpbx.example
2001:DB8:0::1 pbx.example
nonsense pbx.example
192.0.2.9
"""


@pytest.fixture
def hosts(tmp_path: Path) -> HostsFile:
    (tmp_path / "hosts").write_text(TEXT)
    return HostsFile(str(tmp_path / "hosts"))


@pytest.mark.parametrize("name", ["pbx.example", "PBX.EXAMPLE", "pbx.example."])
def test_every_address_of_a_name_in_the_order_of_the_file(hosts: HostsFile, name: str) -> None:
    assert hosts.addresses(name) == ("192.0.2.1", "192.0.2.2", "2001:db8::1")


def test_aliases_and_names_that_are_not_there(hosts: HostsFile) -> None:
    assert hosts.addresses("pbx") == ("192.0.2.1",)
    assert hosts.addresses("elsewhere.example") == ()


def test_localhost_is_always_here(tmp_path: Path, hosts: HostsFile) -> None:
    assert hosts.addresses("localhost") == ("127.0.0.1",)
    nothing = HostsFile(str(tmp_path / "none"))
    assert nothing.addresses("localhost") == ("127.0.0.1", "::1")
    assert nothing.addresses("a.localhost") == ("127.0.0.1", "::1")
    assert nothing.addresses("pbx.example") == ()


def test_a_file_that_changes_is_read_again(tmp_path: Path, hosts: HostsFile) -> None:
    assert hosts.addresses("pbx") == ("192.0.2.1",)
    (tmp_path / "hosts").write_text("192.0.2.77 pbx\n")
    os.utime(tmp_path / "hosts", ns=(0, 0))
    assert hosts.addresses("pbx") == ("192.0.2.77",)
    (tmp_path / "hosts").unlink()
    assert hosts.addresses("pbx") == ()
