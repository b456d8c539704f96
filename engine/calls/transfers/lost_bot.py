"""A party whose bot was lost hears an announcement, and is hung up."""

from ..announcing.whisper import Announcement
from ..hangup_cause import HangupCause
from ..leg import Leg, LegEnded
from ..services import CallServices
from .request import Consult, TransferRequest

GOODBYE = HangupCause("completed", "its bot was lost: it has heard an announcement")


class LostBotAnnouncement:
    """Carries out one request of a transfer that leads nowhere: the party hears why."""

    def __init__(self, request: TransferRequest, text: str, services: CallServices) -> None:
        self._request = request
        self._text = text
        self._services = services

    async def connect(self, _until: Consult) -> Leg | None:
        """See TransferWay. Raises LegEnded: nobody is left to talk with."""
        stays = self._request.stays
        said = await self._services.announcer.speak(self._text)
        if isinstance(said, Announcement):
            await stays.play(said.source, limit_s=said.limit_s)
        else:
            stays.publish_not_played(said.reason)
        stays.hang_up(GOODBYE)
        raise LegEnded(stays, stays.hangup_cause or GOODBYE)
