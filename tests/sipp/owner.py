"""What the owner of the endpoint does in a situation, and what it is told, in words."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from sip.dialog.session import Session
from sip.dialog.uac import Invitation
from sip.events import (
    Answered,
    Cause,
    Ended,
    Event,
    ExtensionsRefused,
    Failed,
    IncomingInvite,
    InfoDigit,
    MediaChanged,
    MediaRefused,
    Progress,
    ReferralEnded,
    Referred,
    RegistrationChanged,
)
from tests.support.phones.real.sipp import Sipp
from tests.support.sip.endpoint import AUDIO, ObservedEndpoint
from tests.support.waiting import DEADLINE_S

ON_HOLD = msgspec.structs.replace(AUDIO, direction="sendonly")


def in_words(event: Event) -> str:
    """What the owner is told by an event, such as `ended remote`."""
    match event:
        case IncomingInvite():
            return "invite" if event.replaced is None else "invite in place of another"
        case Progress():
            return str(event.status) if event.audio is None else f"{event.status} with audio"
        case Answered():
            return "answered"
        case Ended():
            return f"ended {_cause(event.cause)}"
        case Failed():
            return f"failed {_cause(event.cause)}"
        case MediaChanged():
            return f"media {event.audio.direction}"
        case MediaRefused():
            return f"media refused {event.status}"
        case InfoDigit():
            return f"digit {event.digit}"
        case Referred():
            replaced = event.referral.replaces
            target = event.referral.target
            return f"referred to {target}" + (f" for {replaced}" if replaced else "")
        case ReferralEnded():
            return f"referral ended {event.status}"
        case ExtensionsRefused():
            return f"refused {' '.join(event.extensions)}"
        case RegistrationChanged():
            return event.state


def _cause(cause: Cause) -> str:
    words: list[str] = [cause.origin]
    if cause.status is not None:
        words.append(str(cause.status))
    if cause.reason_header:
        words.append(cause.reason_header.partition(";text")[0])
    if cause.warning:
        words.append(f"because {cause.warning}")
    if cause.retry_after_s:
        words.append(f"for {cause.retry_after_s:g} s")
    if cause.extensions:
        words.append(f"without {' and '.join(cause.extensions)}")
    if cause.contacts:
        words.append(f"to {' and '.join(cause.contacts)}")
    return " ".join(words)


@dataclass
class Scene:
    """An endpoint of ours and the SIPp it speaks with."""

    ours: ObservedEndpoint
    sipp: Sipp
    session: Session | None = None

    @property
    def told(self) -> list[str]:
        """What the owner has been told so far."""
        return [in_words(event) for event in self.ours.events]

    async def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until something is so. It has to be looked at after each event."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not is_so():
                    self.ours.arrived.clear()
                    try:
                        await asyncio.wait_for(self.ours.arrived.wait(), 0.05)
                    except TimeoutError:
                        continue
        except TimeoutError:
            raise AssertionError(f"no {what}, the owner was told {self.told}") from None


Step = Callable[[Scene], Awaitable[None]]
Act = Callable[[Scene], None]


def after(word: str, act: Act) -> Step:
    """Do something once the owner was told this."""

    async def step(scene: Scene) -> None:
        await scene.until(lambda: word in scene.told, word)
        act(scene)

    return step


def received(what: str, act: Act, times: int = 1) -> Step:
    """Do something once SIPp has received this method or status so many times."""

    async def step(scene: Scene) -> None:
        await scene.sipp.reached(what, times=times)
        act(scene)

    return step


def at_once(act: Act) -> Step:
    """Do something before anything can have been received."""

    async def step(scene: Scene) -> None:
        act(scene)

    return step


async def time_passes(scene: Scene) -> None:
    """Let SIP repeat what is not answered, until the scenario is over."""
    await _repeating(scene, lambda: not scene.sipp.running)


def time_passes_until(word: str) -> Step:
    """Let SIP repeat what is not answered, until the owner is told this."""

    async def step(scene: Scene) -> None:
        await _repeating(scene, lambda: word in scene.told)

    return step


async def _repeating(scene: Scene, is_over: Callable[[], bool]) -> None:
    """Moves the clock on a little at a time, less than 32 s in all, after which SIP gives up."""
    for _ in range(40):
        if is_over():
            return
        scene.ours.endpoint.pass_time(0.6)
        # SIPp has this long for its answer: what is sent again meanwhile would be one too many.
        for _ in range(30):
            await asyncio.sleep(0.01)
            if is_over():
                return


# -- what is done at a step


def hang_up(scene: Scene) -> None:
    """End the call."""
    scene.ours.endpoint.hangup(_session(scene))


def hold(scene: Scene) -> None:
    """Put the other side on hold."""
    scene.ours.endpoint.reinvite(_session(scene), ON_HOLD)


def resume(scene: Scene) -> None:
    """Resume the call."""
    scene.ours.endpoint.reinvite(_session(scene), AUDIO)


def refer(scene: Scene) -> None:
    """Send the other side to somebody else."""
    session = _session(scene)
    scene.ours.endpoint.perform(lambda now: session.refer("sip:carol@192.0.2.3", 30.0, now))


def pass_time(seconds: float) -> Act:
    """Have the timers of the endpoint run on."""
    return lambda scene: scene.ours.endpoint.pass_time(seconds)


def _session(scene: Scene) -> Session:
    """The call that was placed, or the first that came in."""
    if scene.session is not None:
        return scene.session
    session = next(e.session for e in scene.ours.events if isinstance(e, IncomingInvite))
    assert isinstance(session, Session)
    return session


# -- how calls that come in are taken


def answers(ours: ObservedEndpoint, event: Event) -> None:
    """Ring, and answer at once."""
    if isinstance(event, IncomingInvite):
        ours.endpoint.ring(event.session)
        ours.endpoint.accept(event.session, AUDIO)


def gives_way(ours: ObservedEndpoint, event: Event) -> None:
    """Answer, and end the call whose place the new one takes."""
    answers(ours, event)
    if isinstance(event, IncomingInvite) and event.replaced is not None:
        ours.endpoint.hangup(event.replaced)


def rings(ours: ObservedEndpoint, event: Event) -> None:
    """Ring, and never answer."""
    if isinstance(event, IncomingInvite):
        ours.endpoint.ring(event.session)


def rings_twice(ours: ObservedEndpoint, event: Event) -> None:
    """Ring by two responses, and never answer."""
    if isinstance(event, IncomingInvite):
        ours.endpoint.ring(event.session)
        ours.endpoint.ring(event.session, 183)


def rejects(ours: ObservedEndpoint, event: Event) -> None:
    """Refuse."""
    if isinstance(event, IncomingInvite):
        ours.endpoint.reject(event.session, 486, reason="in a meeting")


def rejects_for_all(ours: ObservedEndpoint, event: Event) -> None:
    """Refuse in the name of every place at which the user could be."""
    if isinstance(event, IncomingInvite):
        ours.endpoint.reject(event.session, 606, reason="no codec of ours")


def redirects(ours: ObservedEndpoint, event: Event) -> None:
    """Send the caller somewhere else."""
    if isinstance(event, IncomingInvite):
        contact = ("Contact", "<sip:desk@192.0.2.7>")
        ours.endpoint.reject(event.session, 302, headers=(contact,))


def _refers(outcome: int, phrase: str, *ringing: int) -> Callable[[ObservedEndpoint, Event], None]:
    def react(ours: ObservedEndpoint, event: Event) -> None:
        answers(ours, event)
        if not isinstance(event, Referred):
            return
        endpoint, referral = ours.endpoint, event.referral
        if outcome == 403:
            endpoint.perform(lambda now: referral.refuse(403, phrase, now))
            return
        endpoint.perform(referral.accept)
        for status in ringing:
            endpoint.perform(lambda now, s=status: referral.notify(s, "Ringing", now))  # type: ignore[misc]
        endpoint.perform(lambda now: referral.notify(outcome, phrase, now))

    return react


transfers = _refers(200, "OK", 180)
"""Answer, and have a transfer succeed."""
transfers_to_busy = _refers(486, "Busy Here")
refuses_transfers = _refers(403, "not allowed")


# -- how calls are placed


def plain(invitation: Invitation) -> Invitation:
    """As they are."""
    return invitation


def without_offer(invitation: Invitation) -> Invitation:
    """Let the other side offer."""
    return msgspec.structs.replace(invitation, late_offer=True)


def with_long_header(invitation: Invitation) -> Invitation:
    """With more than a datagram should have."""
    return msgspec.structs.replace(invitation, headers=(("X-Context", "0123456789" * 130),))
