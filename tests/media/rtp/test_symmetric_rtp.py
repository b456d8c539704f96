"""Who is believed to be the peer, and who never."""

from media.rtp.symmetric_rtp import (
    LEFT_S,
    MOVED_SILENCE_S,
    NEW_SSRC_S,
    OTHER_PORT,
    PROBATION_PACKETS,
    SIGNALLED,
    SIP_HOST,
    UNHEARD,
    Address,
    PeerLearner,
)

HOST = "192.0.2.1"
EXACT = (HOST, 4000)
PORT = (HOST, 4777)
NAT = ("198.51.100.9", 4000)
STRANGER = ("203.0.113.66", 6666)


class Talk:
    """A learner and the stream it hears."""

    def __init__(self, *, strict: bool = False) -> None:
        self.learner = PeerLearner(HOST, 4000, sip_host=NAT[0], strict=strict)
        self.heard_at = 0.0
        self.ssrc = -1
        self.sequence = -1

    def from_peer(self, ssrc: int, sequence: int, now: float) -> None:
        self.learner.heard()
        self.heard_at, self.ssrc, self.sequence = now, ssrc, sequence

    def consider(self, source: Address, ssrc: int, sequence: int, now: float) -> bool:
        return self.learner.consider(
            source,
            ssrc,
            sequence & 0xFFFF,
            now,
            heard_at=self.heard_at,
            stream_ssrc=self.ssrc,
            stream_sequence=self.sequence,
        )

    def stream(
        self, source: Address, packets: int, *, at: float, ssrc: int = 5, first: int = 100
    ) -> list[bool]:
        return [self.consider(source, ssrc, first + n, at + 0.02 * n) for n in range(packets)]


def test_the_signalled_address_is_believed_from_the_start() -> None:
    talk = Talk()
    assert talk.learner.current == EXACT
    assert talk.learner.proof == UNHEARD
    talk.from_peer(1, 1, 0.1)
    assert talk.learner.proof == SIGNALLED


def test_another_port_of_the_host_after_probation() -> None:
    talk = Talk()
    proven = talk.stream(PORT, PROBATION_PACKETS, at=0.1)
    assert proven == [False] * (PROBATION_PACKETS - 1) + [True]
    assert (talk.learner.current, talk.learner.proof) == (PORT, OTHER_PORT)


def test_another_port_may_prove_itself_late() -> None:
    assert any(Talk().stream(PORT, 9, at=60.0))


def test_the_host_of_sip_may_prove_itself_late() -> None:
    talk = Talk()
    assert talk.stream(NAT, PROBATION_PACKETS, at=60.0)[-1]
    assert (talk.learner.current, talk.learner.proof) == (NAT, SIP_HOST)


def test_a_third_host_never() -> None:
    for at in (0.1, 60.0):
        talk = Talk()
        assert not any(talk.stream(STRANGER, 50, at=at))
        assert talk.learner.current == EXACT


def test_a_third_host_is_not_followed_even_with_the_stream_of_the_peer() -> None:
    talk = Talk()
    talk.from_peer(5, 50, 1.0)
    assert not any(talk.stream(STRANGER, 50, at=5.0, first=51))


def test_strict_accepts_the_signalled_address_alone() -> None:
    for source in (PORT, NAT, STRANGER):
        talk = Talk(strict=True)
        assert not any(talk.stream(source, 50, at=0.1))
        talk.from_peer(5, 50, 10.0)
        assert not any(talk.stream(source, 50, at=20.0, first=51))
        assert talk.learner.current == EXACT


def test_another_ssrc_proves_nothing_while_the_peer_is_heard() -> None:
    talk = Talk()
    assert talk.stream(NAT, PROBATION_PACKETS, at=0.1)[-1]
    talk.from_peer(5, 104, 1.0)
    assert not talk.consider(EXACT, 6, 1, 1.0 + NEW_SSRC_S / 2)
    assert talk.consider(EXACT, 6, 1, 1.0 + NEW_SSRC_S)


