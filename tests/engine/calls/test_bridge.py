"""Two legs joined: who hears whom, also while one holds the other."""

from pathlib import Path

from engine.calls.bridge import Bridge
from engine.calls.leg import Leg
from media.sources import Hold, Peer
from tests.support.legs import dial, leg_to
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, scene
from tests.support.virtual_loop import run


async def answered_leg(stage: Scene, name: str) -> tuple[Leg, ScriptedPhone]:
    leg = leg_to(stage, f"sip:{name}@127.0.0.1", leg_id=name, role="agent")
    return leg, await dial(stage, leg)


def test_hold_music_while_one_holds_the_other(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        seen: list[tuple[str, str]] = []
        a, phone_a = await answered_leg(stage, "a")
        b, phone_b = await answered_leg(stage, "b")
        bridge = Bridge(
            a, b,
            media=stage.services.media,
            hold=Hold(),
            publish=lambda kind, leg: seen.append((kind, leg.id)),
        )  # fmt: skip
        bridge.join()
        heard = stage.media.heard
        assert heard == {"a": [Peer("b")], "b": [Peer("a")]}
        phone_a.holds()
        assert heard == {"a": [Peer("b")], "b": [Peer("a"), Hold()]}
        phone_b.holds()
        phone_b.resumes()
        assert heard["b"][-1:] == [Hold()]
        phone_a.presses("5")
        assert stage.media.digits == [("b", "5", 160)]
        phone_a.resumes()
        assert heard["a"][-1:] == [Peer("b")]
        assert heard["b"][-1:] == [Peer("a")]
        bridge.leave()
        bridge.leave()
        phone_a.holds()
        assert heard["b"][-1:] == [Peer("a")]
        phone_a.presses("6")
        assert len(stage.media.digits) == 1
        assert seen == [
            ("bridge.joined", "a"), ("bridge.joined", "b"), ("bridge.left", "a"),
            ("bridge.left", "b"),
        ]  # fmt: skip

    run(main())


def test_a_leg_that_held_before_the_join_keeps_its_partner_on_hold(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        a, phone_a = await answered_leg(stage, "a")
        b, _phone_b = await answered_leg(stage, "b")
        phone_a.holds()
        bridge = Bridge(a, b, media=stage.services.media, hold=Hold(), publish=lambda *_args: None)
        bridge.join()
        assert stage.media.heard["b"] == [Hold()]
        phone_a.resumes()
        assert stage.media.heard["b"] == [Hold(), Peer("a")]

    run(main())
