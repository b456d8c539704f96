"""Which URLs can be posted to, what they name, and which a request may name."""

import pytest
from pydantic import ValidationError

from config.reporting import Notify
from config.urls import host_and_port, without_secrets


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://crm.example/in", ("crm.example", 443)),
        ("http://CRM.example:8080", ("crm.example", 8080)),
        ("http://crm.example./", ("crm.example", 80)),
        ("http://user:word@[::1]:81/x?y=z", ("::1", 81)),
        ("http://[0:0:0:0:0:0:0:1]/", ("::1", 80)),
        ("ftp://crm.example/", None),
        ("file:///etc/passwd", None),
        ("http://", None),
        ("crm.example/in", None),
        ("http://crm.example:99999/", None),
        ("http://crm.example\\@evil.example/", None),
        ("http://crm.example/ in", None),
        ("http://crm.example/#x", None),
        ("http://[::1/", None),
    ],
)
def test_a_url_names_a_host_and_a_port(url: str, found: tuple[str, int] | None) -> None:
    assert host_and_port(url) == found


@pytest.mark.parametrize(
    ("hosts", "url", "is_permitted"),
    [
        ([], "http://127.0.0.1/", False),
        (["crm.example"], "https://crm.example/in", True),
        (["crm.example"], "http://crm.example/in", True),
        (["CRM.example"], "https://crm.EXAMPLE/in", True),
        (["crm.example"], "HTTPS://CRM.EXAMPLE/in", True),
        (["crm.example"], "HtTp://crm.example:443/in", False),
        (["crm.example"], "https://crm.example:8443/in", False),
        (["crm.example:8443"], "https://crm.example:8443/in", True),
        (["crm.example:8443"], "https://crm.example/in", False),
        (["crm.example"], "https://evil.crm.example/in", False),
        (["crm.example"], "https://crm.example.evil/in", False),
        (["crm.example"], "https://crm.example@evil.example/in", False),
        (["crm.example"], "https://evil.example/crm.example", False),
        (["127.0.0.1"], "http://2130706433/", False),
        (["127.0.0.1"], "http://0177.0.0.1/", False),
        (["[::1]:80", "::1"], "http://[::1]:80/", True),
        (["[::1]:8080"], "http://[::1]:8080/", True),
        (["::1"], "http://[::ffff:127.0.0.1]/", False),
    ],
)
def test_a_request_may_name_the_configured_hosts_alone(
    hosts: list[str], url: str, is_permitted: bool
) -> None:
    assert Notify(hosts=hosts).permits(url) is is_permitted


@pytest.mark.parametrize("host", ["http://crm.example", "crm.example:0", "a b", "x;transport=udp"])
def test_a_host_that_none_can_have_is_refused(host: str) -> None:
    with pytest.raises(ValidationError):
        Notify(hosts=[host])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@crm.example:8443/in?token=x", "https://crm.example:8443/in"),
        ("https://h.example/services/T0000ABCDEFGHIJ12/x", "https://h.example/services/***/x"),
        ("https://h.example/a-hook-of-many-words", "https://h.example/a-hook-of-many-words"),
        ("user:word@h.example/x", "***"),
        ("http://[::1/secret", "***"),
        ("a secret", "***"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
