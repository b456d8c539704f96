"""Who an INVITE says is calling, and what it has in common with the others of its leg."""

import pytest

from engine.calls.dialling import DEFAULT_CALLER, Caller, DialOptions, shaped
from engine.routing.identity.caller_identity import CallerIdentity
from engine.routing.media_policy import MediaPolicy
from engine.routing.targets.destination import DialTarget
from sip.hop import Hop
from sip.sdp.offer_answer import LocalAudio

HOP = Hop("udp", "192.0.2.1", 5060)
AUDIO = LocalAudio(host="127.0.0.1", port=10000)


@pytest.mark.parametrize(
    ("user", "trunk_caller_id", "from_uri"),
    [
        ("+442079460123", "+442079460999", "sip:+442079460123@127.0.0.1"),
        (None, "+442079460999", "sip:+442079460999@127.0.0.1"),
        (None, "", "sip:ringback@127.0.0.1"),
        ("a b", "", "sip:a%20b@127.0.0.1"),
    ],
)
def test_the_call_names_its_caller_else_the_trunk_does(
    user: str | None, trunk_caller_id: str, from_uri: str
) -> None:
    options = DialOptions(Caller(user, DEFAULT_CALLER), 20.0, AUDIO)
    target = DialTarget("sip:bob@pbx", "sip:pbx", caller_id=trunk_caller_id)
    assert options.invitation(target, HOP, None).from_uri == from_uri


def test_an_invitation_has_what_its_target_needs() -> None:
    options = DialOptions(Caller("alice", "x"), 20.0, AUDIO, headers=(("X-Job", "j1"),))
    identity = CallerIdentity(host="example.org")
    target = DialTarget("sip:bob@pbx", "sip:pbx", trunk="pbx", identity=identity)
    invitation = options.invitation(target, HOP, None)
    assert (invitation.target, invitation.hop, invitation.ring_s) == ("sip:bob@pbx", HOP, 20.0)
    assert invitation.from_uri == "sip:alice@example.org"
    assert (invitation.account, invitation.headers) == ("pbx", (("X-Job", "j1"),))
    assert invitation.audio == AUDIO


def test_audio_is_as_the_trunk_or_agent_wants_it() -> None:
    assert shaped(AUDIO, MediaPolicy()) == AUDIO
    pcma = shaped(AUDIO, MediaPolicy(codecs=("PCMA", "PCMU"), dtmf="info"))
    assert (pcma.codecs, pcma.telephone_event) == (("PCMA", "PCMU"), False)
    assert shaped(AUDIO, MediaPolicy(codecs=("PCMA",), dtmf="inband")).codecs == ("PCMA",)
    only = shaped(LocalAudio("h", 1, codecs=("PCMU",)), MediaPolicy(codecs=("PCMA", "PCMU")))
    assert only.codecs == ("PCMU",), "a re-INVITE keeps to what was agreed"
    secure = shaped(AUDIO, MediaPolicy(srtp="required"))
    assert secure.srtp == "required" and secure.keys is not None


def test_headers_of_the_trunk_take_the_place_of_those_of_the_same_name() -> None:
    options = DialOptions(Caller("a", "x"), 20.0, AUDIO, headers=(("X-Job", "j1"), ("X-A", "1")))
    more = options.with_headers((("x-job", "own"),))
    assert more.headers == (("X-A", "1"), ("x-job", "own"))
    assert options.with_headers(()) is options