def test_an_answer_may_come_from_elsewhere_than_early_media() -> None:
    talk = Talk()
    talk.from_peer(1, 50, 1.0)
    talk.learner.signal(HOST, 4000, 2.0, relearn=True)
    assert talk.learner.current == EXACT
    assert talk.stream(PORT, PROBATION_PACKETS, at=2.1)[-1]


def test_an_answer_keeps_what_still_flows() -> None:
    talk = Talk()
    talk.from_peer(1, 50, 1.99)
    talk.learner.signal(HOST, 4000, 2.0, relearn=True)
    assert not any(talk.stream(PORT, 3, at=2.02))
    talk.from_peer(1, 51, 2.09)
    assert not any(talk.stream(PORT, 50, at=2.1))


def test_nobody_else_once_the_signalled_address_was_heard() -> None:
    talk = Talk()
    talk.from_peer(1, 1, 0.1)
    assert not any(talk.stream(PORT, 50, at=0.2))
    assert not any(talk.stream(NAT, 50, at=0.2))
    assert not any(talk.stream(STRANGER, 50, at=30.0, first=2))


def test_a_proof_needs_one_ssrc_and_a_rising_sequence() -> None:
    talk = Talk()
    assert not any(talk.consider(NAT, n, 100 + n, 0.02 * n) for n in range(50))
    assert not any(talk.consider(PORT, 5, 100 - n, 0.02 * n) for n in range(50))
    assert not any(talk.consider(PORT, 5, 100, 0.02 * n) for n in range(50))
    assert not any(talk.consider(PORT, 5, 1000 * n, 0.02 * n) for n in range(50))


def test_a_proof_must_not_take_long() -> None:
    assert not any(Talk().consider(PORT, 5, 100 + n, 0.9 * n) for n in range(50))


def test_a_stronger_proof_takes_over_from_a_weaker_one() -> None:
    talk = Talk()
    assert talk.stream(NAT, 5, at=0.1)[-1]
    talk.from_peer(5, 104, 0.2)
    assert talk.stream(PORT, 5, at=0.32, ssrc=6)[-1]
    talk.from_peer(6, 104, 0.42)
    assert not any(talk.stream(NAT, 20, at=0.5, ssrc=7))
    assert talk.consider(EXACT, 8, 1, 0.9)
    assert (talk.learner.current, talk.learner.proof) == (EXACT, SIGNALLED)


def test_unknown_sources_do_not_stop_the_right_one() -> None:
    talk = Talk()
    for n in range(PROBATION_PACKETS):
        for other in range(20):
            assert not talk.consider((f"203.0.113.{other}", 1), n, 7 * n, 0.02 * n)
        believed = talk.consider(PORT, 5, 100 + n, 0.02 * n)
    assert believed
    assert talk.learner.current == PORT


def moving(*, silence_s: float, ssrc: int = 1, first: int = 51) -> bool:
    talk = Talk()
    talk.from_peer(1, 50, 10.0)
    return any(talk.stream(NAT, 10, at=10.0 + silence_s, ssrc=ssrc, first=first))


def test_a_moved_peer_is_followed_by_its_own_stream() -> None:
    assert moving(silence_s=MOVED_SILENCE_S)
    assert moving(silence_s=30.0, first=51 + 1400)


def test_a_moved_peer_is_not_followed_while_the_old_address_speaks() -> None:
    assert not moving(silence_s=0.1)


def test_a_stream_that_is_not_the_peers_is_not_followed() -> None:
    assert not moving(silence_s=5.0, ssrc=2)
    assert not moving(silence_s=5.0, first=20)
    assert not moving(silence_s=5.0, first=50 + 5000)


def test_a_peer_that_moved_back_is_believed_at_once() -> None:
    talk = Talk()
    talk.from_peer(1, 50, 10.0)
    assert talk.stream(NAT, 10, at=11.0, ssrc=1, first=51).count(True) >= 1
    assert talk.learner.current == NAT
    talk.from_peer(1, 60, 12.0)
    assert talk.consider(EXACT, 1, 61, 12.1)


