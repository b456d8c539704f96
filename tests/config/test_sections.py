"""What each section takes and refuses, and secrets from files."""

import os
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.sections import Control, Dial, Media, MediaSound, Route, Store, Trunk, Whisper
from config.sip import Sip
from tests.support.configuration import refused_key


@pytest.mark.parametrize(
    "listen",
    ["udp:0.0.0.0:5060", "tcp:[::]:5060", "udp:[fe80::1]:0", "tcp:10.1.2.3:65535"],
)
def test_listen_accepts(listen: str) -> None:
    assert Sip(listen=[listen]).listen == [listen]


@pytest.mark.parametrize(
    "listen",
    [
        "127.0.0.1:5060", "sctp:127.0.0.1:5060", "udp:127.0.0.1", "udp:localhost:5060", "udp::5060",
        "udp:127.0.0.1:65536", "udp:127.0.0.1:-1", "udp:::1:5060", "udp:[127.0.0.1]:5060", "",
    ],
)  # fmt: skip
def test_listen_refuses(listen: str) -> None:
    refused_key(Sip, "listen", listen=[listen])


def test_listen_is_not_empty_and_has_nothing_twice() -> None:
    refused_key(Sip, "listen", listen=[])
    assert "twice" in refused_key(Sip, "listen", listen=["udp:127.0.0.1:5060"] * 2)
    Sip(listen=["udp:127.0.0.1:0"] * 2)


@pytest.mark.parametrize(
    ("ports", "taken"),
    [
        ([10000, 19999], (10000, 19999)),
        ([10001, 20000], (10002, 19999)),
        ([1024, 1025], (1024, 1025)),
        ([65534, 65535], (65534, 65535)),
    ],
)
def test_ports_are_whole_pairs(ports: list[int], taken: tuple[int, int]) -> None:
    assert Media(ports=ports).ports == taken  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "ports",
    [
        [1000, 2000],
        [10000, 65536],
        [10000, 10000],
        [10001, 10002],
        [20000, 10000],
        [10000],
        [1, "2"],
    ],
)
def test_ports_refuse(ports: list[Any]) -> None:
    refused_key(Media, "ports", ports=ports)


@pytest.mark.parametrize(
    "uri",
    [
        "sip:127.0.0.1:5070;transport=udp", "sip:pbx.example.com", "sip:u@[::1]:5060", "SIP:h;lr",
        "sip:alice%20b@h;transport=TCP;user=phone", "sip:+4420@h",
    ],
)  # fmt: skip
def test_trunk_uri_accepts(uri: str) -> None:
    assert Trunk(name="t", uri=uri).uri == uri


@pytest.mark.parametrize(
    "uri",
    [
        "", "127.0.0.1", "http://h", "sips:h;transport=udp", "tel:+44", "sip:", "sip:@h", "sip:a@",
        "sip:h:0", "sip:h:99999", "sip:h x", "sip:h;transport=sctp", "sip:h?Subject=x", "<sip:h>",
        "sip:-h-", "sip:a@h:port",
    ],
)  # fmt: skip
def test_trunk_uri_refuses(uri: str) -> None:
    refused_key(Trunk, "uri", name="t", uri=uri)


def test_agent_uri_names_a_user() -> None:
    assert "user" in refused_key(Agent, "uri", name="a", uri="sip:127.0.0.1")


@pytest.mark.parametrize("name", ["alice", "1001", "a.b-c_d", "x" * 64])
def test_name_accepts(name: str) -> None:
    assert Agent(name=name, uri="sip:a@h").name == name


@pytest.mark.parametrize("name", ["", " a", "a b", "é", ".a", "x" * 65, "a\n"])
def test_name_refuses(name: str) -> None:
    refused_key(Agent, "name", name=name, uri="sip:a@h")


@pytest.mark.parametrize("prefix", ["", "+", "+44", "0", "*21#"])
def test_prefix_accepts(prefix: str) -> None:
    assert Route(prefix=prefix, trunks=["t"]).prefix == prefix


@pytest.mark.parametrize("prefix", ["44+", "a", "+44 20", "sip:"])
def test_prefix_refuses(prefix: str) -> None:
    refused_key(Route, "prefix", prefix=prefix, trunks=["t"])


def test_route_needs_trunks() -> None:
    refused_key(Route, "trunks", prefix="+", trunks=[])
    refused_key(Route, "trunks", prefix="+", trunks=["a", "a"])


@pytest.mark.parametrize("region", ["GB", "US", "DE"])
def test_region_accepts(region: str) -> None:
    assert Dial(default_region=region).default_region == region


@pytest.mark.parametrize("region", ["gb", "UK", "XX", "", "+44"])
def test_region_refuses(region: str) -> None:
    refused_key(Dial, "default_region", default_region=region)


def test_hosts_are_kept_in_one_spelling() -> None:
    dial = Dial(allow_hosts=["PBX.Example.com", "[::0001]", "10.0.0.1"])
    assert dial.allow_hosts == ["pbx.example.com", "::1", "10.0.0.1"]
    refused_key(Dial, "allow_hosts", allow_hosts=["a b"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Via": "x"}, {"call-id": "x"}, {"v": "x"}, {"X A": "x"}, {"X:": "x"}, {"X-A": "{nope}"},
        {"X-A": "{"}, {"X-A": "a\r\nVia: b"}, {"X-A": "{context.}"}, {"X-A": "1", "x-a": "2"},
        {"X-A": 5},
    ],
)  # fmt: skip
def test_headers_refuse(headers: dict[str, Any]) -> None:
    refused_key(Dial, "headers", headers=headers)


