"""[sip] and [sip.tls], and the keys of trunks that go with them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.difference import compare, effective
from config.sections import Trunk
from config.settings import ConfigError, Settings, load
from config.sip import Sip, Tls


@pytest.mark.parametrize("written", ["1.2", "TLSv1.2", "tls1.2", "v1.2"])
def test_spellings_of_a_version(written: str) -> None:
    assert Tls.model_validate({"min_version": written}).min_version == "1.2"


@pytest.mark.parametrize("written", ["1.1", "1.0", "SSLv3", "", 1.2])
def test_versions_that_are_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        Tls.model_validate({"min_version": written})


@pytest.mark.parametrize("written", [True, False, "optional"])
def test_verify_client(written: object) -> None:
    assert Tls.model_validate({"verify_client": written}).verify_client == written


def test_alpn_is_off_by_default() -> None:
    assert Sip().tls.alpn is False


def refused(text: str, tmp_path: Path) -> str:
    file = tmp_path / "ringback.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(file, {})
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[sip]\nlisten = ['tls:127.0.0.1:5061']", "sip.tls.cert: needed with a tls: address"),
        ("[sip]\nlisten = ['wss:127.0.0.1:5062']", "sip.tls.cert: needed with a wss: address"),
        ("[sip.websocket]\norigins = ['shop.example']", "sip.websocket.origins[0]"),
        ("[sip.websocket]\norigins = ['http://a', 'http://a']", "sip.websocket.origins"),
        ("[sip.tls]\nkey = 'k.pem'", "sip.tls.cert: needed with key"),
        (
            "[[trunks]]\nname = 'a'\nuri = 'sip:h'\nlisten = ['tls:127.0.0.1:5061']",
            "trunks[0].tls_cert: needed with a tls: address in its listen",
        ),
        (
            "[[trunks]]\nname = 'a'\nuri = 'sip:h'\ntls_key = 'k.pem'",
            "trunks[0].tls_cert: needed with tls_key",
        ),
        (
            "[[trunks]]\nname = 'a'\nuri = 'sips:h'",
            "trunks[0].uri: needs TLS, and sip.listen has no tls: address",
        ),
        (
            "[[agents]]\nname = 'a'\nuri = 'sip:a@h;transport=tls'",
            "agents[0].uri: needs TLS, and sip.listen has no tls: address",
        ),
        (
            "[[trunks]]\nname = 'a'\nuri = 'sip:h'\ntls_names = ['h']",
            "trunks[0].tls_names: needs sip.tls.verify_client",
        ),
        (
            "[[trunks]]\nname = 'a'\nuri = 'sip:h'\ntls_names = ['a.*.example']",
            "trunks[0].tls_names[0]: 'a.*.example' is neither an IP address nor a host name",
        ),
        (
            "[[trunks]]\nname = 'a'\nuri = 'sip:h'\nadvertise = 'sbc.example'",
            "trunks[0].advertise: needs listen",
        ),
        ("[sip.digest]\nrealm = ''", "sip.digest.realm: "),
        ("[sip.digest]\nalgorithms = ['SHA-1']", "sip.digest.algorithms[0]: "),
        ("[sip.digest]\nalgorithms = ['MD5', 'MD5']", "sip.digest.algorithms: 'MD5' stands twice"),
        (
            "[[trunks]]\nname = 'a'\nuri = 'sip:h'\ninbound_auth = { username = 'u' }",
            "trunks[0].inbound_auth.password: needed with username",
        ),
        (
            "[[trunks]]\nname = 'a'\nuri = 'sip:h'\ninbound_auth = { password = 'p' }",
            "trunks[0].inbound_auth.username: needed with password",
        ),
        ("[sip]\nlisten = ['sctp:127.0.0.1:5061']", "sip.listen[0]: 'sctp:127.0.0.1:5061' must"),
    ],
)
def test_what_does_not_fit_together(text: str, fault: str, tmp_path: Path) -> None:
    assert fault in refused(text, tmp_path)


def test_trunk_listens_at_one_address_or_several() -> None:
    trunk = {"name": "a", "uri": "sip:h"}
    one = Trunk.model_validate({**trunk, "listen": "udp:192.0.2.1:5060"})
    assert one.listen == ["udp:192.0.2.1:5060"]
    two = Trunk.model_validate({**trunk, "listen": ["udp:192.0.2.1:5060", "tls:[::1]:5061"]})
    assert two.listen == ["udp:192.0.2.1:5060", "tls:[::1]:5061"]


def test_tls_is_taken_at_a_reload_and_the_listeners_at_a_restart() -> None:
    old = Settings()
    tls = {"cert": "c.pem", "key": "k.pem"}
    new = Settings(sip=Sip(listen=["udp:127.0.0.1:5070"], tls=Tls(**tls)))  # type: ignore[arg-type]
    live = {change.key: change.live for change in compare(old, new)}
    assert live == {"sip.listen": False, "sip.tls.cert": True, "sip.tls.key": True}
    taken = effective(old, new)
    assert taken.sip.tls == new.sip.tls
    assert taken.sip.listen == old.sip.listen


def test_the_password_of_a_trunk_that_calls_comes_from_a_file_or_the_environment(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    text = "[[trunks]]\nname = 'pbx'\nuri = 'sip:h'\n[trunks.inbound_auth]\nusername = 'u'\n"
    file = tmp_path / "ringback.toml"
    file.write_text(text + f"password_file = '{secret}'\n")
    (trunk,) = load(file, {}).trunks
    assert trunk.inbound_auth.password.get_secret_value() == "from a file"
    file.write_text(text)
    (trunk,) = load(file, {"RINGBACK_TRUNKS__PBX__INBOUND_AUTH__PASSWORD": "secret"}).trunks
    assert trunk.inbound_auth.password.get_secret_value() == "secret"
