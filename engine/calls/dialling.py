"""How a party is called: who calls it, with which codecs and headers, and for how long it rings."""

import asyncio
from dataclasses import dataclass, replace
from secrets import token_bytes
from typing import Any, Final

from msgspec import structs

from sip.dialog.uac import Invitation
from sip.endpoint import SipEndpoint
from sip.errors import ParseError
from sip.hop import Hop
from sip.sdp.offer_answer import LocalAudio
from sip.sdp.sdes import LocalKeys
from sip.transport.resolver import ResolutionFailed

from ..routing.local_codecs import here
from ..routing.media_policy import MediaPolicy
from ..routing.targets.destination import DialTarget
from .hangup_cause import HangupCause, of_unknown_name

CODECS: Final = ("PCMU", "PCMA")
SPARE_CODECS: Final = ("G722", "opus", "L16/16000", "L16/8000")
"""Taken of who has no G.711, by who has nothing configured."""

# Who calls where neither the configuration nor the call itself names a caller.
DEFAULT_CALLER: Final = "ringback"

# How long a trunk may stay silent before the next one is tried.
TRUNK_RESPONSE_S: Final = 5.0

# How long the name of a trunk may take to be found before the next trunk is tried.
NAME_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a leg's INVITE says is calling: `user`, else the trunk's caller id, else `default`.

    `name` is the display name; "" for none.
    """

    user: str | None
    default: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class DialOptions:
    """What the INVITEs to the targets of one leg have in common."""

    caller: Caller
    ring_s: float
    audio: LocalAudio
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, more: tuple[tuple[str, str], ...]) -> "DialOptions":
        """The same with these headers, in place of those of the same names."""
        if not more:
            return self
        named = {name.lower() for name, _value in more}
        kept = [header for header in self.headers if header[0].lower() not in named]
        return replace(self, headers=(*kept, *more))

    def invitation(self, target: DialTarget, hop: Hop, owner: object) -> Invitation:
        """The INVITE to `target`, sent to `hop`. Its events are for `owner`."""
        user = self.caller.user or target.caller_id or self.caller.default
        shown = target.identity.shown(user, self.caller.name, self.audio.host)
        return Invitation(
            target=target.request_uri,
            hop=hop,
            from_uri=shown.from_uri,
            from_display=shown.name,
            audio=shaped(self.audio, target.media),
            credentials=target.credentials,
            headers=(*shown.headers, *self.headers),
            ring_s=self.ring_s,
            account=target.trunk or "",
            session_expires_s=target.session_expires_s,
            route=target.route,
            owner=owner,
        )


def shaped(audio: LocalAudio, policy: MediaPolicy) -> LocalAudio:
    """The same audio as a trunk or an agent is to have it: codecs, packets, keys, SRTP.

    The keys of SRTP are its own: no two peers get the same.
    """
    audio = structs.replace(
        audio,
        codecs=_codecs(audio, policy),
        spare_codecs=() if policy.codecs else here(SPARE_CODECS),
        prefers_own=bool(policy.codecs),
        ptime_ms=policy.ptime_ms,
        comfort_noise=policy.comfort_noise,
        telephone_event=audio.telephone_event and policy.dtmf == "rfc4733",
    )
    if policy.srtp == "off":
        return audio
    return structs.replace(audio, srtp=policy.srtp, keys=LocalKeys.generate(token_bytes))


def _codecs(audio: LocalAudio, policy: MediaPolicy) -> tuple[str, ...]:
    """What is offered or preferred: what the other party speaks first, if that may be.

    One codec alone is what was agreed on: another description keeps to that.
    """
    if not policy.codecs or len(audio.codecs) == 1:
        return here(audio.codecs)
    both_g711 = audio.other_speaks in CODECS and policy.codecs[0] in CODECS
    # Converting one law of G.711 into the other costs nothing.
    first = () if both_g711 else (audio.other_speaks,)
    ordered = [codec for codec in first if codec in policy.codecs]
    return here((*ordered, *(codec for codec in policy.codecs if codec not in ordered)))


async def hops_of(
    sip: SipEndpoint, target: DialTarget, *, is_last: bool
) -> tuple[Hop, ...] | HangupCause:
    """Where a target leads, best first, or why it leads nowhere.

    Where a registrar named that place, its own requests have to be permitted there: otherwise the
    call goes to the registrar itself, which knows the way.

    A name that stalls gives way after NAME_S where another target can be tried.
    """
    try:
        if is_last:
            hops = await sip.hops(target.hop_uri, target.trunk or "")
        else:
            async with asyncio.timeout(NAME_S):
                hops = await sip.hops(target.hop_uri, target.trunk or "")
    except (TimeoutError, ResolutionFailed, ParseError) as error:
        if target.named_by is not None:
            return (target.named_by,)
        return of_unknown_name(str(error) or f"{target.hop_uri}: its name is not answered")
    if target.named_by is None:
        return hops
    named_by = target.named_by
    return tuple(hop for hop in hops if sip.may_reach(hop, named_by)) or (named_by,)


async def until_clear(
    sip: SipEndpoint, target: DialTarget, *, or_until: "asyncio.Future[HangupCause | None]"
) -> None:
    """Wait until an earlier call to the target is over, or its leg is hung up."""
    clear = asyncio.ensure_future(sip.until_clear(target.request_uri))
    either: tuple[asyncio.Future[Any], ...] = (clear, or_until)
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        clear.cancel()