def test_headers_take_what_the_job_has() -> None:
    headers = {"X-A": "{id} {to}", "X-B": "{context}", "X-C": "site {context.site name}"}
    assert Dial(headers=headers).headers == headers


def test_whisper_template() -> None:
    assert Whisper(default="A call from {context.site}.").default
    refused_key(Whisper, "default", default="A call from {site}.")


def test_socket_path_fits_into_a_socket_address() -> None:
    Control(socket=Path("x" * 107))
    assert "107" in refused_key(Control, "socket", socket=Path("x" * 108))
    refused_key(Control, "socket", socket="")
    assert "path of a socket" in refused_key(Control, "socket", socket="/")


def test_the_root_is_no_file() -> None:
    assert "path of a file" in refused_key(Store, "path", path="/")


def test_ringing_is_that_of_a_country() -> None:
    assert Media(ringing="US").ringing == "US"
    for country in ("", "U5", "GBR", "Ж1"):
        refused_key(Media, "ringing", ringing=country)


def test_hold_music_must_be_there(tmp_path: Path) -> None:
    refused_key(Media, "hold", hold=str(tmp_path / "none.wav"))
    (tmp_path / "some.wav").write_bytes(b"")
    Media(hold=str(tmp_path / "some.wav"))


def test_tcp_needs_tls_and_a_token() -> None:
    tls = {"tls_cert": "c.pem", "tls_key": "k.pem"}
    token = {"token": "x" * 16}
    refused_key(Control, "tcp", tcp="localhost:1")
    refused_key(Control, "tls_cert", tcp="127.0.0.1:1", **token)
    refused_key(Control, "tls_key", tcp="127.0.0.1:1", tls_cert="c.pem", **token)
    refused_key(Control, "token", tcp="127.0.0.1:1", token="short", **tls)
    Control(tcp="127.0.0.1:1", **tls, **token)  # type: ignore[arg-type]


def test_users_by_name_and_number() -> None:
    control = Control(allow_users=["root", "12", os.getuid()])
    assert control.allowed_uids == {0, 12, os.getuid()}
    assert "no user" in refused_key(Control, "allow_users", allow_users=["no-such-user"])
    refused_key(Control, "allow_users", allow_users=[-1])


def test_secret_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("  hunter2\n")
    trunk = Trunk(name="t", uri="sip:h", username="u", password_file=str(path))
    assert trunk.password.get_secret_value() == "hunter2"
    assert Control(token_file=str(path)).token.get_secret_value() == "hunter2"


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb", b"\xff\xff", b"x" * 5000])
def test_file_that_holds_no_secret(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    reason = refused_key(Trunk, "password_file", name="t", uri="sip:h", password_file=str(path))
    assert str(path) in reason


def test_secret_is_given_once(tmp_path: Path) -> None:
    none = str(tmp_path / "none")
    both = {"password": "x", "password_file": none}
    assert "both" in refused_key(Agent, "password_file", name="a", uri="sip:a@h", **both)
    assert "No such file" in refused_key(
        Agent, "password_file", name="a", uri="sip:a@h", password_file=none
    )
    assert "both" in refused_key(Control, "token_file", token="x", token_file=none)


def test_registering_needs_a_user_name() -> None:
    refused_key(Trunk, "username", name="t", uri="sip:h", register=True)
    assert Trunk(name="t", uri="sip:h", register=True, username="u").register_


def test_music_of_a_name_that_no_file_can_have() -> None:
    assert "there is no such file" in refused_key(Media, "hold", hold="x" * 5000)


@pytest.mark.parametrize("name", ["Replaces", "refer-to", "P-Called-Party-ID", "R"])
def test_headers_that_say_who_is_called_are_not_filled_from_a_request(name: str) -> None:
    headers = {name: "<sip:{context.who}@pbx.example>"}
    assert "says who is called" in refused_key(Dial, name, headers=headers)
    assert Dial(headers={name: "constant"}).headers == {name: "constant"}


@pytest.mark.parametrize("most", [-1, 100_001, 1.5])
def test_how_many_calls_a_trunk_may_carry(most: float) -> None:
    assert Trunk(name="pbx", uri="sip:127.0.0.1").max_calls == 0
    refused_key(Trunk, "max_calls", name="pbx", uri="sip:127.0.0.1", max_calls=most)


def test_each_worker_has_ports_of_its_own() -> None:
    assert Media(workers=3, ports=(10_000, 10_005)).workers == 3
    assert "too few" in refused_key(Media, "ports", workers=4, ports=(10_000, 10_005))


def test_a_score_is_good_where_it_is_not_poor() -> None:
    assert Media(poor_mos=0.0, good_mos=0.0).poor_mos == 0.0
    assert "lower than poor_mos" in refused_key(Media, "good_mos", poor_mos=3.5, good_mos=3.4)


def test_a_look_at_the_sound_is_no_longer_than_what_is_between() -> None:
    assert MediaSound(every_s=2.0, window_s=2.0).every_s == 2.0
    assert "not be shorter" in refused_key(MediaSound, "every_s", every_s=1.0, window_s=2.0)
