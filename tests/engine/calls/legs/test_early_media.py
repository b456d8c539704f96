"""Early media of a leg, and from when on its RTP is waited for."""

from pathlib import Path

from engine.calls.leg import Leg
from media.protocol.messages import (
    MediaTimeout,
)
from sip.events import Progress
from tests.support.legs import Published, dialled, kinds, run_leg
from tests.support.scene import Scene


def test_early_media_of_another_branch_replaces_the_first(tmp_path: Path) -> None:
    """The call is forwarded: the branch that spoke first is silent from then on."""

    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        dialling, phone = await dialled(stage, leg)
        for port in (40000, 40000, 40002, 40002):
            phone.plays_early_media(port)
        assert stage.media.ports == [40000, 40002]
        phone.answers()
        await dialling
        assert stage.media.ports == [40000, 40002, 40000]
        assert kinds(published).count("leg.early_media") == 1

    run_leg(tmp_path, script)


def test_a_branch_that_is_over_plays_no_more(tmp_path: Path) -> None:
    """199 of the branch that played: others may still ring (RFC 6228)."""

    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        dialling, phone = await dialled(stage, leg)

        def branch_is_over() -> None:
            phone.sends(Progress(phone.session, 199, "Early Dialog Terminated", None))

        branch_is_over()
        states = []
        for act in (phone.plays_early_media, branch_is_over):
            act()
            states.append(leg.record.state)
        assert states == ["early_media", "ringing"]
        phone.answers()
        await dialling

    run_leg(tmp_path, script)


def test_a_phone_silent_since_its_early_media_is_waited_for_from_its_answer(
    tmp_path: Path,
) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        dialling, phone = await dialled(stage, leg, ring_s=60.0)
        phone.plays_early_media()
        leg.on_media(MediaTimeout("leg-1", 30.0))
        assert "leg.media_timeout" not in kinds(published)
        phone.answers()
        await dialling
        assert len(stage.media.connected) == 2, "described to the worker again"
        leg.on_media(MediaTimeout("leg-1", 30.0))
        assert ("leg.media_timeout", {"silent_s": 30.0}) in published
        assert leg.hangup_cause is not None and leg.hangup_cause.result == "no_media"

    run_leg(tmp_path, script)


def test_the_wait_for_rtp_begins_again_at_the_answer(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        dialling, phone = await dialled(stage, leg, ring_s=60.0)
        phone.plays_early_media()
        phone.answers()
        await dialling
        assert len(stage.media.connected) == 2, "the worker waits again"
        leg.on_media(MediaTimeout("leg-1", 30.0, number=1))  # on its way when the answer came
        assert leg.hangup_cause is None
        leg.on_media(MediaTimeout("leg-1", 30.0, number=2))
        assert leg.hangup_cause is not None and leg.hangup_cause.result == "no_media"

    run_leg(tmp_path, script)
