"""Who an INVITE says is calling, and what it has in common with the others of its leg."""

from typing import cast

import pytest
from msgspec import structs

from engine.calls.dialling import (
    CODECS,
    DEFAULT_CALLER,
    SPARE_CODECS,
    Caller,
    DialOptions,
    hops_of,
    shaped,
)
from engine.calls.hangup_cause import HangupCause
from engine.routing.identity.caller_identity import CallerIdentity
from engine.routing.local_codecs import here
from engine.routing.media_policy import MediaPolicy
from engine.routing.targets.destination import DialTarget
from sip.endpoint import SipEndpoint
from sip.hop import Hop
from sip.sdp.offer_answer import LocalAudio
from sip.transport.resolver import ResolutionFailed

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
    assert invitation.audio == shaped(AUDIO, MediaPolicy())


def test_audio_is_as_the_trunk_or_agent_wants_it() -> None:
    plain = shaped(AUDIO, MediaPolicy())
    assert plain == structs.replace(AUDIO, spare_codecs=here(SPARE_CODECS))
    pcma = shaped(AUDIO, MediaPolicy(codecs=("PCMA", "PCMU"), dtmf="info"))
    assert (pcma.codecs, pcma.telephone_event) == (("PCMA", "PCMU"), False)
    assert shaped(AUDIO, MediaPolicy(codecs=("PCMA",), dtmf="inband")).codecs == ("PCMA",)
    only = shaped(LocalAudio("h", 1, codecs=("PCMU",)), MediaPolicy(codecs=("PCMA", "PCMU")))
    assert only.codecs == ("PCMU",), "a re-INVITE keeps to what was agreed"
    packets = shaped(AUDIO, MediaPolicy(ptime_ms=40, comfort_noise=True))
    assert (packets.ptime_ms, packets.comfort_noise) == (40, True)
    secure = shaped(AUDIO, MediaPolicy(srtp="required"))
    assert secure.srtp == "required" and secure.keys is not None


@pytest.mark.parametrize(
    ("configured", "other_speaks", "offered"),
    [
        (("G722", "PCMU", "PCMA"), "", ("G722", "PCMU", "PCMA")),
        (("G722", "PCMU", "PCMA"), "PCMA", ("PCMA", "G722", "PCMU")),
        (("PCMU", "PCMA", "G722"), "G722", ("G722", "PCMU", "PCMA")),
        (("PCMA", "PCMU"), "PCMU", ("PCMA", "PCMU")),
        (("PCMA", "PCMU"), "G722", ("PCMA", "PCMU")),
        ((), "G722", ("G722", "PCMU", "PCMA")),
    ],
)
def test_what_the_other_party_speaks_is_offered_first(
    configured: tuple[str, ...], other_speaks: str, offered: tuple[str, ...]
) -> None:
    others = tuple(one for one in CODECS if one != other_speaks)
    codecs = (other_speaks, *others) if other_speaks else CODECS
    audio = shaped(
        LocalAudio("h", 1, codecs, other_speaks=other_speaks), MediaPolicy(codecs=configured)
    )
    assert audio.codecs == offered
    assert audio.prefers_own == bool(configured)
    assert (audio.spare_codecs == ()) == bool(configured)


def test_headers_of_the_trunk_take_the_place_of_those_of_the_same_name() -> None:
    options = DialOptions(Caller("a", "x"), 20.0, AUDIO, headers=(("X-Job", "j1"), ("X-A", "1")))
    more = options.with_headers((("x-job", "own"),))
    assert more.headers == (("X-A", "1"), ("x-job", "own"))
    assert options.with_headers(()) is options


class Names:
    """Takes the place of SipEndpoint: one name leads somewhere, and one place may be reached."""

    async def hops(self, uri: str, _trunk: str) -> tuple[Hop, ...]:
        if uri == "sip:nowhere":
            raise ResolutionFailed("nowhere has no address")
        return (EDGE, FOREIGN) if uri == "sip:edge" else (FOREIGN,)

    def may_reach(self, hop: Hop, peer: Hop) -> bool:
        assert peer == HOP
        return hop == EDGE


EDGE, FOREIGN = Hop("udp", "192.0.2.2", 5060), Hop("udp", "203.0.113.1", 5060)


@pytest.mark.parametrize(
    ("uri", "named_by", "hops"),
    [
        ("sip:edge", None, (EDGE, FOREIGN)),
        ("sip:edge", HOP, (EDGE,)),
        ("sip:foreign", HOP, (HOP,)),
        ("sip:nowhere", HOP, (HOP,)),
    ],
)
async def test_where_a_registrar_leads_has_to_be_permitted(
    uri: str, named_by: Hop | None, hops: tuple[Hop, ...]
) -> None:
    target = DialTarget("sip:bob@pbx", uri, trunk="pbx", named_by=named_by)
    assert await hops_of(cast(SipEndpoint, Names()), target, is_last=True) == hops


async def test_a_name_that_leads_nowhere_is_a_cause() -> None:
    target = DialTarget("sip:bob@pbx", "sip:nowhere", trunk="pbx")
    found = await hops_of(cast(SipEndpoint, Names()), target, is_last=True)
    assert isinstance(found, HangupCause)
    assert (found.phrase, found.trunk_failed) == ("nowhere has no address", True)
