"""A proof of work: what costs a visitor's phone a third of a second, and a script its profit.

A challenge has PARTS parts, so that the work is about the same each time. The answer to part `i` is
a number for which SHA-256 of `challenge:i:number` begins with `bits` zero bits.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import TypedDict

from .errors import Refusal
from .signing import Signing

PARTS = 16
BITS = 12
VALID_S = 600.0
MOST_USED = 200_000
_PURPOSE = "challenge"
_DIGEST_BITS = 256
_MOST_DIGITS = 12


class Challenge(TypedDict):
    """What the page has to work on."""

    challenge: str
    """The text."""
    parts: int
    """How many answers are wanted."""
    bits: int
    """With how many zero bits the digest of each begins."""


class ProofOfWork:
    """Gives out challenges and checks the answers. A challenge holds for one request.

    `now` is the date (Unix seconds): a clock that begins anew with the machine would have old
    challenges hold again. Which were used is forgotten with the process: a page that
    repeats a request, after a restart, shows its answers again, and they hold once more.
    """

    def __init__(self, signing: Signing, *, most_used: int = MOST_USED) -> None:
        self._signing = signing
        self._most_used = most_used
        self._used: OrderedDict[str, float] = OrderedDict()

    def challenge(self, site_key: str, now: float) -> Challenge:
        """A new challenge for a page of the site."""
        text = f"{site_key}.{now + VALID_S:.0f}.{secrets.token_urlsafe(9)}"
        return {"challenge": self._signing.seal(_PURPOSE, text), "parts": PARTS, "bits": BITS}

    def check(self, challenge: str, answers: Sequence[int], site_key: str, now: float) -> None:
        """Check the answers, once. Raises Refusal `proof`."""
        text = self._signing.unseal(_PURPOSE, challenge)
        key, _, rest = (text or "").partition(".")
        until, _, _random = rest.partition(".")
        if text is None or key != site_key or challenge in self._used:
            raise Refusal(400, "proof", field="proof.challenge")
        if not now <= float(until) <= now + VALID_S + 1:  # of later than now: the clock was wrong
            raise Refusal(400, "proof", field="proof.challenge")
        if len(answers) != PARTS or not all(
            _is_answer(challenge, part, answer) for part, answer in enumerate(answers)
        ):
            raise Refusal(400, "proof", field="proof.answers")
        self._used[challenge] = float(until)
        while self._used and next(iter(self._used.values())) < now:
            self._used.popitem(last=False)
        if len(self._used) > self._most_used:
            self._used.popitem(last=False)


def _is_answer(challenge: str, part: int, answer: int) -> bool:
    if not 0 <= answer < 10**_MOST_DIGITS:
        return False
    digest = hashlib.sha256(f"{challenge}:{part}:{answer}".encode()).digest()
    return int.from_bytes(digest) >> (_DIGEST_BITS - BITS) == 0


def solve(challenge: Challenge) -> list[int]:
    """The answers to a challenge, as a page finds them."""
    found = []
    for part in range(challenge["parts"]):
        answer = 0
        while not _is_answer(challenge["challenge"], part, answer):
            answer += 1
        found.append(answer)
    return found
