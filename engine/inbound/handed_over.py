"""A call that came in and is handed to a client by command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sip.dialog.uas import UasSession

from ..stir.verdict import Verdict
from .caller.caller_id import CallingParty


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What is known of the call. `fall_back` takes it where no client has within `handler_s`."""

    call: str
    party: CallingParty
    dialled: str
    trunk: str
    route: str
    context: Mapping[str, Any]
    verdict: Verdict
    brought: Mapping[str, Any]
    handler_s: float
    fall_back: Callable[[], None] | None


class Handler(Protocol):
    """Lets clients say what becomes of calls that came in."""

    def hand_over(self, session: UasSession, handed: HandedOver, /) -> None:
        """Let a client say what becomes of this one."""