def test_a_new_description_starts_learning_again() -> None:
    talk = Talk()
    talk.from_peer(1, 50, 1.0)
    talk.learner.signal("192.0.2.200", 9000, 20.0)
    assert talk.learner.current == ("192.0.2.200", 9000)
    assert talk.learner.proof == UNHEARD
    assert not any(talk.stream(STRANGER, 4, at=20.1))
    talk.learner.signal("192.0.2.200", 9000, 20.2)  # clears half a proof as well
    assert not any(talk.stream(STRANGER, 4, at=20.3, first=104))


def test_the_same_description_keeps_what_was_learned() -> None:
    talk = Talk()
    assert talk.stream(PORT, 5, at=0.1)[-1]
    talk.learner.signal(HOST, 4000, 5.0)
    assert talk.learner.current == PORT


def test_who_was_the_peer_before_a_new_description_proves_nothing_for_a_while() -> None:
    talk = Talk()
    talk.learner.sip_host = HOST
    talk.from_peer(5, 99, 10.0)
    talk.learner.signal("192.0.2.200", 9000, 20.0)
    assert not any(talk.stream(EXACT, 49, at=20.0))
    assert talk.learner.current == ("192.0.2.200", 9000)
    # A gateway that sends from one address, whatever it describes, is heard in the end.
    assert talk.stream(EXACT, 5, at=20.0 + LEFT_S, first=150)[-1]


def test_of_several_forks_none_that_was_left_comes_back() -> None:
    talk = Talk()
    for place in range(1, 4):
        talk.learner.signal(HOST, 4000 + place, 0.1 * place)
    for place in range(3):
        assert not any(talk.stream((HOST, 4000 + place), 10, at=0.4))
    assert talk.consider((HOST, 4003), 8, 1, 0.5)
    talk.learner.signal(HOST, 4000, 0.6)
    assert talk.learner.current == EXACT
    assert talk.consider(EXACT, 9, 1, 0.7)


class TestWhoMustSpeakFirst:
    """Nothing is sent to the signalled address before RTP has come from it."""

    def speaks(self, source: Address, packets: int, *, strict: bool = False) -> list[bool]:
        learner = Talk(strict=strict).learner
        return [learner.speaks(source, 5, 100 + n, 0.02 * n) for n in range(packets)]

    def test_two_packets_from_the_signalled_address(self) -> None:
        assert self.speaks(EXACT, 2) == [False, True]

    def test_packets_that_do_not_go_on_from_each_other(self) -> None:
        learner = Talk().learner
        for number, ssrc in ((100, 5), (200, 5), (201, 6), (300, 6)):
            assert not learner.speaks(EXACT, ssrc, number, 0.1)

    def test_another_port_or_the_host_of_sip_takes_several(self) -> None:
        for source in (PORT, NAT):
            proven = self.speaks(source, PROBATION_PACKETS)
            assert proven == [False] * (PROBATION_PACKETS - 1) + [True]

    def test_unknown_sources_never_do(self) -> None:
        assert not any(self.speaks(STRANGER, 50))
        assert not any(self.speaks(PORT, 50, strict=True))


def test_many_ports_of_the_host_of_sip_do_not_keep_out_the_signalled_host() -> None:
    talk = Talk()
    for port in range(5000, 5100):
        assert not talk.consider((NAT[0], port), 7, 1, 1.0)
    assert any(talk.stream(PORT, PROBATION_PACKETS, at=1.0))
    assert talk.learner.current == PORT


def test_a_source_that_was_heard_long_ago_gives_its_place_to_a_new_one() -> None:
    talk = Talk()
    for port in range(5000, 5100):
        talk.consider((NAT[0], port), 7, 1, 1.0)
    assert not any(talk.stream((NAT[0], 6000), 2 * PROBATION_PACKETS, at=1.1))
    assert any(talk.stream((NAT[0], 6000), 2 * PROBATION_PACKETS, at=100.0))
