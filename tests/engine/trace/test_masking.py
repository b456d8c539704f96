"""Secrets are taken out of messages, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.trace.masking import masked

INVITE = (
    b"INVITE sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b"%bCall-ID: 1\r\nCSeq: 2 INVITE\r\nContent-Length: 0\r\n\r\n"
)
DIGEST = (
    b'Digest username="alice", realm="pbx", nonce="abc", uri="sip:pbx", '
    b'response="0123456789abcdef", algorithm=MD5, cnonce="c0ffee", nc=00000001, qop=auth'
)


def field(name: bytes, value: bytes, *, end: bytes = b"\r\n") -> bytes:
    """An INVITE with one more header field, masked."""
    message = INVITE % (name + b": " + value + end)
    found = masked(message)
    assert len(found) == len(message)
    return found


def test_a_message_without_secrets_stays_the_same_object() -> None:
    message = INVITE % b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
    assert masked(message) is message


@pytest.mark.parametrize(
    "name", [b"Authorization", b"Proxy-Authorization", b"AUTHORIZATION", b"proxy-authorization "]
)
def test_the_answer_to_a_challenge_is_masked_and_the_challenge_is_not(name: bytes) -> None:
    found = field(name, DIGEST)
    assert b"0123456789abcdef" not in found and b"c0ffee" not in found
    assert b'response="****************"' in found
    for kept in (b'username="alice"', b'realm="pbx"', b'nonce="abc"', b"nc=00000001", b"qop=auth"):
        assert kept in found


@pytest.mark.parametrize(
    "value",
    [
        b"Digest response = 5ec2e7",
        b'Digest RESPONSE="5ec2e7',
        b'Digest realm="a\\"b", response=5ec2e7',
        b'Digest username="x",\r\n\tresponse="5ec2e7"',
        b'Digest username="x",\n response="5ec2e7"',
        b"Digest 5ec2e7",
        b'Digest realm="r" 5ec2e7 nonce="n"',
        b"Digest new-parameter=5ec2e7",
        b"Basic 5ec2e7==",
        b"Bearer 5ec2e7",
        b"5ec2e7",
        b"5ec2e7=",
        b'response="5ec2e7", Digest realm="r"',
    ],
)
def test_credentials_are_masked_however_they_are_written(value: bytes) -> None:
    assert b"5ec2e7" not in field(b"Authorization", value)


def test_each_of_several_fields_is_masked() -> None:
    message = INVITE % (b"Authorization: %b\r\nProxy-Authorization: %b\r\n" % (DIGEST, DIGEST))
    found = masked(message)
    assert found.count(b'response="****************"') == 2


def test_the_proof_of_the_server_is_masked() -> None:
    found = field(b"Authentication-Info", b'rspauth="5ec2e7", nextnonce="next", cnonce="5ec2e7"')
    assert b"5ec2e7" not in found and b'nextnonce="next"' in found


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5ec2e7+/x|2^20|1:32", b"|2^20|1:32"),
        (b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 INLINE:5ec2e7", b"AES_CM_128_HMAC_SHA1_80"),
        (b"a=crypto:1 F8 inline:5ec2e7|2^20;inline:5ec2e7|2^10 KDR=0", b"KDR=0"),
        (b"a=key-mgmt:mikey 5ec2e7", b"a=key-mgmt:mikey "),
        (b"k=clear:5ec2e7", b"k=clear:"),
        (b"k=base64:5ec2e7", b"k=base64:"),
        (b"a=ice-pwd:5ec2e7", b"a=ice-pwd:"),
    ],
)
def test_keys_in_a_description_are_masked(line: bytes, kept: bytes) -> None:
    body = b"v=0\r\nm=audio 4000 RTP/SAVP 0\r\n" + line + b"\r\na=sendrecv\r\n"
    message = INVITE % b"Content-Type: application/sdp\r\n" + body
    found = masked(message)
    assert b"5ec2e7" not in found and kept in found and found.endswith(b"a=sendrecv\r\n")
    assert len(found) == len(message)


def test_keys_in_one_part_of_several_and_after_bare_line_feeds_are_masked() -> None:
    body = b"--b\nContent-Type: application/sdp\n\nk=clear:5ec2e7\na=x:inline:5ec2e7\n--b--"
    assert b"5ec2e7" not in masked(INVITE % b"" + body)


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("encoding", [b"base64", b"Quoted-Printable"])
def test_a_part_that_is_encoded_is_masked_whole_and_the_others_are_not(
    encoding: bytes, end: bytes
) -> None:
    lines = [
        b"--b", b"Content-Transfer-Encoding: " + encoding, b"Content-Type: application/sdp", b"",
        b"5ec2e7", b"5ec2e7", b"--b", b"Content-Transfer-Encoding: 8bit", b"", b"a=sendrecv",
        b"--b--",
    ]  # fmt: skip
    message = INVITE % b"" + end.join(lines)
    found = masked(message)
    assert b"5ec2e7" not in found and b"a=sendrecv" in found and len(found) == len(message)
    assert found.count(b"--b") == 3


def test_a_body_that_is_encoded_is_masked_whole() -> None:
    message = INVITE % b"Content-Encoding: gzip\r\nContent-Type: application/sdp\r\n" + b"5ec2e7"
    assert masked(message).endswith(b"\r\n\r\n******")
    plain = INVITE % b"Content-Encoding: identity\r\n" + b"a=sendrecv"
    assert masked(plain) == plain


def test_the_password_of_a_uri_is_masked() -> None:
    found = field(b"Contact", b"<sip:alice:5ec2e7@192.0.2.1:5060;transport=tcp>")
    assert b"sip:alice:******@192.0.2.1:5060" in found
    unharmed = INVITE % b"Contact: <sip:192.0.2.1:5060>\r\nX: sip:a@b, mailto:c@d\r\n"
    assert masked(unharmed) is unharmed


@given(st.binary(max_size=300))
def test_any_bytes_keep_their_length(data: bytes) -> None:
    for message in (data, b"\r\nAuthorization: " + data, b"\r\na=crypto:1 X inline:" + data):
        assert len(masked(message)) == len(message)


@pytest.mark.parametrize(
    ("kind", "body", "shown"),
    [
        (
            b"application/dtmf-relay",
            b"Signal=5\r\nDuration=160\r\n",
            b"Signal=*\r\nDuration=160\r\n",
        ),
        (b"application/dtmf-relay", b"Signal= 10\r\nDuration=90", b"Signal= **\r\nDuration=90"),
        (b"Application/DTMF", b"7", b"*"),
        (b"text/plain", b"Signal=5\r\n", b"Signal=5\r\n"),
    ],
)
def test_pressed_keys_are_masked(kind: bytes, body: bytes, shown: bytes) -> None:
    head = b"INFO sip:x@192.0.2.9 SIP/2.0\r\nCSeq: 3 INFO\r\nContent-Type: " + kind + b"\r\n\r\n"
    assert masked(head + body) == head + shown
