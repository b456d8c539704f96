"""What is known of a situation besides its scenario: what the owner does, and what it is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sip.dialog.uac import Invitation
from sip.events import Event
from tests.support.sip.endpoint import ObservedEndpoint

from .owner import Step, after, answers, hang_up, plain


@dataclass(frozen=True)
class Situation:
    """`told` is what the owner is told of each call, in order.

    The wire is in the scenario of the same name in `scenarios/`. With `scenario` it is that of
    another situation, from which this one differs by what the network does: see Faults for
    `copies`, `lost` and `unsent`. `repeated` is what SIPp must have received, and how often at
    least; it passes over repetitions itself.
    """

    told: str
    owner: Callable[[ObservedEndpoint, Event], None] = answers
    placed: Callable[[Invitation], Invitation] = plain
    steps: Sequence[Step] = ()
    repeated: dict[str, int] = field(default_factory=dict)
    copies: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    unsent: dict[str, int] = field(default_factory=dict)
    scenario: str = ""
    calls: int = 1
    transport: str = "u1"


HANG_UP: Final = [after("answered", hang_up)]
