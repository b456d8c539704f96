"""Who may take the place of a party by an INVITE with Replaces, and what the others are told."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from engine.inbound.replacing import take_place
from sip.dialog.uas import UasSession
from sip.events import IncomingInvite
from sip.hop import Hop
from sip.sdp.offer_answer import LocalAudio
from tests.support.leg_owner import LegOwner
from tests.support.legs import dial, leg_to
from tests.support.phones.scripted import ScriptedCaller, incoming
from tests.support.reception import Reception, reception
from tests.support.scene import Scene, run_scene


class DeskPhone(ScriptedCaller):
    """Speaks nothing but PCMU."""

    def objection(self, audio: LocalAudio) -> str | None:
        spoken = (*audio.codecs, *audio.spare_codecs)
        return None if "PCMU" in spoken else "no codec in common"


def at(host: str) -> Hop:
    return Hop("udp", host, 5071)


PBX = {"192.0.2.10": "pbx", "192.0.2.11": "pbx", "192.0.2.20": "carrier"}


@pytest.mark.parametrize(
    ("party", "caller", "status"),
    [
        ("192.0.2.10", "192.0.2.10", None),
        ("192.0.2.10", "192.0.2.11", None),
        ("192.0.2.1", "192.0.2.2", None),
        ("192.0.2.10", "192.0.2.20", 403),
        ("192.0.2.20", "192.0.2.10", 403),
        ("192.0.2.10", "192.0.2.1", 403),
        ("192.0.2.1", "192.0.2.10", 403),
    ],
)
def test_only_peers_of_the_same_trunk(
    party: str, caller: str, status: int | None, tmp_path: Path
) -> None:
    async def script(scene: Scene) -> None:
        leg = leg_to(scene, owner=LegOwner())
        phone = await dial(scene, leg)
        phone.peer_hop = at(party)
        carol = incoming(caller="carol", host=caller)
        session = cast(UasSession, carol)
        refused = take_place(
            session, phone.session, PBX.get(caller), lambda hop: PBX.get(hop.host), None
        )
        assert (refused and refused.status) == status
        carol.acknowledges()
        assert phone.is_hung_up == (status is None)
        await leg.release()
        scene.services.registry.legs.clear()

    run_scene(tmp_path, script)


def test_what_cannot_be_replaced(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        leg = leg_to(scene, owner=LegOwner())
        phone = await dial(scene, leg)
        carol = incoming(caller="carol")

        def refused(objection: str | None = None) -> Any:
            session = cast(UasSession, carol)
            return take_place(session, phone.session, None, lambda _hop: None, objection)

        assert refused("no codec in common") == (488, "no codec in common")
        carol.state = "terminated"
        assert refused().status == 491
        phone.hand_to(None)
        assert refused().status == 481
        phone.hand_to(leg)
        phone.hangs_up()
        assert refused().status == 481
        await leg.release()
        scene.services.registry.legs.clear()

    run_scene(tmp_path, script)


def test_a_refusal_is_published(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        caller.peer_hop = at("127.0.0.1")
        stranger = incoming(caller="carol", host="192.0.2.99")
        desk.inbound.on_invite(IncomingInvite(stranger.session, stranger.request, caller.session))
        assert stranger.statuses == [403]
        refused = desk.stage.last("call.refused")
        assert (refused["sip_status"], refused["from"]) == (403, "carol")
        # The trunk of the caller may move them to another of its phones.
        moved: ScriptedCaller = incoming(caller="dave")
        desk.inbound.on_invite(IncomingInvite(moved.session, moved.request, caller.session))
        moved.acknowledges()
        await asyncio.sleep(0.1)
        assert caller.is_hung_up
        moved.hangs_up()
        await asyncio.sleep(0.1)
        assert desk.stage.last("call.ended")["result"] == "abandoned"

    reception(tmp_path, script)


def test_who_was_refused_is_shown_as_their_trunk_writes_numbers(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        other = incoming(caller="88442079462222")
        caller.peer_hop = at("192.0.2.99")
        desk.inbound.on_invite(IncomingInvite(other.session, other.request, caller.session))
        assert other.statuses == [403]
        refused = desk.stage.last("call.refused")
        assert (refused["trunk"], refused["from"]) == ("one", "+442079462222")
        assert (refused["number"], refused["dialled"]) == ("+442079462222", "+442079460000")
        caller.hangs_up()
        await asyncio.sleep(0.1)

    numbers_in = {"caller_strip": "88", "caller_prepend": "+"}
    reception(tmp_path, script, trunk={"numbers_in": numbers_in})


def test_a_desk_phone_of_no_trunk_need_not_speak_the_codecs_of_browsers(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.stage.services.dialplan.set_browsers(("opus",))
        caller = await desk.waiting_alone()
        caller.peer_hop = at("192.0.2.98")
        moved = DeskPhone(incoming(caller="dave", host="192.0.2.99").request, at("192.0.2.99"))
        desk.inbound.on_invite(IncomingInvite(moved.session, moved.request, caller.session))
        assert moved.state != "terminated" and 488 not in moved.statuses
        moved.acknowledges()
        await asyncio.sleep(0.1)
        assert caller.is_hung_up
        moved.hangs_up()
        await asyncio.sleep(0.1)

    reception(tmp_path, script)
