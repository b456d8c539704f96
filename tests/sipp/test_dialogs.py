"""SIPp against an endpoint of ours: what each scenario says holds, on the wire.

A scenario ends with an error where a message is missing, or is not as its checks want. Those whose
name begins with `called` are calls of ours; SIPp makes the others.
"""

from pathlib import Path

import pytest

from sip.auth.digest import Credentials
from sip.dialog.uac import Invitation
from sip.events import Answered, Ended, Event, Failed, IncomingInvite
from tests.support.phones.real.sipp import Sipp
from tests.support.sip.endpoint import AUDIO, ObservedEndpoint, answering, running

SCENARIOS = Path(__file__).with_name("scenarios")
ALL = sorted(path.stem for path in SCENARIOS.glob("*.xml"))
CALLED = [name for name in ALL if name.startswith("called")]
# The endpoint rings these and does not answer.
RINGS = {"prack_repeated_180", "prack_wrong_number"}
# The endpoint hangs these up itself.
HUNG_UP = {"strict_router"}
# What comes again for want of an answer, and how often at least. SIPp passes over repetitions.
REPEATED = {"ack_lost": ("200", 3), "prack_repeated_180": ("180", 2), "called_doubled": ("ACK", 2)}
# What SIPp receives before we hang up.
GOES_ON_TO = {"called_update": "200", "called_two_answers": "BYE"}
# How calls of ours end that are not answered: the status, and what else their cause has.
REFUSED: dict[str, tuple[int, dict[str, object]]] = {
    "called_302": (302, {"contacts": ("sip:dave@192.0.2.98", "sip:carol@192.0.2.99")}),
    "called_305": (305, {"contacts": ("sip:dave@192.0.2.98", "sip:carol@192.0.2.99")}),
    "called_380": (380, {"contacts": ("sip:dave@192.0.2.98", "sip:carol@192.0.2.99")}),
    "called_420": (420, {"extensions": ("timer",)}),
    "called_480": (480, {"reason_header": 'Q.850;cause=20;text="Subscriber absent"'}),
    "called_488": (488, {"warning": "Incompatible media format"}),
    "called_600": (600, {}),
    "called_606": (606, {"warning": "Incompatible media format"}),
}


def ringing(phone: ObservedEndpoint) -> ObservedEndpoint:
    """Have it ring for every call, and answer none."""

    def react(event: Event) -> None:
        if isinstance(event, IncomingInvite):
            phone.endpoint.ring(event.session)

    phone.react = react
    return phone


def assert_nothing_is_left(name: str, sipp: Sipp, ours: ObservedEndpoint) -> None:
    """What was to be repeated was, and the endpoint has made no mistake and keeps nothing."""
    if name in REPEATED:
        what, times = REPEATED[name]
        assert len(sipp.received(what)) >= times
    assert ours.endpoint.ua.counters.internal_errors == 0
    assert ours.endpoint.ua.session_count == 0


@pytest.mark.parametrize("name", [name for name in ALL if name not in CALLED])
async def test_sipp_calls(name: str, tmp_path: Path) -> None:
    ours = ObservedEndpoint("udp:127.0.0.1:0")
    ours = ringing(ours) if name in RINGS else answering(ours)
    async with running(ours):
        target = f"127.0.0.1:{ours.port}"
        sipp = await Sipp.start(name, tmp_path, scenarios=SCENARIOS, target=target)
        if name in HUNG_UP:
            answered = await ours.until(Answered)
            assert isinstance(answered, Answered)
            ours.endpoint.hangup(answered.session)
        await sipp.finished()
        assert_nothing_is_left(name, sipp, ours)


@pytest.mark.parametrize("name", CALLED)
async def test_sipp_is_called(name: str, tmp_path: Path) -> None:
    ours = ObservedEndpoint("udp:127.0.0.1:0")
    async with running(ours):
        keys = {"port": str(ours.port)}
        sipp = await Sipp.start(name, tmp_path, scenarios=SCENARIOS, keys=keys)
        (hop, *_) = await ours.endpoint.hops(sipp.uri)
        invitation = Invitation(
            target=sipp.uri,
            hop=hop,
            from_uri="sip:ringback@127.0.0.1",
            audio=AUDIO,
            credentials=Credentials("ringback", "secret"),
        )
        session = ours.endpoint.invite(invitation)
        if name in REFUSED:
            failed = await ours.until(Failed)
            assert isinstance(failed, Failed)
            status, members = REFUSED[name]
            assert failed.cause.status == status
            assert {member: getattr(failed.cause, member) for member in members} == members
        else:
            await ours.until(Answered)
            await sipp.reached(GOES_ON_TO.get(name, "ACK"))
            ours.endpoint.hangup(session)
            await ours.until(Ended)
        await sipp.finished()
        assert_nothing_is_left(name, sipp, ours)
