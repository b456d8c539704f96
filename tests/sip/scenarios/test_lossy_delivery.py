"""Calls over a network that loses, repeats and reorders datagrams, in virtual time.

Whatever happens: both sides end, once, with outcomes that agree, and nothing is left over.
"""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.dialog.session import Session
from sip.dialog.uas import UasSession
from sip.errors import SipError
from sip.events import Answered, Ended, Event, Failed, IncomingInvite
from tests.support.sip.network import SimulatedAgent, SimulatedNetwork, audio


class Story:
    """One call whose course is drawn from a seed."""

    def __init__(self, seed: int, *, loss: float, duplication: float, delay_s: float) -> None:
        self.network = SimulatedNetwork(
            seed, loss=loss, duplication=duplication, delay_s=(0.001, 0.001 + delay_s)
        )
        self.rng = random.Random(seed)
        self.alice = self.network.agent("192.0.2.1")
        self.bob = self.network.agent("192.0.2.2")
        self.bob.on_event = self.called
        self.answers = self.rng.random() < 0.75
        self.call = self.alice.invite(self.bob)
        rng = self.rng
        if rng.random() < 0.5:
            # Often near the answer, so that CANCEL and 200 cross.
            self.later(rng.uniform(0, 4), self.alice, lambda: self.call, "hangup")
        for _ in range(rng.randrange(4)):
            self.later(rng.uniform(0, 12), self.alice, lambda: self.call, "reinvite")
        self.later(rng.uniform(8, 14), self.alice, lambda: self.call, "hangup")

    def later(
        self, after_s: float, agent: SimulatedAgent, session: Callable[[], Session], action: str
    ) -> None:
        def act() -> None:
            try:
                if action == "reinvite":
                    agent.do(session().reinvite, audio(self.rng.randrange(4000, 9000, 2)))
                else:
                    agent.do(getattr(session(), action))
            except SipError:
                # Too early or too late for this action, which is for the owner to know.
                assert action in ("reinvite", "ring", "accept", "reject")

        self.network.at(self.network.now + after_s, act)

    def called(self, event: Event) -> None:
        if not isinstance(event, IncomingInvite):
            return
        session = event.session
        assert isinstance(session, UasSession)
        rng, bob = self.rng, self.bob
        self.later(rng.uniform(0, 1), bob, lambda: session, "ring")

        def answer() -> None:
            if session.state in ("incoming", "early"):
                if self.answers:
                    bob.do(session.accept, audio(4002, "192.0.2.2"))
                else:
                    bob.do(session.reject, rng.choice((480, 486, 603)))

        self.network.at(self.network.now + rng.uniform(0, 4), answer)
        for _ in range(rng.randrange(3)):
            self.later(rng.uniform(0, 12), bob, lambda: session, "reinvite")
        if rng.random() < 0.5:
            self.later(rng.uniform(0, 12), bob, lambda: session, "hangup")
        # When every BYE is lost, only the owner can know that nobody is there any more.
        self.later(60.0, bob, lambda: session, "hangup")

    def check(self) -> None:
        self.network.run()
        alice, bob = self.alice, self.bob
        assert alice.leftovers == (0, 0, 0, 0)
        assert bob.leftovers == (0, 0, 0, 0)
        ends = alice.ends(self.call)
        assert len(ends) == 1
        assert alice.events[-1] is ends[0]
        assert len(bob.of(IncomingInvite)) <= 1
        timeouts = [end for end in ends if end.cause.origin == "timeout"]
        for incoming in bob.of(IncomingInvite):
            theirs = bob.ends(incoming.session)
            assert len(theirs) == 1
            assert bob.events[-1] is theirs[0]
            timeouts += [end for end in theirs if end.cause.origin == "timeout"]
            self.check_agreement(ends[0], theirs[0], bool(timeouts))
        for agent in (alice, bob):
            assert len(agent.of(Answered)) <= 1
            assert bool(agent.of(Answered)) == bool(agent.of(Ended))
            assert agent.ua.counters.malformed == 0

    def check_agreement(
        self, ours: Failed | Ended, theirs: Failed | Ended, timed_out: bool
    ) -> None:
        if timed_out:
            return
        if isinstance(ours, Ended) and isinstance(theirs, Ended):
            # One hung up and the other heard of it, or both hung up and the BYEs crossed.
            assert "local" in (ours.cause.origin, theirs.cause.origin)
        if isinstance(ours, Ended) and isinstance(theirs, Failed):
            # The called side hung up before it saw the ACK, or its caller did.
            assert "local" in (ours.cause.origin, theirs.cause.origin)
        if isinstance(ours, Failed) and isinstance(theirs, Ended):
            # CANCEL crossed the 200.
            assert ours.cause.origin == "local"
        if isinstance(ours, Failed) and isinstance(theirs, Failed):
            assert ours.cause.status == theirs.cause.status or "local" in (
                ours.cause.origin,
                theirs.cause.origin,
            )


@pytest.mark.parametrize("seed", range(60))
def test_a_perfect_network(seed: int) -> None:
    story = Story(seed, loss=0.0, duplication=0.0, delay_s=0.0)
    story.check()
    assert len(story.bob.of(IncomingInvite)) == 1


@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from((0.0, 0.1, 0.3, 0.6)),
    duplication=st.sampled_from((0.0, 0.2, 0.5)),
    delay_s=st.sampled_from((0.0, 0.05, 0.4, 1.5)),
)
def test_a_bad_network(seed: int, loss: float, duplication: float, delay_s: float) -> None:
    Story(seed, loss=loss, duplication=duplication, delay_s=delay_s).check()


def test_network_failure_during_a_call() -> None:
    for seed in range(30):
        story = Story(seed, loss=0.1, duplication=0.1, delay_s=0.05)
        story.network.run(until=random.Random(seed).uniform(0, 12))
        story.network.loss = 1.0
        story.check()
