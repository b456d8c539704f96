"""What the agent hears while the customer's phone rings."""

from media.sources import Peer, Ringing

from ..leg import Leg
from ..legs.leg_listener import LegListener, ObservedLeg


class RingbackSound(LegListener):
    """What the agent hears while the customer's phone rings: the network's own sound, or ours."""

    __slots__ = ("_agent", "_ringing")

    def __init__(self, agent: Leg, ringing: Ringing) -> None:
        self._agent = agent
        self._ringing = ringing

    def early_media_started(self, leg: ObservedLeg) -> None:
        """The network plays its own."""
        self._agent.hear(Peer(leg.id))

    def early_media_stopped(self, _leg: ObservedLeg) -> None:
        """The next trunk is tried, and is silent yet."""
        self._agent.hear(self._ringing)
