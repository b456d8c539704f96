"""What calls ask about trunks: which are usable, full or down now, and by which hosts they go."""

from collections.abc import Sequence
from typing import Protocol

from sip.events import Binding

from ..errors import EngineError


class NoTrunkUsable(EngineError):
    """`unavailable`: a number may be dialled, and no trunk that carries it works now."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__("unavailable", message, field=field)


class TrunksFull(NoTrunkUsable):
    """`unavailable`: the trunks that work carry all the calls that they may, or have just begun as
    many as they may. `again_in_s`: when one of them may begin the next, where that is known."""

    def __init__(
        self,
        message: str,
        field: str,
        *,
        trunks: Sequence[str] = (),
        again_in_s: float | None = None,
    ) -> None:
        super().__init__(message, field)
        self.trunks = tuple(trunks)
        self.again_in_s = again_in_s
        self.data = {"reason": "trunk_full"}
        if again_in_s is not None:
            self.data["retry_after_s"] = again_in_s


class TrunkStates(Protocol):
    """Which trunks calls go by now."""

    def is_usable(self, name: str) -> bool:
        """Whether calls may be placed through the trunk now."""

    def is_resting(self, name: str) -> bool:
        """Whether calls go by other trunks for now, where there are such."""

    def is_full(self, name: str) -> bool:
        """Whether the trunk carries all the calls that it may."""

    def free_in_s(self, name: str) -> float | None:
        """How long until the trunk may begin a call; None: until one of its calls is over."""

    def is_host_down(self, name: str, host: str) -> bool:
        """Whether calls by the trunk go by its other hosts for now, where there are such."""

    def binding(self, name: str) -> Binding | None:
        """The binding at the trunk's registrar that holds now; None where there is none."""

    def rest(
        self, name: str, for_s: float, reason: str, *, is_silent: bool, host: str = ""
    ) -> None:
        """Pass a host of the trunk ("": all) over for that time, or until it answers where it
        `is_silent`.
        """


def usable_now(
    states: TrunkStates, names: Sequence[str], *, may_be_full: bool = False
) -> list[str]:
    """Which of these trunks a call is tried by now, in their order.

    Those that rest are left out. Where all of them rest, one of them is better than none.
    """
    usable = [
        name
        for name in names
        if states.is_usable(name) and (may_be_full or not states.is_full(name))
    ]
    return [name for name in usable if not states.is_resting(name)] or usable


def trunks_full(states: TrunkStates, names: Sequence[str], number: str, field: str) -> TrunksFull:
    """Why a number is not dialled now: each of these trunks that is usable is full, or each of
    them where none is usable."""
    usable = [name for name in names if states.is_usable(name)] or list(names)
    waits = [wait_s for name in usable if (wait_s := states.free_in_s(name)) is not None]
    named = f"({', '.join(names)})"
    if not waits:
        return TrunksFull(f"every trunk for {number} is full {named}", field, trunks=usable)
    return TrunksFull(
        f"every trunk for {number} is full, or has just begun as many calls as it may {named}",
        field,
        trunks=usable,
        again_in_s=min(waits),
    )


class AllTrunksUp:
    """Trunks that never fail, for where there is no SIP."""

    def is_usable(self, _name: str) -> bool:
        """See TrunkStates."""
        return True

    def is_resting(self, _name: str) -> bool:
        """See TrunkStates."""
        return False

    def is_full(self, _name: str) -> bool:
        """See TrunkStates."""
        return False

    def free_in_s(self, _name: str) -> float | None:
        """See TrunkStates."""
        return 0.0

    def is_host_down(self, _name: str, _host: str) -> bool:
        """See TrunkStates."""
        return False

    def binding(self, _name: str) -> Binding | None:
        """See TrunkStates."""
        return None

    def rest(
        self, name: str, for_s: float, reason: str, *, is_silent: bool, host: str = ""
    ) -> None:
        """See TrunkStates."""
