"""Who hears whom in a conference, in virtual time."""

import asyncio
from pathlib import Path
from typing import Any

from engine.call_control.conferences import Conferences
from engine.call_control.controlled_calls import ControlledCalls
from engine.calls.call import Call
from engine.calls.supervision.supervisors import SuperviseOrder
from media.sources import Hold, Mix, Peer, Silence
from tests.support.calls_by_command import leg_of, run_calls, up
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene

NUMBERS = {"a": "+442079460101", "b": "+442079460102", "c": "+442079460103"}


class Friday:
    """A conference in which a, b and c take part."""

    def __init__(self, stage: Scene, calls: ControlledCalls) -> None:
        self.stage = stage
        self.calls = calls
        self.conferences = Conferences(stage.services, calls)
        self.conferences.create("friday", 10, {})
        self.of: dict[str, Call] = {}
        self.phones: dict[str, ScriptedPhone] = {}

    async def join(self, *names: str, **roles: bool) -> None:
        for name in names:
            self.of[name], self.phones[name] = await up(self.stage, self.calls, NUMBERS[name])
            self.conferences.join(
                "friday", self.of[name].id, None, **({"muted": False, "deaf": False} | roles)
            )

    def change(self, name: str, what: Any, *, is_on: bool = True) -> None:
        self.conferences.change("friday", None, leg_of(self.of[name]), what, is_on=is_on)

    def heard(self) -> dict[str, Any]:
        """What each hears: names of the others, or a source."""
        names = {leg_of(call): name for name, call in self.of.items()}

        def shown(source: Any) -> Any:
            if isinstance(source, Peer):
                return names.get(source.leg, "?")
            if isinstance(source, Mix):
                return "".join(names.get(leg, "?") for leg in source.legs)
            return source

        media = self.stage.media.heard
        return {name: shown(media[leg][-1]) for leg, name in names.items() if media.get(leg)}


def test_two_are_relayed_three_are_mixed_and_one_has_music(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        friday = Friday(stage, calls)
        await friday.join("a")
        assert friday.heard() == {"a": Hold()}
        await friday.join("b")
        assert friday.heard() == {"a": "b", "b": "a"}
        await friday.join("c")
        assert friday.heard() == {"a": "bc", "b": "ac", "c": "ab"}
        friday.phones["c"].hangs_up()
        await asyncio.sleep(0.1)
        del friday.of["c"]
        assert friday.heard() == {"a": "b", "b": "a"}
        assert stage.last("conference.left")["cause"] == "the party hung up"

    run_calls(tmp_path, script)


def test_who_is_muted_deaf_or_holds(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        friday = Friday(stage, calls)
        await friday.join("a", "b")
        await friday.join("c", muted=True)
        assert friday.heard() == {"a": "b", "b": "a", "c": "ab"}
        friday.change("c", "muted", is_on=False)
        friday.change("b", "deaf")
        assert friday.heard() == {"a": "bc", "b": Silence(), "c": "ab"}
        friday.change("b", "deaf")
        assert stage.seen("conference.")[-2:] == ["conference.unmuted", "conference.deafened"]
        friday.change("b", "deaf", is_on=False)
        friday.phones["a"].holds()
        assert friday.heard()["b"] == "c"
        friday.phones["a"].resumes()
        calls.hold(friday.of["a"].id, None)
        assert friday.heard() == {"a": Hold(), "b": "c", "c": "b"}
        calls.resume(friday.of["a"].id, None)
        friday.change("a", "muted")
        friday.change("b", "muted")
        friday.change("c", "muted")
        assert friday.heard() == {"a": Silence(), "b": Silence(), "c": Silence()}
        friday.phones["a"].presses("5")
        assert stage.media.digits == []
        assert friday.phones["a"].offered == ["sendonly", "sendrecv"]  # of the hold alone

    run_calls(tmp_path, script)


def test_a_member_is_supervised_with_all_others(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        friday = Friday(stage, calls)
        await friday.join("a", "b", "c")
        boss = "sip:boss@127.0.0.1"
        for mode, heard in (
            ("listen", {"a": "bc", "b": "ac", "c": "ab"}),
            ("whisper", {"a": "bc?", "b": "ac", "c": "ab"}),
            ("barge", {"a": "bc?", "b": "ac?", "c": "ab?"}),
        ):
            destination = stage.services.dialplan.destination(boss, field="to")
            order = SuperviseOrder(boss, destination, mode)  # type: ignore[arg-type]
            calls.find(friday.of["a"].id, None).supervise(order)
            if mode == "listen":
                (await stage.phone()).answers()
                await asyncio.sleep(0.01)
            assert friday.heard() == heard
        boss_leg = friday.of["a"].legs[1].id
        members = tuple(leg_of(call) for call in friday.of.values())
        assert stage.media.heard[boss_leg][-1] == Mix(members)

    run_calls(tmp_path, script)


def test_whoever_takes_part_hears_what_is_announced_and_leaves_once(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        friday = Friday(stage, calls)
        await friday.join("a", "b")
        one, two = (calls.find(friday.of[name].id, None) for name in ("a", "b"))
        assert one.listeners() == (one.leg, two.leg)
        conference = one.conference
        assert conference is not None
        for _ in range(2):
            conference.remove(one, "asked to")
        left = [kind for kind in stage.seen() if kind == "conference.left"]
        assert len(left) == 1
        assert two.listeners() == (two.leg,)
        for phone in friday.phones.values():
            phone.hangs_up()

    run_calls(tmp_path, script)
