"""Certificates read from files."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from sip.transport.tls.contexts import TlsContexts, TlsFileError, TlsFiles, TlsOptions
from tests.support.certificates import Authority, Certificate


@pytest.fixture
def made(tmp_path: Path) -> Certificate:
    return Authority(tmp_path).certificate("pbx.example")


def test_peers_that_are_called_have_to_show_a_good_certificate(made: Certificate) -> None:
    contexts = TlsContexts(TlsOptions(made.files))
    assert contexts.client("").verify_mode is ssl.CERT_REQUIRED
    assert contexts.server("").verify_mode is ssl.CERT_NONE
    assert contexts.server("").minimum_version is ssl.TLSVersion.TLSv1_2
    assert contexts.client("any").get_ca_certs() == contexts.client("").get_ca_certs()


def test_without_a_certificate_nobody_can_connect() -> None:
    contexts = TlsContexts(TlsOptions())
    assert contexts.client("").verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(KeyError):
        contexts.server("")


def test_trunk_without_a_certificate_of_its_own_shows_the_shared_one(made: Certificate) -> None:
    contexts = TlsContexts(TlsOptions(made.files, own={"carrier": TlsFiles(ca=made.ca)}))
    assert contexts.client("carrier") is not contexts.client("")
    assert contexts.server("carrier") is not contexts.server("")


def test_encrypted_key_is_an_error_and_asks_nobody(made: Certificate) -> None:
    key = serialization.load_pem_private_key(Path(made.key).read_bytes(), None)
    Path(made.key).write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(TlsFileError, match="without a password") as error:
        TlsContexts(TlsOptions(made.files))
    assert error.value.key == "key"


@pytest.mark.parametrize("key", ["cert", "key", "ca"])
@pytest.mark.parametrize("content", [None, "", "rubbish"])
def test_file_that_cannot_be_used_is_named(
    key: str, content: str | None, made: Certificate, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.pem"
    if content is not None:
        bad.write_text(content)
    paths = {"cert": made.cert, "key": made.key, "ca": made.ca, key: str(bad)}
    files = TlsFiles(paths["cert"], paths["key"], paths["ca"])
    with pytest.raises(TlsFileError, match=str(bad)) as error:
        TlsContexts(TlsOptions(files))
    assert error.value.local == ""
    assert error.value.key == key


def test_key_of_another_certificate(made: Certificate, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other").certificate("pbx.example")
    own = {"carrier": TlsFiles(made.cert, other.key)}
    with pytest.raises(TlsFileError, match="not the key of the certificate") as error:
        TlsContexts(TlsOptions(made.files, own=own))
    assert (error.value.local, error.value.key) == ("carrier", "key")


def test_ciphers_that_there_are_not(made: Certificate) -> None:
    with pytest.raises(TlsFileError, match="NONSENSE: names no cipher") as error:
        TlsContexts(TlsOptions(made.files, ciphers="NONSENSE"))
    assert error.value.key == "ciphers"
