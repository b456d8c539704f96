from scripts.load.sip_text import (
    answer_text,
    audio_address,
    bye_text,
    crypto_answer,
    read_sip,
    registered_text,
    sdp_text,
    uri_in,
    user_of,
)

INVITE = (
    b"INVITE sip:b7.answer-20@127.0.0.1:5090;transport=udp SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1;rport\r\n"
    b"v: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK0\r\n"
    b"Record-Route: <sip:127.0.0.9;lr>\r\n"
    b"f: Ringback <sip:ringback@127.0.0.1:5060>;tag=x1\r\n"
    b"To: <sip:b7.answer-20@127.0.0.1:5090>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:127.0.0.1:5060>\r\n"
    b"Content-Type: application/sdp\r\n"
    b"\r\n"
    b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 10000 RTP/AVP 0\r\n"
)


def test_a_request_is_parsed() -> None:
    invite = read_sip(INVITE)
    assert invite is not None
    assert (invite.method, invite.status, invite.call_id) == ("INVITE", 0, "c1")
    assert len(invite.vias) == 2
    assert user_of(invite.uri) == "b7.answer-20"
    assert uri_in(invite.headers["from"]) == "sip:ringback@127.0.0.1:5060"
    assert audio_address(invite.body) == ("127.0.0.1", 10000)


def test_an_answer_repeats_what_it_must_and_adds_its_tag() -> None:
    invite = read_sip(INVITE)
    assert invite is not None
    answer = read_sip(
        answer_text(invite, 200, to_tag="t9", contact="sip:x@y", sdp=sdp_text("h", 4))
    )
    assert answer is not None
    assert (answer.method, answer.status) == ("", 200)
    assert answer.vias == invite.vias
    assert answer.routes == invite.routes
    assert answer.headers["to"].endswith(";tag=t9")
    assert answer.headers["from"] == invite.headers["from"]
    assert audio_address(answer.body) == ("h", 4)
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_the_called_side_hangs_up_inside_the_dialog() -> None:
    invite = read_sip(INVITE)
    assert invite is not None
    bye = read_sip(bye_text(invite, to_tag="t9", local="127.0.0.1:5090", branch="z9hG4bKb"))
    assert bye is not None
    assert (bye.method, bye.uri) == ("BYE", "sip:127.0.0.1:5060")
    assert bye.headers["from"].endswith(";tag=t9")
    assert bye.headers["to"].endswith(";tag=x1")
    assert bye.headers["route"] == "<sip:127.0.0.9;lr>"


def test_a_keep_alive_is_no_message() -> None:
    assert read_sip(b"\r\n\r\n") is None


def test_a_registrar_grants_what_is_asked_for() -> None:
    register = read_sip(
        b"REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n"
        b"From: <sip:u@127.0.0.1>;tag=1\r\nTo: <sip:u@127.0.0.1>\r\nCall-ID: r\r\n"
        b"CSeq: 3 REGISTER\r\nContact: <sip:u@127.0.0.1:5060>\r\nExpires: 60\r\n\r\n"
    )
    assert register is not None
    answer = read_sip(registered_text(register))
    assert answer is not None
    assert answer.status == 200
    assert answer.headers["contact"] == "<sip:u@127.0.0.1:5060>;expires=60"
    assert answer.headers["cseq"] == "3 REGISTER"


def test_srtp_is_answered_where_it_is_offered() -> None:
    offer = (
        "m=audio 10000 RTP/SAVP 0\r\na=crypto:1 AEAD_AES_128_GCM inline:x\r\n"
        "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:y\r\n"
    )
    line = crypto_answer(offer)
    assert line.startswith("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:")
    assert "RTP/SAVP 0 101" in sdp_text("127.0.0.1", 4000, line)
    assert sdp_text("127.0.0.1", 4000, line).endswith(line)
    assert crypto_answer("m=audio 10000 RTP/AVP 0\r\n") == ""
    assert crypto_answer("m=audio 10000 RTP/SAVP 0\r\n") == ""
