"""From where the sound of a trunk or an agent is taken, and whether it is protected."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from config.values import Rtp, Srtp

_STRICTER: tuple[Srtp, ...] = ("off", "offered", "required")


class HasMediaPolicy(Protocol):
    """A trunk or an agent, as configured."""

    @property
    def rtp(self) -> Rtp:
        """From where its RTP is taken."""

    @property
    def srtp(self) -> Srtp:
        """Whether its RTP is protected."""


_NARROWER: tuple[Rtp, ...] = ("symmetric", "asymmetric", "strict")


@dataclass(frozen=True, slots=True)
class MediaPolicy:
    """From where RTP is taken, and whether it is protected (SRTP)."""

    rtp: Rtp = "symmetric"
    srtp: Srtp = "off"

    @classmethod
    def of(cls, account: HasMediaPolicy) -> "MediaPolicy":
        """That of a trunk or an agent."""
        return cls(account.rtp, account.srtp)

    @classmethod
    def strictest(cls, accounts: Iterable[HasMediaPolicy]) -> "MediaPolicy":
        """The stricter of each, where a URI leads to several; the default where to none."""
        policies = [cls.of(account) for account in accounts]
        return cls(
            max((one.rtp for one in policies), key=_NARROWER.index, default="symmetric"),
            max((one.srtp for one in policies), key=_STRICTER.index, default="off"),
        )


DEFAULT_MEDIA = MediaPolicy()
"""That of whom nothing is configured for."""
