"""Who hears a supervisor, and whom a supervisor hears, in every mode."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.calls.leg import Leg
from engine.calls.supervision.supervisors import (
    SuperviseMode,
    Supervisor,
    Supervisors,
    sound_of,
)
from media.sources import Mix, Peer, Silence
from tests.support.legs import dial, leg_to
from tests.support.scene import Scene, scene
from tests.support.virtual_loop import run


class Parties:
    """An agent, a customer and two supervisors, all on the line."""

    def __init__(self, stage: Scene, legs: dict[str, Leg]) -> None:
        self.stage = stage
        self.legs = legs
        self.supervisors = Supervisors()
        self.talkers = [legs["agent"], legs["customer"]]

    def supervise(self, name: str, mode: SuperviseMode, coached: str | None = None) -> Supervisor:
        one = Supervisor(self.legs[name], name, mode, coached)
        self.supervisors.add_supervisor(one)
        self.supervisors.join(one)
        return one

    def heard(self, name: str) -> object:
        self.supervisors.arrange(self.talkers)
        return self.stage.media.heard[name][-1]

    def speakers_to(self, name: str) -> list[str]:
        return [leg.id for leg in self.supervisors.heard_by(self.legs[name])]


def with_parties(tmp_path: Path, script: Callable[[Parties], Awaitable[None]]) -> None:
    async def main() -> None:
        stage, legs = scene(tmp_path), {}
        for name in ("agent", "customer", "boss", "coach"):
            role = name if name in ("agent", "customer") else "supervisor"
            legs[name] = leg_to(stage, f"sip:{name}@127.0.0.1", leg_id=name, role=role)  # type: ignore[arg-type]
            await dial(stage, legs[name])
        await script(Parties(stage, legs))

    run(main())


@pytest.mark.parametrize(
    ("mode", "agent", "customer"),
    [("listen", [], []), ("whisper", ["boss"], []), ("barge", ["boss"], ["boss"])],
)
def test_who_hears_them(
    tmp_path: Path, mode: SuperviseMode, agent: list[str], customer: list[str]
) -> None:
    async def script(parties: Parties) -> None:
        parties.supervise("boss", mode)
        assert parties.speakers_to("agent") == agent
        assert parties.speakers_to("customer") == customer
        assert parties.heard("boss") == Mix(("agent", "customer"))

    with_parties(tmp_path, script)


def test_a_whisper_is_for_the_leg_that_is_named(tmp_path: Path) -> None:
    async def script(parties: Parties) -> None:
        parties.supervise("boss", "whisper", "customer")
        assert parties.speakers_to("agent") == [] and parties.speakers_to("customer") == ["boss"]

    with_parties(tmp_path, script)


def test_supervisors_hear_each_other_where_a_party_does(tmp_path: Path) -> None:
    async def script(parties: Parties) -> None:
        boss = parties.supervise("boss", "listen")
        coach = parties.supervise("coach", "whisper")
        assert parties.heard("boss") == Mix(("agent", "customer", "coach"))
        assert parties.heard("coach") == Mix(("agent", "customer"))
        parties.supervisors.change(boss, "barge", None)
        assert parties.heard("coach") == Mix(("agent", "customer", "boss"))
        parties.supervisors.remove(coach)
        parties.supervisors.remove(coach)
        assert parties.heard("boss") == Mix(("agent", "customer"))

    with_parties(tmp_path, script)


def test_one_who_rings_hears_nothing_and_is_not_heard(tmp_path: Path) -> None:
    async def script(parties: Parties) -> None:
        one = Supervisor(parties.legs["boss"], "boss", "barge")
        parties.supervisors.add_supervisor(one)
        parties.supervisors.change(one, "whisper", None)
        assert parties.speakers_to("agent") == [] and not parties.stage.media.heard["boss"]
        assert one.view() == {
            "leg": "boss", "supervisor": "boss", "mode": "whisper", "state": "ringing",
        }  # fmt: skip
        parties.supervisors.join(one)
        assert one.view()["state"] == "joined" and len(parties.supervisors) == 1
        assert parties.supervisors.named("boss") is one is parties.supervisors.at_leg("boss")
        assert parties.supervisors.named("x") is None is parties.supervisors.at_leg(None)

    with_parties(tmp_path, script)


def test_what_is_secret_is_not_heard_by_any_supervisor(tmp_path: Path) -> None:
    async def script(parties: Parties) -> None:
        parties.supervise("boss", "barge")
        assert parties.heard("boss") == Mix(("agent", "customer"))
        heard, customer = parties.stage.media.heard["boss"], parties.legs["customer"]
        with customer.telling_secret():
            parties.supervisors.arrange_again()
            assert heard[-1] == Peer("agent")
            with customer.telling_secret():
                assert parties.heard("boss") == Peer("agent")
            assert parties.heard("boss") == Peer("agent")
            parties.supervise("coach", "listen")  # who comes only then
            assert parties.heard("coach") == Mix(("agent", "boss"))
        parties.supervisors.arrange_again()
        assert parties.heard("boss") == Mix(("agent", "customer"))

    with_parties(tmp_path, script)


def test_whoever_watches_is_told_of_each_change(tmp_path: Path) -> None:
    async def script(parties: Parties) -> None:
        changes: list[str] = []
        on_change = lambda: changes.append("change")  # noqa: E731
        parties.supervisors.watch(on_change)
        boss = parties.supervise("boss", "listen")
        parties.supervisors.change(boss, "barge", None)
        parties.supervisors.hold_changed(boss.leg)
        parties.supervisors.remove(boss)
        assert len(changes) == 4
        parties.supervisors.unwatch(on_change)
        parties.supervise("coach", "listen")
        assert len(changes) == 4

    with_parties(tmp_path, script)


def test_the_sound_of_nobody_one_and_several(tmp_path: Path) -> None:
    async def script(parties: Parties) -> None:
        agent, customer = parties.talkers
        assert sound_of([], Silence()) == Silence()
        assert sound_of([agent], Silence()) == Peer("agent")
        assert sound_of([agent, customer], Silence()) == Mix(("agent", "customer"))

    with_parties(tmp_path, script)
