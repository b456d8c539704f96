"""SIPp against an endpoint of ours: what each scenario says holds, on the wire and for the owner.

A scenario ends with an error where a message is missing, or is not as its checks want. Those whose
name begins with `called` are calls of ours; SIPp makes the others.
"""

from collections import Counter
from pathlib import Path

import pytest

from sip.auth.digest import Credentials
from sip.dialog.uac import Invitation
from sip.events import Event
from tests.support.phones.real.sipp import Sipp
from tests.support.sip.endpoint import AUDIO, Faults, ObservedEndpoint, running

from .called import CALLED
from .calls import CALLS
from .owner import Scene
from .situation import Situation

SCENARIOS = Path(__file__).with_name("scenarios")


def test_each_scenario_is_run() -> None:
    used = {one.scenario or name for name, one in (CALLS | CALLED).items()}
    assert used == {path.stem for path in SCENARIOS.glob("*.xml")}


def reacting(situation: Situation) -> ObservedEndpoint:
    """An endpoint whose owner does what the situation says."""
    ours = ObservedEndpoint(
        "udp:127.0.0.1:0",
        "tcp:127.0.0.1:0",
        faults=Faults(situation.copies, dict(situation.lost), dict(situation.unsent)),
        is_stopped=True,
    )

    def react(event: Event) -> None:
        situation.owner(ours, event)

    ours.react = react
    return ours


async def played(situation: Situation, scene: Scene) -> None:
    """Let the scenario run to its end, and look at what is left."""
    for step in situation.steps:
        await step(scene)
    await scene.sipp.finished()
    for what, times in situation.repeated.items():
        assert len(scene.sipp.received(what)) >= times
    expected = Counter(situation.told.split(", ") * situation.calls if situation.told else [])
    ua = scene.ours.endpoint.ua
    await scene.until(
        lambda: Counter(scene.told) == expected and not ua.session_count, situation.told
    )
    if situation.calls == 1:
        assert ", ".join(scene.told) == situation.told
    assert ua.counters.internal_errors == 0


def keys(situation: Situation, ours: ObservedEndpoint) -> dict[str, str]:
    """What is filled in: our port, and after how many ms SIPp sends again what is not answered."""
    has_faults = situation.lost or situation.unsent
    return {"port": str(ours.port), "retrans": "500" if has_faults else "60000"}


@pytest.mark.parametrize("name", CALLS)
async def test_sipp_calls(name: str, tmp_path: Path) -> None:
    situation = CALLS[name]
    ours = reacting(situation)
    async with running(ours):
        udp, tcp = ours.endpoint.addresses
        port = (udp if situation.transport == "u1" else tcp).port
        sipp = await Sipp.start(
            situation.scenario or name, tmp_path, scenarios=SCENARIOS,
            target=f"127.0.0.1:{port}", keys=keys(situation, ours),
            calls=situation.calls, calls_per_s=200, transport=situation.transport,
        )  # fmt: skip
        await played(situation, Scene(ours, sipp))


@pytest.mark.parametrize("name", CALLED)
async def test_sipp_is_called(name: str, tmp_path: Path) -> None:
    situation = CALLED[name]
    ours = reacting(situation)
    async with running(ours):
        sipp = await Sipp.start(
            situation.scenario or name, tmp_path, scenarios=SCENARIOS,
            keys=keys(situation, ours), transport=situation.transport,
        )  # fmt: skip
        (hop, *_) = await ours.endpoint.hops(sipp.uri)
        invitation = Invitation(
            target=sipp.uri,
            hop=hop,
            from_uri="sip:ringback@127.0.0.1",
            audio=AUDIO,
            credentials=Credentials("ringback", "secret"),
        )
        session = ours.endpoint.invite(situation.placed(invitation))
        await played(situation, Scene(ours, sipp, session))
