"""Where redirected calls go on (RFC 3261 sections 8.1.3.4 and 21.3): how far, and what is refused.

Whatever a 3xx leads to asks the dial policy as if somebody had requested it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sip.message.grammar import printable

from ...errors import EngineError
from ...routing.targets.destination import DialTarget
from ..hangup_cause import HangupCause

MOST_REDIRECTIONS: Final = 5
"""How often one call may be redirected, one 3xx after the other."""

MOST_TARGETS: Final = 10
"""How many places one call may be redirected to altogether."""

USE_PROXY: Final = 305

FindTargets = Callable[[str, DialTarget | None], tuple[DialTarget, ...]]
"""The targets that reach a URI; with a target, that one by the URI as its proxy. Raises EngineError
`refused` where the dial policy does."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of one 3xx. `cause` is that of the call where no target is left."""

    targets: tuple[DialTarget, ...]
    shown: list[str]
    refused: tuple[str, ...]
    cause: HangupCause


class Redirections:
    """The redirections of one call. Nowhere is called twice."""

    def __init__(self, find: FindTargets) -> None:
        self._find = find
        self._tried: tuple[tuple[str, str], ...] = ()  # mostly one
        self._number = 0
        self._targets = 0

    @property
    def has_followed(self) -> bool:
        """Whether the call was redirected."""
        return self._number > 0

    def note_tried(self, target: DialTarget) -> None:
        """The target is called: a redirection to it would be a loop."""
        self._tried += (_place(target),)

    def follow(self, cause: HangupCause, redirected: DialTarget) -> Followed:
        """Find the targets that the contacts of a 3xx to the call to `redirected` lead to."""
        self._number += 1
        status = cause.sip_status or 0
        if self._number > MOST_REDIRECTIONS:
            reason = f"redirected more than {MOST_REDIRECTIONS} times"
            return Followed((), [], (), _ended(cause, reason))
        targets: list[DialTarget] = []
        taken: list[str] = []
        refused: list[str] = []
        for contact in cause.contacts:
            shown = printable(contact)
            if self._targets >= MOST_TARGETS:
                refused.append(f"{shown}: more than {MOST_TARGETS} places")
                break
            try:
                found = self._find(contact, redirected if status == USE_PROXY else None)
            except EngineError as error:
                refused.append(f"{shown}: {error.message}")
                continue
            new = [one for one in found if _place(one) not in self._tried]
            if not new:
                refused.append(f"{shown}: was called before")
                continue
            self._targets += 1
            self._tried += tuple(map(_place, new))
            targets += new
            taken.append(shown)
        reason = f"redirected to nobody who may be called ({'; '.join(refused)})"
        return Followed(tuple(targets), taken, tuple(refused), _ended(cause, reason))


def _ended(cause: HangupCause, reason: str) -> HangupCause:
    return replace(cause, result="rejected", phrase=reason, contacts=())


def _place(target: DialTarget) -> tuple[str, str]:
    return target.target, "".join(target.route) or target.hop_uri
