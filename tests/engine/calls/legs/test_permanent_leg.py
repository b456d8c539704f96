"""Lines that stay up between calls: kept, dialled again, borrowed by calls and released."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from engine.calls.call import Call
from engine.calls.call_legs import CallLegs
from engine.calls.dialling import Caller
from engine.calls.hangup_cause import HangupCause
from engine.routing.admission import Admission
from engine.routing.capacity.trunk_load import TrunkLoad
from engine.routing.dialplan import Dialplan
from sip.dialog.uas import UasSession
from tests.support.floor import agent
from tests.support.permanent_line import PermanentLine, run_line
from tests.support.phones.scripted import incoming
from tests.support.scene import trunk

CALL_OVER = HangupCause("completed", "call over")
CALLER = Caller(None, default="ringback")


def test_agent_is_called_at_login_and_free_once_they_have_answered(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        assert line.state == "paused"
        phone = await line.is_up()
        assert line.state == "available"
        assert line.lines.line_of("anna") is not None
        line.agents.logout("anna")
        await asyncio.sleep(1)
        assert phone.is_hung_up
        assert line.stage.sip.phones.empty()

    run_line(tmp_path, script)


def test_a_line_that_nobody_answers_is_dialled_again_at_growing_intervals(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        loop = asyncio.get_running_loop()
        called: list[float] = []
        for _ in range(9):
            phone = await line.stage.phone()
            called.append(loop.time())
            phone.refuses(486, "Busy Here")
        spans = [round(b - a) for a, b in pairwise(called)]
        assert spans == [1, 2, 4, 8, 16, 32, 60, 60]
        assert line.state == "paused"
        assert line.stage.last("line.failed")["retry_s"] == 60.0

    run_line(tmp_path, script)


def test_what_happens_to_a_line_is_published_with_how_to_find_it(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        phone = await line.stage.phone()
        phone.rings()
        await asyncio.sleep(1)
        phone.answers()
        await asyncio.sleep(1)
        phone.holds()
        phone.resumes()
        phone.hangs_up("Q.850;cause=16")
        (await line.stage.phone()).refuses(421, "Extension Required", extensions=("100rel",))
        await asyncio.sleep(0)
        assert [kind for kind in line.stage.seen("line.") if kind != "line.dialing"][:5] == [
            "line.ringing", "line.answered", "line.held", "line.resumed", "line.ended",
        ]  # fmt: skip
        for kind in ("line.dialing", "line.ringing", "line.answered", "line.held", "line.resumed"):
            event = line.stage.last(kind)
            assert (event["agent"], event["uri"]) == ("anna", line.stage.last("line.ended")["uri"])
            assert event["leg"] == line.stage.last("line.ringing")["leg"] or kind == "line.dialing"
        answered = line.stage.last("line.answered")
        assert (answered["codec"], answered["sip_status"]) == ("PCMU", 200)
        assert line.stage.last("line.extension_required")["extensions"] == ["100rel"]
        moved = ("sip:nobody@192.0.2.66",)
        (await line.stage.phone()).refuses(302, "Moved", contacts=moved)
        await asyncio.sleep(0)
        redirected = line.stage.last("line.redirected")
        assert (redirected["agent"], redirected["targets"]) == ("anna", [])
        assert "dial.allow_hosts" in redirected["refused"][0]

    run_line(tmp_path, script)


def test_another_phone_may_take_the_place_of_the_one_on_the_line(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        phone = await line.stage.phone()
        phone.answers()
        await asyncio.sleep(1)
        headset = incoming(caller="headset", host="192.0.2.3")
        phone.owner.replace(cast(UasSession, headset))
        headset.acknowledges()
        assert phone.is_hung_up
        replaced = line.stage.last("line.replaced")
        assert (replaced["agent"], replaced["uri"]) == ("anna", "sip:headset@192.0.2.3")
        assert replaced["from_uri"] == line.stage.last("line.answered")["uri"]
        assert line.state == "available"
        headset.hangs_up()
        await asyncio.sleep(0)
        assert line.state != "available"

    run_line(tmp_path, script)


def test_a_trunk_that_fails_for_a_line_is_passed_over_by_other_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested: list[str] = []
    monkeypatch.setattr(
        Dialplan, "trunk_failed", lambda _self, name, *_cause, **_how: rested.append(name)
    )

    async def script(line: PermanentLine) -> None:
        (await line.stage.phone()).is_unreachable()
        await line.is_up()
        assert rested == ["one"]

    run_line(tmp_path, script, uri="+442079460000")


def test_a_line_has_a_line_of_its_trunk_from_its_invite_to_its_end(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        services = line.stage.services
        load = services.trunk_load = TrunkLoad([trunk("one", 5071, max_calls=1)])
        phone = await line.stage.phone()
        assert load.is_full("one")
        phone.refuses(486, "Busy Here")
        await asyncio.sleep(0)
        assert not load.is_full("one")
        await line.is_up()
        legs = CallLegs(Call("call-1", None), services, lambda *_a, **_k: None, Admission())
        borrowed = legs.borrow_line("anna")
        assert borrowed is not None
        dialling = asyncio.create_task(borrowed.dial(caller=CALLER, ring_s=10.0))
        await asyncio.sleep(0)
        borrowed.hang_up(CALL_OVER)
        await asyncio.gather(dialling, return_exceptions=True)
        assert load.is_full("one"), "the line stays up"
        line.agents.logout("anna")
        await asyncio.sleep(1)
        assert not load.is_full("one")

    run_line(tmp_path, script, uri="+442079460000")


def test_a_line_that_was_stable_is_dialled_again_at_once(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        loop = asyncio.get_running_loop()
        phone = await line.is_up()
        for up_s, pause_s in ((5, 1), (5, 2), (40, 1)):
            await asyncio.sleep(up_s)
            phone.hangs_up()
            down = loop.time()
            assert line.state == "paused"
            phone = await line.is_up()
            assert loop.time() - down == pytest.approx(pause_s)
            assert line.state == "available"

    run_line(tmp_path, script)


def test_the_addresses_are_tried_in_turn(tmp_path: Path) -> None:
    addresses = [
        {"uri": "sip:desk@127.0.0.1:5080", "ring_s": 5.0}, {"uri": "sip:mobile@127.0.0.1:5080"}
    ]  # fmt: skip

    async def script(line: PermanentLine) -> None:
        desk = await line.stage.phone()
        assert "desk" in desk.invitation.target
        mobile = await line.is_up()
        assert "mobile" in mobile.invitation.target
        assert desk.is_hung_up and line.state == "available"

    run_line(tmp_path, script, addresses=addresses)


def test_music_between_calls_where_the_agent_wants_it(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        await line.is_up()
        up = line.lines.line_of("anna")
        assert up is not None
        assert line.stage.media.heard[up.id][-1] == line.stage.services.hold

    run_line(tmp_path, script, comfort="music")


def test_a_reload_calls_and_hangs_up_but_not_in_a_call(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        line.agents.pause("anna", "lunch")
        line.agents.enrol(agent("anna", permanent=True))
        line.legs.review()
        phone = await line.is_up()
        assert line.state == "paused", "she has lunch all the same"
        line.agents.ready("anna")
        leg = line.borrow()
        line.agents.reserve("anna", "job")
        line.agents.talking("anna", "job")
        line.agents.enrol(agent("anna"))
        line.legs.review()
        await asyncio.sleep(1)
        assert not phone.is_hung_up
        leg.hang_up(CALL_OVER)
        line.agents.finished("anna", "job")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert phone.is_hung_up
        assert line.state == "available"
        await asyncio.sleep(100)
        assert line.stage.sip.phones.empty()

    run_line(tmp_path, script, permanent=False)


def test_nobody_is_dialled_while_the_agent_talks_on_the_phone(tmp_path: Path) -> None:
    """The line went down, and a call was dialled to the agent meanwhile."""

    async def script(line: PermanentLine) -> None:
        phone = await line.is_up()
        line.agents.reserve("anna", "job")
        phone.hangs_up()
        await asyncio.sleep(60)
        assert line.stage.sip.phones.empty()
        line.agents.release("anna", "job")
        await line.is_up()
        assert line.state == "available"

    run_line(tmp_path, script)
