"""Two legs joined: who hears whom, also while one holds the other."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from engine.calls.bridge import Bridge
from engine.calls.leg import Leg
from engine.calls.supervision.supervisors import Supervisor, Supervisors
from media.sources import Hold, Mix, Peer
from tests.support.legs import dial, leg_to
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, scene
from tests.support.virtual_loop import run


async def answered_leg(stage: Scene, name: str) -> tuple[Leg, ScriptedPhone]:
    leg = leg_to(stage, f"sip:{name}@127.0.0.1", leg_id=name, role="agent")
    return leg, await dial(stage, leg)


def silent_bridge(stage: Scene, *legs: Leg, supervisors: Sequence[Supervisors] = ()) -> Bridge:
    """A bridge of which nothing is published."""
    return Bridge(
        legs,
        media=stage.services.media,
        hold=Hold(),
        publish=lambda *_args: None,
        supervisors=supervisors,
    )


def test_hold_music_while_one_holds_the_other(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        seen: list[tuple[str, str]] = []
        a, phone_a = await answered_leg(stage, "a")
        b, phone_b = await answered_leg(stage, "b")
        bridge = Bridge(
            (a, b),
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
        await asyncio.sleep(1.0)
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
        bridge = silent_bridge(stage, a, b)
        bridge.join()
        assert stage.media.heard["b"] == [Hold()]
        phone_a.resumes()
        assert stage.media.heard["b"] == [Hold(), Peer("a")]

    run(main())


def test_three_hear_each_other_and_nobody_hears_one_who_holds(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        legs, phones = {}, {}
        for name in "abc":
            legs[name], phones[name] = await answered_leg(stage, name)
        bridge = silent_bridge(stage, *legs.values())
        bridge.join()

        def heard() -> list[object]:
            return [stage.media.heard[name][-1] for name in "abc"]

        assert heard() == [Mix(("b", "c")), Mix(("a", "c")), Mix(("a", "b"))]
        phones["a"].presses("7")
        assert stage.media.digits == [("b", "7", 160), ("c", "7", 160)]
        phones["a"].holds()
        assert heard() == [Mix(("b", "c")), Peer("c"), Peer("b")]
        phones["b"].holds()
        assert heard() == [Peer("c"), Peer("c"), Hold()]
        phones["a"].resumes()
        phones["b"].resumes()
        assert heard() == [Mix(("b", "c")), Mix(("a", "c")), Mix(("a", "b"))]
        bridge.leave()

    run(main())


def test_two_with_a_supervisor_are_relayed_mixed_and_relayed_again(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        agent, _phone = await answered_leg(stage, "agent")
        customer = leg_to(stage, "sip:c@127.0.0.1", leg_id="customer", role="customer")
        customer_phone = await dial(stage, customer)
        boss, boss_phone = await answered_leg(stage, "boss")
        supervisors = Supervisors()
        bridge = silent_bridge(stage, agent, customer, supervisors=[supervisors])
        bridge.join()

        def heard() -> dict[str, object]:
            return {name: stage.media.heard[name][-1] for name in ("agent", "customer", "boss")}

        one = Supervisor(boss, "boss", "listen")
        supervisors.add_supervisor(one)
        supervisors.join(one)
        both = Mix(("agent", "customer"))
        assert heard() == {"agent": Peer("customer"), "customer": Peer("agent"), "boss": both}
        supervisors.change(one, "whisper", None)
        assert heard() == {
            "agent": Mix(("customer", "boss")), "customer": Peer("agent"), "boss": both,
        }  # fmt: skip
        supervisors.change(one, "barge", None)
        assert heard() == {
            "agent": Mix(("customer", "boss")),
            "customer": Mix(("agent", "boss")),
            "boss": both,
        }
        customer_phone.holds()
        assert heard()["agent"] == Peer("boss") and heard()["boss"] == Peer("agent")
        customer_phone.resumes()
        boss_phone.holds()  # its music is for nobody
        assert heard()["agent"] == Peer("customer") and heard()["customer"] == Peer("agent")
        boss_phone.resumes()
        supervisors.remove(one)
        assert heard()["agent"] == Peer("customer") and heard()["customer"] == Peer("agent")
        bridge.leave()

    run(main())


def test_a_phone_that_takes_keys_as_sound_gets_those_that_are_no_sound(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        a, _phone = await answered_leg(stage, "a")
        b, _phone = await answered_leg(stage, "b")
        bridge = silent_bridge(stage, a, b)
        bridge.join()
        a.pressed("1", 100)
        assert stage.media.digits == []  # the worker relays the telephone-event
        assert b.audio is not None
        b.audio = structs.replace(b.audio, telephone_event_payload_type=None)
        a.pressed("2", 100)
        b.pressed("3", 100)  # heard as sound: the other hears it as well
        assert [(leg, digits) for leg, digits, _ms in stage.media.digits] == [("b", "2")]
        assert a.audio is not None
        a.audio = structs.replace(a.audio, telephone_event_payload_type=None)
        a.pressed("4", 100)
        assert len(stage.media.digits) == 1
        bridge.leave()

    run(main())
