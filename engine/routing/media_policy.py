"""How the sound of a trunk or an agent goes: from where, protected or not, with which codecs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from config.values import Codec, Dtmf, Rtp, Srtp
from sip.sdp.audio_formats import PTIME_MS

_STRICTER: tuple[Srtp, ...] = ("off", "offered", "required")


class HasMediaPolicy(Protocol):
    """A trunk or an agent, as configured."""

    @property
    def rtp(self) -> Rtp:
        """From where its RTP is taken."""

    @property
    def srtp(self) -> Srtp:
        """Whether its RTP is protected."""

    @property
    def codecs(self) -> Sequence[Codec]:
        """Its codecs in the order of preference; empty: G.711, and others in need."""

    @property
    def ptime_ms(self) -> int:
        """How long packets are."""

    @property
    def comfort_noise(self) -> bool:
        """Whether silence may be described, in place of packets."""

    @property
    def dtmf(self) -> Dtmf:
        """How the keys that are pressed reach it."""

    @property
    def rtp_ports(self) -> tuple[int, int] | None:
        """The ports of our side, where it has a range of its own."""


_FORMATS: dict[Codec, tuple[str, ...]] = {"L16": ("L16/16000", "L16/8000")}
_NARROWER: tuple[Rtp, ...] = ("symmetric", "asymmetric", "strict")


@dataclass(frozen=True, slots=True)
class MediaPolicy:
    """From where RTP is taken, whether it is protected (SRTP), its codecs, and how keys are sent.

    `codecs` are names of `sip.sdp.audio_formats`. Without them G.711 is offered, and what the other
    party speaks before it; another codec is taken of who has no G.711.
    """

    rtp: Rtp = "symmetric"
    srtp: Srtp = "off"
    codecs: tuple[str, ...] = ()
    dtmf: Dtmf = "rfc4733"
    rtp_ports: tuple[int, int] | None = None
    ptime_ms: int = PTIME_MS
    comfort_noise: bool = False

    @classmethod
    def of(cls, account: HasMediaPolicy) -> "MediaPolicy":
        """That of a trunk or an agent."""
        return cls(
            account.rtp,
            account.srtp,
            formats_of(account.codecs),
            account.dtmf,
            account.rtp_ports,
            account.ptime_ms,
            account.comfort_noise,
        )

    @classmethod
    def strictest(cls, accounts: Iterable[HasMediaPolicy]) -> "MediaPolicy":
        """The stricter of each, where a URI leads to several; the default where to none.

        Codecs and keys are as the first has them.
        """
        policies = [cls.of(account) for account in accounts] or [cls()]
        return replace(
            policies[0],
            rtp=max((one.rtp for one in policies), key=_NARROWER.index),
            srtp=max((one.srtp for one in policies), key=_STRICTER.index),
        )


def formats_of(codecs: Iterable[Codec]) -> tuple[str, ...]:
    """The names of `sip.sdp.audio_formats` of codecs as they are configured, in their order."""
    return tuple(name for codec in codecs for name in _FORMATS.get(codec, (codec,)))


DEFAULT_MEDIA = MediaPolicy()
"""The policy of a party for whom nothing is configured."""
