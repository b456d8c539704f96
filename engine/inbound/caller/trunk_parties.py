"""Who calls whom by a trunk: read from an INVITE in the way in which that trunk writes numbers."""

from typing import Any, NamedTuple

from config.sections import Trunk
from config.settings import Settings
from sip.auth.digest import Credentials
from sip.message.message import Request

from ...routing.numbers.number_plan import NumberPlan
from ...routing.targets.destination import credentials_of
from ...routing.targets.number_rewriting import IncomingNumbers
from ...stir.passport import Parties
from .caller_id import CallingParty, as_dialled, calling_party, dialled_number, shown_identity
from .caller_verification import parties_of
from .diversion import diversions


class CallParties(NamedTuple):
    """Who calls, and what they dialled: as it was sent and, where that is a number, in E.164
    before it."""

    caller: CallingParty
    dialled: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        """What the events of a call that is refused show of it."""
        return {
            "from": self.caller.user,
            "number": self.caller.number,
            "dialled": self.dialled[0],
        }


class _TrunkReading(NamedTuple):
    """What has to be known of a trunk to read its calls."""

    numbers: IncomingNumbers
    account: str | None = None
    is_trusted: bool = False
    credentials: Credentials | None = None

    @classmethod
    def of(cls, trunk: Trunk, region: str) -> "_TrunkReading":
        return cls(
            IncomingNumbers.of(trunk.numbers_in, region),
            trunk.username,
            trunk.trusted,
            credentials_of(trunk),
        )


class TrunkParties:
    """Reads the calls of each trunk. The trunk None is that of phones called without one."""

    def __init__(self, settings: Settings) -> None:
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Read the calls of these trunks from now on."""
        self._plan = NumberPlan.of(settings)
        self._trunks: dict[str | None, _TrunkReading] = {
            trunk.name: _TrunkReading.of(trunk, self._plan.region) for trunk in settings.trunks
        }
        self._trunks[None] = _TrunkReading(IncomingNumbers.of(None, self._plan.region))

    def _of(self, trunk: str | None) -> _TrunkReading:
        """A trunk that a reload has taken away is read as none."""
        return self._trunks.get(trunk) or self._trunks[None]

    def credentials(self, trunk: str | None) -> Credentials | None:
        """With which challenges of this trunk are answered."""
        return self._of(trunk).credentials

    def as_dialled(self, number: str) -> tuple[str, ...]:
        """A number in the forms in which routes may name it."""
        return as_dialled(number, self._plan)

    def of(self, request: Request, trunk: str | None) -> CallParties:
        """Who calls by this trunk, and what they dialled."""
        reading = self._of(trunk)
        numbers = reading.numbers
        caller = calling_party(
            request, self._plan, is_trusted=reading.is_trusted, read=numbers.caller.read
        )
        dialled = dialled_number(request, self._plan, reading.account, numbers.called.read)
        return CallParties(caller, dialled)

    def diversions(self, request: Request, trunk: str) -> dict[str, Any]:
        """By whom the call was diverted, as a trusted trunk says."""
        reading = self._of(trunk)
        if not reading.is_trusted:
            return {}
        return diversions(request, self._plan, reading.numbers.called.read)

    def signed(self, request: Request, trunk: str) -> Parties:
        """Who calls whom, as a PASSporT may write it."""
        reading = self._of(trunk)
        numbers = reading.numbers
        address = shown_identity(
            request, self._plan, is_trusted=reading.is_trusted, read=numbers.caller.read
        )
        return parties_of(request, address, self._plan, numbers.caller.read, numbers.called.read)
