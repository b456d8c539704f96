"""What is listened on, and what needs it."""

from typing import Any

import pytest

from .all_faults import faults


def test_media_at_every_address_needs_one_that_phones_reach() -> None:
    ((key, why),) = faults(media={"address": "0.0.0.0"})
    assert key == "media.address" and "media.advertise" in why
    assert faults(media={"address": "::", "advertise": "192.0.2.5"}) == []


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"hosts": ["192.0.2.1", "sips:192.0.2.2"]}, "trunks[0].hosts[1]"),
        ({"hosts": [{"host": "192.0.2.2;transport=tls"}]}, "trunks[0].hosts[0]"),
        ({"outbound_proxy": "192.0.2.2;transport=tls"}, "trunks[0].outbound_proxy"),
        ({"route": ["sip:a;lr", "<sips:b;lr>"]}, "trunks[0].route[1]"),
    ],
)
def test_tls_to_a_trunk_needs_a_tls_address(more: dict[str, Any], key: str) -> None:
    trunk = {"name": "pbx", "uri": "sip:192.0.2.1", **more}
    assert [found for found, _ in faults(trunks=[trunk])] == [key]
    own = {**trunk, "listen": ["tls:127.0.0.1:5061"], "tls_cert": "/etc/cert.pem"}
    assert faults(trunks=[own]) == []


def test_tls_to_any_address_of_an_agent_needs_a_tls_address() -> None:
    uris = ("sip:a@192.0.2.3", "sip:a@192.0.2.3;transport=tls", "sips:a@192.0.2.4")
    agent = {"name": "alice", "addresses": [{"uri": uri} for uri in uris]}
    found = [key for key, _ in faults(agents=[agent])]
    assert found == ["agents[0].addresses[1].uri", "agents[0].addresses[2].uri"]
    sip = {"listen": ["tls:127.0.0.1:5061"], "tls": {"cert": "c.pem", "key": "k.pem"}}
    assert faults(agents=[agent], sip=sip) == []


def test_tls_to_places_outside_needs_a_tls_address() -> None:
    queue = {
        "name": "sales",
        "overflow": [{"when": "nobody", "number": "sip:1@one.example;transport=tls"}],
    }
    sections: dict[str, Any] = {
        "dial": {"allow_hosts": ["two.example;transport=tls"]},
        "queues": [queue],
        "trunks": [{"name": "pbx", "uri": "sip:one.example"}],
    }
    found = [key for key, _ in faults(**sections)]
    assert found == ["queues[0].overflow[0].number", "dial.allow_hosts[0]"]
    own = {"listen": ["tls:127.0.0.1:5061"], "tls_cert": "/etc/cert.pem"}
    assert faults(**sections | {"trunks": [sections["trunks"][0] | own]}) == []


def test_an_outside_number_may_be_at_any_host_of_a_trunk() -> None:
    trunk = {"name": "pbx", "uri": "sip:example.com", "hosts": ["one.example"]}
    centres = [{"name": "north", "number": "sip:desk@one.example"}]
    assert faults(trunks=[trunk], centres=centres) == []
    ((key, _reason),) = faults(
        trunks=[trunk], centres=[{"name": "north", "number": "sip:desk@two.example"}]
    )
    assert key == "centres[0].number"
