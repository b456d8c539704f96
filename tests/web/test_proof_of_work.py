"""Challenges: each holds for one request of one site, for a while, with its own answers."""

import pytest

from web.errors import Refusal
from web.proof_of_work import PARTS, VALID_S, ProofOfWork, solve
from web.signing import Signing


@pytest.fixture
def proof() -> ProofOfWork:
    return ProofOfWork(Signing(b"s" * 32))


def refused(proof: ProofOfWork, challenge: str, answers: list[int], now: float = 0.0) -> str:
    with pytest.raises(Refusal) as caught:
        proof.check(challenge, answers, "shop", now)
    assert (caught.value.status, caught.value.reason) == (400, "proof")
    return caught.value.field


def test_the_right_answers_hold_once(proof: ProofOfWork) -> None:
    challenge = proof.challenge("shop", 0.0)
    answers = solve(challenge)
    assert len(answers) == PARTS
    proof.check(challenge["challenge"], answers, "shop", 1.0)
    assert refused(proof, challenge["challenge"], answers, 1.0) == "proof.challenge"


def test_wrong_answers_are_refused(proof: ProofOfWork) -> None:
    challenge = proof.challenge("shop", 0.0)
    answers, text = solve(challenge), challenge["challenge"]
    wrong: list[list[int]] = [[], answers[:-1], [*answers, 0], [0] * PARTS, [-1] * PARTS]
    for given in [*wrong, [*answers[:-1], 10**40]]:
        assert refused(proof, text, given) == "proof.answers"
    proof.check(text, answers, "shop", 0.0)


def test_challenges_of_other_sites_old_ones_and_made_up_ones_are_refused(
    proof: ProofOfWork,
) -> None:
    challenge = proof.challenge("bank", 0.0)
    assert refused(proof, challenge["challenge"], solve(challenge)) == "proof.challenge"
    old = proof.challenge("shop", 0.0)
    assert refused(proof, old["challenge"], solve(old), VALID_S + 1) == "proof.challenge"
    of_before_a_reboot = proof.challenge("shop", 9_000_000.0)  # or of when the clock was wrong
    text, answers = of_before_a_reboot["challenge"], solve(of_before_a_reboot)
    assert refused(proof, text, answers, 60.0) == "proof.challenge"
    for text in ("", ".", "shop.9999.abc", "shop.x.y.z"):
        assert refused(proof, text, [0] * PARTS) == "proof.challenge"


def test_what_was_used_is_kept_within_bounds() -> None:
    proof = ProofOfWork(Signing(b"s" * 32), most_used=1)
    for now in (0.0, 1.0):
        challenge = proof.challenge("shop", now)
        proof.check(challenge["challenge"], solve(challenge), "shop", now)
    assert len(proof._used) == 1
    later = proof.challenge("shop", 2 * VALID_S)
    proof.check(later["challenge"], solve(later), "shop", 2 * VALID_S)
    assert list(proof._used) == [later["challenge"]]
