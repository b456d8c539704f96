"""The supervisors of one call: what each hears, and who hears them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from media.sources import Mix, Peer, Silence, Source

from ...routing.targets.destination import Destination
from ..leg import Leg
from ..legs.leg_listener import LegListener, ObservedLeg

SuperviseMode = Literal["listen", "whisper", "barge"]
"""`listen`: nobody hears them. `whisper`: the agent hears them. `barge`: everybody does."""


class SupervisorView(TypedDict):
    """A supervisor of a call that is up."""

    leg: str
    """Their leg."""
    supervisor: str
    """The agent's name, or the number or address that was called."""
    mode: SuperviseMode
    """Who hears them."""
    state: Literal["ringing", "joined"]
    """Whether they hear the call yet."""


@dataclass(frozen=True, slots=True)
class SuperviseOrder:
    """What a command asks for: `to` is an agent's name, or what the dial policy permits.

    `coached` is the leg whose party hears a whisper; None: agents do. `ring_s` None: as usual.
    """

    to: str
    destination: Destination
    mode: SuperviseMode
    coached: str | None = None
    ring_s: float | None = None


@dataclass(eq=False, slots=True)
class Supervisor:
    """`leg` leads to them, `name` is whom that is.

    `coached` is the leg whose party hears a whisper; None: agents do.
    """

    leg: Leg
    name: str
    mode: SuperviseMode
    coached: str | None = None
    has_joined: bool = False

    def coaches(self, party: Leg) -> bool:
        """Whether a whisper is for this party."""
        return party.role == "agent" if self.coached is None else party.id == self.coached

    def is_heard_by(self, party: Leg) -> bool:
        """Whether the party hears what they say. A phone on hold may play music: nobody does."""
        if not self.has_joined or self.leg.is_held or self.leg.hangup_cause is not None:
            return False
        return self.mode == "barge" or (self.mode == "whisper" and self.coaches(party))

    def view(self) -> SupervisorView:
        """What `call.get` shows of them."""
        return {
            "leg": self.leg.id,
            "supervisor": self.name,
            "mode": self.mode,
            "state": "joined" if self.has_joined else "ringing",
        }


def sound_of(speakers: Sequence[Leg], otherwise: Source) -> Source:
    """What is heard of these: one is relayed, several are mixed."""
    if not speakers:
        return otherwise
    if len(speakers) == 1:
        return Peer(speakers[0].id)
    return Mix(tuple(leg.id for leg in speakers))


class Supervisors(LegListener):
    """Those of one call, in the order in which they were asked for.

    Whoever arranges what the parties hear watches it: `watch` is called when that changes. Before
    anybody does, and between two bridges, supervisors hear the parties that were heard last.
    """

    __slots__ = ("_all", "_parties", "_watching")

    def __init__(self) -> None:
        self._all: list[Supervisor] = []
        self._watching: list[Callable[[], None]] = []
        self._parties: tuple[Leg, ...] = ()

    def __iter__(self) -> Iterator[Supervisor]:
        return iter(tuple(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def named(self, name: str) -> Supervisor | None:
        """The supervisor of this name, whether they have answered or not."""
        return next((one for one in self._all if one.name == name), None)

    def at_leg(self, leg_id: str | None) -> Supervisor | None:
        """The supervisor whose leg has this id."""
        return next((one for one in self._all if one.leg.id == leg_id), None)

    # -- coming, going, and changing -----------------------------------------------------------

    def add_supervisor(self, supervisor: Supervisor) -> None:
        """They are being rung."""
        self._all.append(supervisor)

    def join(self, supervisor: Supervisor) -> None:
        """They have answered: they hear the call from now on."""
        supervisor.has_joined = True
        supervisor.leg.listen(self)
        self._changed()

    def remove(self, supervisor: Supervisor) -> None:
        """They hear the call no more. Idempotent."""
        if supervisor in self._all:
            self._all.remove(supervisor)
            if supervisor.has_joined:
                supervisor.leg.forget(self)
                self._changed()

    def change(self, supervisor: Supervisor, mode: SuperviseMode, coached: str | None) -> None:
        """Let others hear them from now on: no phone notices it."""
        supervisor.mode, supervisor.coached = mode, coached
        if supervisor.has_joined:
            self._changed()

    def hold_changed(self, _leg: ObservedLeg) -> None:
        """The phone of one has put the call on hold, or resumed it."""
        self._changed()

    # -- what is heard ---------------------------------------------------------------------------

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call this whenever what parties or supervisors hear has changed."""
        self._watching.append(on_change)

    def unwatch(self, on_change: Callable[[], None]) -> None:
        """Call it no more."""
        self._watching.remove(on_change)

    def _changed(self) -> None:
        for on_change in tuple(self._watching):
            on_change()
        if not self._watching:
            self.arrange(self._parties)

    def heard_by(self, party: Leg) -> list[Leg]:
        """The supervisors whom this party hears."""
        return [one.leg for one in self._all if one.is_heard_by(party)]

    def arrange_again(self) -> None:
        """A party has begun to tell a secret, or has told it."""
        self.arrange(self._parties)

    def arrange(self, parties: Sequence[Leg]) -> None:
        """Let each supervisor hear these parties, and the supervisors whom one of them hears.

        Nobody hears a party who tells a secret.
        """
        self._parties = tuple(parties)
        spoken = [leg for leg in parties if not leg.tells_secret and leg.hangup_cause is None]
        for one in self._all:
            if one.has_joined and one.leg.hangup_cause is None:
                others = [
                    other.leg
                    for other in self._all
                    if other is not one and any(other.is_heard_by(party) for party in parties)
                ]
                one.leg.hear(sound_of([*spoken, *others], Silence()))
