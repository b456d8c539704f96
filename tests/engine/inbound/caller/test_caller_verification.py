"""Calls whose number is verified before they go on."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from config.inbound import Inbound as Route
from config.rules import Rule
from config.stir import Stir
from engine.inbound.caller import caller_verification
from engine.inbound.caller.caller_id import shown_identity
from engine.inbound.caller.caller_verification import CallerVerification, parties_of
from engine.routing.numbers.number_plan import NumberPlan
from engine.stir.passport import Parties
from engine.stir.verdict import NOT_SIGNED, Verdict
from engine.stir.verifier import StirVerifier
from sip.message.message import Request
from tests.support.phones.scripted import ScriptedCaller, incoming
from tests.support.reception import Reception, reception
from tests.support.stir import CALLER, SHOP, Carrier, pem_of
from tests.support.virtual_loop import run

SIGNED = ("Identity", "a.b.c;info=<https://h>;ppt=shaken")
ON = Stir(mode="verify", trust="unused")


class ScriptedVerifier:
    """Gives this verdict, after `takes_s`."""

    def __init__(self, verdict: Verdict, takes_s: float = 0.0) -> None:
        self.verdict = verdict
        self.takes_s = takes_s
        self.asked: list[tuple[list[str], Parties]] = []
        self.is_closed = False
        self.fails = False

    async def verify(self, values: list[str], parties: Parties) -> Verdict:
        self.asked.append((values, parties))
        await asyncio.sleep(self.takes_s)
        if self.fails:
            raise RuntimeError("a defect")
        return self.verdict

    async def close(self) -> None:
        self.is_closed = True


def verification(verifier: ScriptedVerifier) -> CallerVerification:
    def make(_settings: Stir, _clock: Callable[[], float]) -> StirVerifier:
        return cast(StirVerifier, verifier)

    return CallerVerification(ON, clock=lambda: 0.0, make=make)


def verifying(desk: Reception, verifier: ScriptedVerifier) -> None:
    """Callers are verified by this from now on."""
    mine = desk.parts.verification
    mine._make = verification(verifier)._make
    mine.configure(ON)


def signed(**more: Any) -> ScriptedCaller:
    return incoming(headers=(SIGNED,), **more)


@pytest.mark.parametrize(
    ("verdict", "shown"),
    [
        (Verdict("A"), {"attestation": "A"}),
        (
            Verdict("failed", "stale"),
            {"attestation": "failed", "attestation_reason": "stale"},
        ),
    ],
)
def test_the_verdict_is_on_the_call_and_in_its_events(
    tmp_path: Path, verdict: Verdict, shown: dict[str, str]
) -> None:
    async def script(desk: Reception) -> None:
        verifying(desk, ScriptedVerifier(verdict, 0.5))
        caller = desk.call(signed())
        assert desk.stage.seen("call.") == []
        await caller.accepted.wait()
        caller.acknowledges()
        await asyncio.sleep(0.01)
        (call,) = desk.stage.services.registry.calls.values()
        assert shown.items() <= call.view().items()
        caller.hangs_up()

    desk = reception(tmp_path, script)
    for kind in ("call.incoming", "call.ended"):
        assert shown.items() <= desk.stage.last(kind).items()
        assert ("attestation_reason" in desk.stage.last(kind)) == (verdict.reason is not None)


def test_a_call_that_nobody_signed_does_not_wait(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        verifier = ScriptedVerifier(Verdict("A"), 5.0)
        verifying(desk, verifier)
        caller = await desk.waiting()
        assert verifier.asked == []
        caller.hangs_up()

    assert reception(tmp_path, script).stage.last("call.incoming")["attestation"] == "none"


def test_without_verification_a_signature_is_read_past(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting(headers=(SIGNED,))
        caller.hangs_up()

    assert reception(tmp_path, script).stage.last("call.incoming")["attestation"] == "none"


def test_a_rule_goes_by_the_verdict(tmp_path: Path) -> None:
    match = {"kind": "call", "attestation": ["C", "failed"]}
    rules = [Rule.model_validate({"name": "r", "match": match, "set": {"priority": -9}})]

    async def script(desk: Reception) -> None:
        desk.parts.router.apply_settings(desk.settings.model_copy(update={"rules": rules}))
        for verdict, priority in ((Verdict("failed", "signature"), -9), (Verdict("A"), 0)):
            verifying(desk, ScriptedVerifier(verdict))
            caller = await desk.waiting(headers=(SIGNED,))
            assert desk.stage.last("queue.joined")["priority"] == priority
            caller.hangs_up()
            await asyncio.sleep(0.1)

    reception(tmp_path, script)


def test_a_caller_who_hangs_up_meanwhile(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        verifying(desk, ScriptedVerifier(Verdict("A"), 1.0))
        caller = desk.call(signed())
        await asyncio.sleep(0.5)
        caller.cancels()
        await asyncio.sleep(1.0)
        assert desk.inbound.active == 0

    assert reception(tmp_path, script).stage.last("call.ended")["result"] == "hung_up"


def test_a_caller_of_a_client_who_hangs_up_meanwhile(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        verifying(desk, ScriptedVerifier(Verdict("A"), 1.0))
        caller = desk.call(signed())
        await asyncio.sleep(0.5)
        caller.cancels()
        await asyncio.sleep(1.0)
        assert not desk.stage.services.registry.calls

    desk = reception(tmp_path, script, routes=[Route(name="shop", handler="client")])
    refused = desk.stage.last("call.refused")
    assert (refused["sip_status"], refused["reason"]) == (487, "the caller has hung up")


def test_a_client_is_told_the_verdict(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        verifying(desk, ScriptedVerifier(Verdict("B")))
        caller = desk.call(signed())
        await asyncio.sleep(0.1)
        caller.cancels()
        await asyncio.sleep(0.1)

    desk = reception(tmp_path, script, routes=[Route(name="shop", handler="client")])
    assert desk.stage.last("call.incoming")["attestation"] == "B"


def test_a_drain_refuses_who_is_still_being_verified(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        verifying(desk, ScriptedVerifier(Verdict("A"), 1.0))
        caller = desk.call(signed())
        desk.inbound.draining = True
        await caller.rejected.wait()
        assert caller.statuses == [503]

    reception(tmp_path, script)


def test_a_stop_lets_nobody_wait(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        verifier = ScriptedVerifier(Verdict("A"), 60.0)
        verifying(desk, verifier)
        caller = desk.call(signed())
        await asyncio.sleep(0.1)
        await desk.inbound.stop()
        assert caller.statuses == [503] and verifier.is_closed
        await desk.inbound.stop()

    reception(tmp_path, script)


def test_a_defect_of_verification_costs_no_call() -> None:
    async def script() -> list[Verdict]:
        verifier, found = ScriptedVerifier(Verdict("A")), list[Verdict]()
        verifier.fails = True
        verification(verifier).verify(signed().request, lambda: Parties([], []), found.append)
        await asyncio.sleep(0.1)
        return found

    assert run(script()) == [Verdict("failed", "late")]


def test_calls_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_verification, "MOST_AT_ONCE", 2)

    async def script() -> None:
        mine, found = verification(ScriptedVerifier(Verdict("A"), 1.0)), list[Verdict]()
        for _ in range(3):
            mine.verify(signed().request, lambda: Parties([], []), found.append)
        assert found == [Verdict("failed", "busy")] and mine.pending == 2
        await asyncio.sleep(2.0)
        assert found[1:] == [Verdict("A")] * 2 and mine.pending == 0

    run(script())


def test_other_settings_close_what_was_before() -> None:
    async def script() -> None:
        first, found = ScriptedVerifier(Verdict("A")), list[Verdict]()
        mine = verification(first)
        mine.configure(Stir())
        mine.verify(signed().request, lambda: Parties([], []), found.append)
        assert found == [NOT_SIGNED]
        await asyncio.sleep(0.01)
        assert first.is_closed

    run(script())


def test_a_trust_store_that_is_gone_leaves_things_as_they_were(tmp_path: Path) -> None:
    async def script() -> list[Verdict]:
        found: list[Verdict] = []
        trust = tmp_path / "trust.pem"
        trust.write_bytes(pem_of(Carrier().root))
        settings = Stir(mode="verify", trust=str(trust))
        mine = CallerVerification(settings, clock=lambda: 0.0)
        trust.unlink()
        mine.configure(settings)
        mine.verify(signed().request, lambda: Parties([], []), found.append)
        await asyncio.sleep(0.1)
        await mine.stop()
        return found

    assert run(script()) == [Verdict("failed", "malformed")]


# -- who calls whom


def parties(request: Request, *, is_trusted: bool = True) -> Parties:
    plan = NumberPlan("GB")
    caller = shown_identity(request, plan, is_trusted=is_trusted)
    return parties_of(request, caller, plan, str, str)


def test_numbers_are_compared_as_they_are_written_in_full() -> None:
    found = parties(incoming("02079460000", "02079461111").request)
    assert CALLER in found.orig and "2079461111" not in found.orig
    assert {SHOP, "02079460000"} <= set(found.dest)


@pytest.mark.parametrize("is_trusted", [True, False])
def test_the_caller_is_the_one_that_is_shown(is_trusted: bool) -> None:
    said = (("P-Asserted-Identity", "<tel:+442079462222>"), ("Privacy", "id"))
    found = parties(incoming(headers=said).request, is_trusted=is_trusted)
    assert ("442079462222" in found.orig) == is_trusted
    assert (CALLER in found.orig) == (not is_trusted)


def test_who_is_called_is_in_to_or_in_the_request_uri() -> None:
    request = incoming("account").request
    request.set("To", f"<sip:+{SHOP}@pbx>")
    assert {SHOP, "sip:account@127.0.0.1"} <= set(parties(request).dest)
