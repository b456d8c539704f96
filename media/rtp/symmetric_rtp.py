"""Learning where a leg's peer really sends from (symmetric RTP, RFC 4961), and nobody else.

Two hosts may send: the one that was signalled for media, and the one that the peer's SIP comes
from. No third one is ever believed, whatever it sends and however long nobody else does: a leg
whose peer is silent does not accept the first source that speaks.

Three proofs, each stronger than the one before: the host of SIP (a peer behind NAT), another port
of the signalled host, and the signalled address itself. The first two need several packets that go
on from each other; a stronger proof takes the leg, a weaker one never. A peer that moved later is
known by its own stream: same SSRC, same sequence space, and only once its old address has fallen
silent. Another SSRC proves nothing while the stream that is heard flows.

Where a new description moves the peer, the old one goes on to send for a moment, often from the
same host: it proves nothing meanwhile, or the new one, which may only listen, would lose the leg.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

Address = tuple[str, int]

PROBATION_PACKETS: Final = 5
_SPOKEN_PACKETS: Final = 2
PROBATION_S: Final = 1.0  # the packets of a proof come within this time
MOVED_SILENCE_S: Final = 0.6
NEW_SSRC_S: Final = 0.1  # a stream without a packet for this long does not flow
LEFT_S: Final = 1.0  # the peer before a new description may go on for this long
_MAX_STEP: Final = 50  # sequence numbers between two packets of a proof
_MAX_MOVED_STEP: Final = 3000
_MAX_CANDIDATES: Final = 4

# What most legs know of other addresses all the time: they share it.
_NOBODY: Final[Mapping[Address, Any]] = MappingProxyType({})

UNHEARD: Final = 0
SIP_HOST: Final = 1
OTHER_PORT: Final = 2
SIGNALLED: Final = 3


class PeerLearner:
    """Decides for packets that do not come from the address believed at the time.

    `current` is that address: the signalled one until a better is proven. `proof` says how well
    it is known. `sip_host` may send as well as the signalled host; with `strict`, the signalled
    address alone. Times are seconds of one monotonic clock.
    """

    __slots__ = (
        "_candidates",
        "_has_stream",
        "_left",
        "current",
        "proof",
        "signalled",
        "sip_host",
        "strict",
    )

    def __init__(self, host: str, port: int, *, sip_host: str = "", strict: bool = False) -> None:
        self.signalled: Address = (host, port)
        self.current: Address = self.signalled
        self.sip_host = sip_host
        self.strict = strict
        self.proof = UNHEARD
        self._has_stream = False  # the peer described last has been heard
        # Since when, how many packets, their SSRC, the newest sequence number.
        self._candidates: Mapping[Address, tuple[float, int, int, int]] = _NOBODY
        # Former peers, and until when they prove nothing.
        self._left: Mapping[Address, float] = _NOBODY

    def signal(self, host: str, port: int, now: float, *, relearn: bool = False) -> None:
        """The peer was described again. The same address keeps what was learned.

        With `relearn` that holds only until another proof: who answers need not be who spoke early.
        """
        self._candidates = _NOBODY
        if (host, port) != self.signalled:
            # Its stream does not end at once, and its host is often the new one's.
            still = {left: until for left, until in self._left.items() if until > now}
            self._left = still | {self.current: now + LEFT_S}
            self.signalled = self.current = (host, port)
            self.proof = UNHEARD
            self._has_stream = False
        elif relearn:
            self.proof = UNHEARD

    def allows(self, host: str) -> bool:
        """Whether the peer may turn out to be at another address of this host."""
        return not self.strict and host in (self.signalled[0], self.sip_host)

    def heard(self) -> None:
        """A packet came from `current`."""
        self._has_stream = True
        if self.proof == UNHEARD or self.current == self.signalled:
            self.proof = self._proof_of(self.current)

    def consider(
        self,
        source: Address,
        ssrc: int,
        sequence: int,
        now: float,
        *,
        heard_at: float,
        stream_ssrc: int,
        stream_sequence: int,
    ) -> bool:
        """Whether a well-formed packet from another address proves that the peer is there.

        `heard_at`, `stream_ssrc` and `stream_sequence` (the highest) are of the stream heard from
        `current` so far; they count only once the peer was heard. When it is proven, `current` is
        `source` on return.
        """
        is_own = self._has_stream and ssrc == stream_ssrc
        if self._has_stream and not is_own and now - heard_at < NEW_SSRC_S:
            return False
        if source == self.signalled:
            return self._believe(source, SIGNALLED)
        if not self.allows(source[0]) or self._left.get(source, 0.0) > now:
            return False
        proof = self._proof_of(source)
        if is_own:
            step = (sequence - stream_sequence) & 0xFFFF
            if now - heard_at < MOVED_SILENCE_S or not 0 < step < _MAX_MOVED_STEP:
                return False
            proof = max(proof, self.proof)
        elif proof <= self.proof:
            return False
        if not self._goes_on(source, ssrc, sequence, now):
            return False
        return self._believe(source, proof)

    def speaks(self, source: Address, ssrc: int, sequence: int, now: float) -> bool:
        """Whether a packet shows that the peer is there, who is not sent to before it speaks.

        It must go on from an earlier one; from another address than the signalled, from several.
        When it does, `current` is `source` on return.
        """
        if source != self.signalled and (
            not self.allows(source[0]) or self._left.get(source, 0.0) > now
        ):
            return False
        needed = _SPOKEN_PACKETS if source == self.signalled else PROBATION_PACKETS
        return self._goes_on(source, ssrc, sequence, now, needed) and self._believe(
            source, self._proof_of(source)
        )

    def _proof_of(self, source: Address) -> int:
        if source == self.signalled:
            return SIGNALLED
        return OTHER_PORT if source[0] == self.signalled[0] else SIP_HOST

    def _believe(self, source: Address, proof: int) -> bool:
        self.current = source
        self.proof = proof
        self._has_stream = True
        self._candidates = _NOBODY
        return True

    def _goes_on(
        self,
        source: Address,
        ssrc: int,
        sequence: int,
        now: float,
        needed: int = PROBATION_PACKETS,
    ) -> bool:
        self._candidates = candidates = dict(self._candidates)
        known = candidates.get(source)
        if known is not None:
            since, count, known_ssrc, newest = known
            step = (sequence - newest) & 0xFFFF
            if ssrc == known_ssrc and 0 < step <= _MAX_STEP and now - since <= PROBATION_S:
                candidates[source] = (since, count + 1, ssrc, sequence)
                return count + 1 >= needed
        elif len(candidates) >= _MAX_CANDIDATES:
            # Unknown sources must not keep the right one out: the signalled host replaces one.
            host = self.signalled[0]
            last = min(candidates, key=lambda known: (known[0] == host, candidates[known][0]))
            outranked = source[0] == host != last[0]
            if not outranked and now - candidates[last][0] <= PROBATION_S:
                return False
            del candidates[last]
        candidates[source] = (now, 1, ssrc, sequence)
        return False
