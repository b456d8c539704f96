"""A call that comes in, from its INVITE to the last BYE, in virtual time."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.inbound import Inbound as Route
from config.policy import Rate
from config.queues import Overflow, Queue
from engine.calls.call_legs import LEGS_KEPT
from engine.errors import EngineError
from engine.job import OFFERS_KEPT
from engine.routing.admission import PolicySettings
from engine.routing.rules import Ruling
from media.sources import Hold, Peer, Prompt, Silence
from tests.support.phones.scripted import ScriptedCaller, ScriptedPhone
from tests.support.reception import Reception, reception
from tests.support.scene import ScriptedSpeech

CALLER = "+442079461111"
SHOP = Route(name="shop", queue="sales", whisper="For {context.site}", context={"site": "shop"})


async def talking(desk: Reception) -> tuple[ScriptedCaller, ScriptedPhone]:
    """A caller who has been joined with an agent."""
    caller = await desk.waiting()
    agent = await desk.answering_agent()
    await asyncio.sleep(3)
    return caller, agent


def test_from_the_first_ring_to_the_last_bye(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, agent = await talking(desk)
        assert caller.statuses == [180, 200]
        assert "alice" in agent.invitation.target
        assert CALLER in agent.invitation.from_uri
        assert agent.invitation.from_display == "A caller"
        assert desk.states() == {"alice": "talking"}
        await asyncio.sleep(60)
        agent.hangs_up()
        await asyncio.sleep(0)
        assert caller.is_hung_up

    desk = reception(tmp_path, script, routes=[SHOP], room={"welcome": "Welcome."})
    assert desk.stage.seen("call.") == [
        "call.incoming", "call.answered", "call.bridged", "call.ended",
    ]  # fmt: skip
    assert desk.stage.seen("queue.") == [
        "queue.joined", "queue.offered", "queue.answered",
    ]  # fmt: skip
    ended = desk.stage.last("call.ended")
    assert (ended["result"], ended["cause"]) == ("completed", "operator hung up")
    assert (ended["number"], ended["dialled"]) == (CALLER, "+442079460000")
    assert (ended["queue"], ended["agent"]) == ("sales", "alice")
    assert ended["talk_s"] == pytest.approx(60, abs=2)
    assert ended["started"] <= ended["taken_at"] <= ended["answered_at"] <= ended["bridged_at"]
    assert [leg["role"] for leg in ended["legs"]] == ["customer", "agent"]
    caller, agent = desk.heard(0), desk.heard(1)
    assert caller[:3] == [Silence(), Prompt("Welcome."), Hold()]
    assert isinstance(caller[-1], Peer) and isinstance(agent[-1], Peer)
    assert agent[0] == Prompt("For shop")


def test_the_agents_screen_shows_the_caller_before_the_phone_rings(tmp_path: Path) -> None:
    class History:
        def of(self, number: str | None, /) -> list[dict[str, Any]]:
            return [{"id": "cb-1", "number": number}]

    async def script(desk: Reception) -> None:
        caller, _agent = await talking(desk)
        caller.hangs_up()

    rule = {"name": "gold", "match": {"kind": "call"}, "set": {"script": "gold.html"}}
    desk = reception(tmp_path, script, routes=[SHOP], rules=[rule], history=History(),
                     headers={"X-Site": "{context.site}"})  # fmt: skip
    offered = desk.stage.last("agent.offered")
    assert offered["context"] == {
        "site": "shop", "caller": CALLER, "caller_name": "A caller", "dialled": "+442079460000",
    }  # fmt: skip
    assert offered["history"] == [{"id": "cb-1", "number": CALLER}]
    assert offered["script"] == "gold.html"
    seen = desk.stage.seen()
    assert seen.index("agent.offered") < seen.index("leg.dialing")


def test_headers_reach_the_agents_phone(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, agent = await talking(desk)
        assert ("X-Site", "shop") in agent.invitation.headers
        caller.hangs_up()
        await asyncio.sleep(0)
        assert agent.is_hung_up

    desk = reception(tmp_path, script, routes=[SHOP], headers={"X-Site": "{context.site}"})
    assert desk.stage.last("call.ended")["cause"] == "caller hung up"


def test_a_caller_who_hangs_up_while_waiting_has_abandoned(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.agents.pause("alice")
        caller = await desk.waiting()
        await asyncio.sleep(30)
        caller.hangs_up()

    desk = reception(tmp_path, script)
    assert desk.stage.seen("queue.") == ["queue.joined", "queue.abandoned"]
    assert desk.stage.last("call.ended")["result"] == "abandoned"
    assert desk.states() == {"alice": "paused"}


def test_a_caller_who_hangs_up_while_an_agent_rings_frees_the_agent(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.stage.phone()
        agent.rings()
        await asyncio.sleep(1)
        caller.hangs_up()
        await asyncio.sleep(0.01)
        assert agent.is_hung_up
        assert desk.states() == {"alice": "available"}

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["result"] == "abandoned"


@pytest.mark.parametrize("caller_first", [True, False])
def test_hanging_up_as_the_agent_answers_has_one_winner(tmp_path: Path, caller_first: bool) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.stage.phone()
        agent.rings()
        await asyncio.sleep(1)
        for act in (caller.hangs_up, agent.answers)[:: 1 if caller_first else -1]:
            act()
        await asyncio.sleep(0.01)
        assert agent.is_hung_up

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["result"] == "abandoned"
    ended = [kind for kind in desk.stage.seen("queue.") if kind != "queue.offered"]
    assert ended == ["queue.joined", "queue.abandoned"]


def test_an_agent_who_does_not_answer_costs_no_position(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.stage.phone()
        agent.refuses(486, "Busy Here")
        agent = await desk.answering_agent()
        await asyncio.sleep(1)
        assert desk.stage.services.registry.calls
        caller.hangs_up()

    desk = reception(tmp_path, script)
    assert desk.stage.seen("queue.") == [
        "queue.joined", "queue.offered", "queue.unanswered", "queue.offered", "queue.answered",
    ]  # fmt: skip
    assert [offer["result"] for offer in desk.stage.last("call.ended")["offers"]] == [
        "busy", "answered",
    ]  # fmt: skip


def test_agents_who_do_not_answer_leave_nothing_behind_while_the_caller_waits(
    tmp_path: Path,
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        for _ in range(LEGS_KEPT + 10):
            (await desk.stage.phone()).refuses(486)
            await asyncio.sleep(0.01)
            assert len(desk.stage.media.open_legs) == 1
            if desk.states()["alice"] == "paused":
                desk.agents.ready("alice")
        (await desk.answering_agent(ring_s=0)).hangs_up()
        await asyncio.sleep(0.01)
        assert len(desk.stage.media.open_legs) == 1  # she is rung again after `again_s` only
        assert len(desk.stage.services.registry.legs) <= LEGS_KEPT + 1
        await desk.answering_agent(ring_s=0)
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = reception(tmp_path, script, queues=[Queue(name="sales", again_s=1.0)], routes=[SHOP])
    ended = desk.stage.last("call.ended")
    assert ended["result"] == "completed"
    assert len(ended["legs"]) <= LEGS_KEPT + 1 and len(ended["offers"]) <= OFFERS_KEPT
    assert ended["legs"][0]["role"] == "customer"


@pytest.mark.parametrize(("again_s", "gap_s"), [(5.0, 5.0), (0.0, 1.0)])
def test_who_hangs_up_in_the_whisper_has_missed_the_offer(
    tmp_path: Path, again_s: float, gap_s: float
) -> None:
    async def script(desk: Reception) -> None:
        loop = asyncio.get_running_loop()
        caller = await desk.waiting()
        left_at = -gap_s
        for missed in (1, 2, 3):
            phone = await desk.answering_agent(ring_s=0)
            assert loop.time() - left_at >= gap_s
            phone.hangs_up()
            left_at = loop.time()
            await asyncio.sleep(0.01)
            alice = desk.agents.known("alice")
            assert alice.missed_in_a_row == missed
            assert alice.state == ("paused" if missed == 3 else "available")
        await asyncio.sleep(20)
        assert desk.states()["alice"] == "paused" and not caller.is_hung_up
        caller.hangs_up()

    sales = Queue(name="sales", again_s=again_s)
    desk = reception(tmp_path, script, queues=[sales], routes=[SHOP])
    assert desk.stage.seen("queue.").count("queue.offered") == 3


def test_an_agent_who_hangs_up_before_the_bridge_is_replaced(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        first = await desk.answering_agent()
        first.hangs_up()  # in the middle of the whisper
        await asyncio.sleep(0.01)
        assert not caller.is_hung_up
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = reception(tmp_path, script, routes=[SHOP], agents=("alice", "bert"))
    assert desk.stage.last("call.ended")["result"] == "completed"
    assert desk.stage.seen("queue.").count("queue.joined") == 2
    joined = desk.stage.last("queue.joined")
    assert joined["place"] == 1


def test_a_whisper_that_cannot_be_spoken_is_published_and_the_call_goes_on(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, _agent = await talking(desk)
        caller.hangs_up()

    speech = ScriptedSpeech()
    speech.fails = True
    desk = reception(tmp_path, script, routes=[SHOP], speech=speech)
    assert desk.stage.last("call.ended")["result"] == "completed"
    assert desk.stage.last("leg.not_played")["error"] == "no voice"


def test_a_caller_who_lost_the_agent_is_admitted_by_a_full_queue(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.stage.phone()
        agent.rings()
        agent.answers()
        await asyncio.sleep(0.01)
        for name in ("alice", "bert"):
            desk.agents.pause(name)
        other = await desk.waiting(caller="+442079462222")
        agent.hangs_up()
        await asyncio.sleep(5)
        assert not caller.is_hung_up
        assert desk.stage.last("queue.joined")["place"] == 1
        caller.hangs_up()
        other.hangs_up()

    queue = Queue(name="sales", max_length=1)
    reception(tmp_path, script, routes=[SHOP], queues=[queue], agents=("alice", "bert"))


def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.agents.pause("alice")
        caller = await desk.waiting()
        await asyncio.sleep(61)
        assert not caller.is_hung_up  # the caller hears the sentence
        await asyncio.sleep(3)
        assert caller.is_hung_up

    route = Route(name="shop", queue="sales", max_wait_s=60.0)
    desk = reception(tmp_path, script, routes=[route], room={"texts": {"timeout": "Sorry."}})
    assert desk.stage.last("call.ended")["result"] == "timeout"
    assert desk.stage.last("queue.left")["reason"] == "timeout"
    assert desk.heard()[-1] == Prompt("Sorry.")


def test_the_queue_may_send_the_customer_to_an_outside_number(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.agents.pause("alice")
        caller = await desk.waiting()
        outside = await desk.answering_agent()
        assert "+442079460999" in outside.invitation.target
        assert desk.heard()[:-1] == [Hold()], "music, until the two are joined"
        await asyncio.sleep(1)
        outside.hangs_up()
        await asyncio.sleep(0)
        assert caller.is_hung_up

    queue = Queue(name="sales", overflow=[Overflow(after_s=30.0, number="+442079460999")])
    desk = reception(tmp_path, script, queues=[queue])
    assert desk.stage.last("call.ended")["result"] == "completed"
    assert desk.stage.last("queue.overflowed")["target"] == "+442079460999"


def test_events_of_a_caller_who_overflowed_name_the_queue_where_they_are(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        (await desk.answering_agent()).hangs_up()
        await asyncio.sleep(0)
        assert caller.is_hung_up

    overflow = [Overflow(after_s=10.0, queue="service")]
    sales = Queue(name="sales", skills={"greek": 1}, overflow=overflow)
    service = Queue(name="service", agents=["alice"])
    desk = reception(tmp_path, script, queues=[sales, service])
    assert desk.stage.last("queue.answered")["queue"] == "service"
    assert desk.stage.last("call.bridged")["queue"] == "service"
    assert desk.stage.last("call.ended")["queue"] == "service"


def test_a_caller_not_answered_outside_regains_the_position(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.agents.pause("alice")
        caller = await desk.waiting()
        (await desk.stage.phone()).refuses(486, "Busy Here")
        await asyncio.sleep(3)
        assert not caller.is_hung_up
        assert desk.heard() == [Hold()], "the music goes on"
        second = await desk.waiting(caller="+442079462222")
        desk.agents.ready("alice")
        agent = await desk.answering_agent()
        assert "alice" in agent.invitation.target
        agent.hangs_up()
        await asyncio.sleep(0)
        assert caller.is_hung_up and not second.is_hung_up
        second.hangs_up()

    queue = Queue(name="sales", overflow=[Overflow(after_s=30.0, number="+442079460999")])
    desk = reception(tmp_path, script, queues=[queue])
    assert desk.stage.seen("queue.")[:4] == [
        "queue.joined", "queue.overflowed", "queue.joined", "queue.joined",
    ]  # fmt: skip


@pytest.mark.parametrize("ended_by", ["key", "limit"])
def test_the_key_and_the_limit_hold_while_an_outside_number_rings(
    tmp_path: Path, ended_by: str
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        outside = await desk.stage.phone()
        outside.rings()
        await asyncio.sleep(1)
        assert not outside.is_hung_up
        if ended_by == "key":
            presses(desk, "1")
        await asyncio.sleep(5)
        assert outside.is_hung_up and caller.is_hung_up

    overflow = [Overflow(after_s=5.0, number="+447700900123")]
    desk = reception(
        tmp_path, script, room=KEY, queues=[Queue(name="sales", overflow=overflow)],
        routes=[Route(name="shop", queue="sales", max_wait_s=8.0)],
    )  # fmt: skip
    result = desk.stage.last("call.ended")["result"]
    assert result == ("callback" if ended_by == "key" else "timeout")


@pytest.mark.parametrize("text", ["We are full.", ""])
def test_a_full_queue(tmp_path: Path, text: str) -> None:
    async def script(desk: Reception) -> None:
        desk.agents.pause("alice")
        first = await desk.waiting()
        second = desk.call(caller="+442079462222")
        await asyncio.sleep(0.1)
        if text:
            second.acknowledges()
            await asyncio.sleep(3)
            assert second.statuses == [180, 200]
            assert second.is_hung_up
            assert desk.heard(1) == [Prompt(text)]
        else:
            assert second.statuses == [486]
        assert desk.stage.last("call.ended")["result"] == "full"
        first.hangs_up()

    queue = Queue(name="sales", max_length=1)
    reception(tmp_path, script, queues=[queue], room={"texts": {"full": text}})


def test_rules_may_say_whose_call_it_is(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.answering_agent()
        assert "bert" in agent.invitation.target
        assert "+442079469999" in agent.invitation.from_uri
        await asyncio.sleep(3)
        caller.hangs_up()

    rule = {
        "name": "theirs", "match": {"prefix": [CALLER]},
        "set": {"agent": "bert", "caller_id": "+442079469999", "whisper": "{to}", "record": True},
    }  # fmt: skip
    desk = reception(tmp_path, script, agents=("alice", "bert"), rules=[rule])
    ended = desk.stage.last("call.ended")
    assert (ended["agent"], ended["queue"]) == ("bert", "sales")
    assert ended["recording"].endswith(".wav")
    assert desk.heard(1)[0] == Prompt(CALLER)
    assert desk.stage.media.recorded and desk.stage.media.stopped


FOR_BERT = {"name": "theirs", "set": {"agent": "bert", "ring_s": 6.0}}
KEPT = Route(name="shop", queue="sales", agent_s=20.0)


@pytest.mark.parametrize(
    ("bert", "begins_s", "ends_s"),
    [("logged out", 0, 0.1), ("paused", 20, 20.1), ("rings on", 20, 20.1)],
)
def test_other_agents_answer_for_a_named_agent_who_is_away(
    tmp_path: Path, bert: str, begins_s: float, ends_s: float
) -> None:
    async def script(desk: Reception) -> None:
        loop = asyncio.get_running_loop()
        if bert == "logged out":
            desk.agents.logout("bert")
        elif bert == "paused":
            desk.agents.pause("bert")
        called_at = loop.time()
        caller = await desk.waiting()
        phone = await desk.stage.phone()
        for _ in range(2 if bert == "rings on" else 0):  # again after again_s
            assert "bert" in phone.invitation.target
            phone.rings()
            phone = await desk.stage.phone()
        assert "alice" in phone.invitation.target
        assert begins_s <= loop.time() - called_at < ends_s
        phone.answers()
        await asyncio.sleep(1)
        caller.hangs_up()

    reception(tmp_path, script, agents=("alice", "bert"), rules=[FOR_BERT], routes=[KEPT])


@pytest.mark.parametrize("answers", [True, False])
def test_a_number_that_a_rule_names_is_rung_and_the_queue_stands_in_for_it(
    tmp_path: Path, answers: bool
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        mobile = await desk.stage.phone()
        assert "+447700900123" in mobile.invitation.target
        mobile.rings()
        if answers:
            mobile.answers()
        else:
            await asyncio.sleep(6.1)
            assert mobile.is_hung_up
            assert not caller.is_hung_up
            assert "alice" in (await desk.answering_agent()).invitation.target
        await asyncio.sleep(1)
        caller.hangs_up()

    rule = {"name": "theirs", "set": {"agent": "+447700900123", "ring_s": 6.0}}
    desk = reception(tmp_path, script, rules=[rule], routes=[KEPT])
    ended = desk.stage.last("call.ended")
    assert ended["result"] == "completed"
    assert ended["agent"] == ("+447700900123" if answers else "alice")
    assert ("queue.joined" in desk.stage.seen()) is not answers


# -- before the answer --------------------------------------------------------------------------


def test_a_call_that_is_cancelled_before_the_answer(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        early, late = desk.call(), desk.call(caller="+442079462222")
        early.cancels()  # before anything was done for it
        await late.accepted.wait()
        late.cancels()  # it crosses our 200: there is no ACK
        await asyncio.sleep(0.01)
        assert early.statuses == []

    desk = reception(tmp_path, script)
    assert desk.stage.seen("call.ended") == ["call.ended", "call.ended"]
    assert desk.stage.last("call.ended")["result"] == "hung_up"
    assert desk.stage.seen("queue.") == []


def test_no_port_is_left(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.stage.media.port_left = False
        caller = desk.call()
        await asyncio.sleep(0.1)
        assert caller.statuses == [503]

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["result"] == "unavailable"


def test_no_port_is_left_for_the_agent(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        desk.stage.media.port_left = False
        desk.agents.ready("alice")
        await asyncio.sleep(1)
        assert desk.states() == {"alice": "available"}
        desk.stage.media.port_left = True
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["result"] == "completed"


# -- the key, and coming back -------------------------------------------------------------------

KEY = {"callback_digit": "1", "texts": {"callback_taken": "Bye.", "callback_refused": "No."}}


def presses(desk: Reception, digit: str, nth: int = 0) -> None:
    """The nth leg that is up presses a key."""
    from media.messages import Dtmf

    leg = list(desk.stage.services.registry.legs.values())[nth]
    leg.on_media(Dtmf(leg.id, digit, 100))


def test_a_key_has_the_caller_called_back_in_their_position(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        await asyncio.sleep(20)
        presses(desk, "2")
        await asyncio.sleep(1)
        assert not desk.intake.accepted
        presses(desk, "1")
        await asyncio.sleep(1)
        assert not caller.is_hung_up  # the caller hears the sentence
        assert not desk.intake.rescheduled
        await asyncio.sleep(3)
        assert caller.is_hung_up
        assert desk.intake.rescheduled

    desk = reception(tmp_path, script, room=KEY, routes=[SHOP])
    ((request, joined_at),) = desk.intake.accepted
    assert (request.to, request.queue) == (CALLER, "sales")
    assert request.context is not None and request.context["site"] == "shop"
    assert request.not_before is not None
    answered = desk.stage.last("call.answered")
    assert joined_at == answered["joined_at"]
    assert desk.stage.last("queue.left")["reason"] == "callback"
    ended = desk.stage.last("call.ended")
    assert ended["result"] == "callback" and ended["callback"] == request.id
    pressed = desk.stage.last("call.callback")
    assert pressed["call"] == ended["call"] and pressed["callback"] == request.id
    assert desk.heard()[-1] == Prompt("Bye.")


def test_a_caller_who_hangs_up_while_the_callback_is_accepted_is_called_back(
    tmp_path: Path,
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        desk.intake.takes_s = 1.0
        presses(desk, "1")
        await asyncio.sleep(0.5)
        caller.hangs_up()

    desk = reception(tmp_path, script, room=KEY)
    assert len(desk.intake.accepted) == len(desk.intake.rescheduled) == 1
    assert desk.stage.last("call.ended")["result"] == "callback"
    assert desk.stage.last("call.callback")["callback"] == desk.intake.accepted[0][0].id


def test_a_caller_who_withholds_the_number_waits_on(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting(caller="anonymous")
        agent = await desk.stage.phone()
        agent.rings()
        await asyncio.sleep(0.1)
        presses(desk, "1")
        await asyncio.sleep(1)
        assert not agent.is_hung_up, "nobody stops ringing for it"
        agent.answers()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = reception(tmp_path, script, room=KEY)
    assert Prompt("No.") in desk.heard()
    assert desk.stage.last("call.ended")["result"] == "completed"
    assert desk.stage.last("call.ended")["from"] == "anonymous"
    assert "number" not in desk.stage.last("call.ended")


def test_a_refused_callback_leaves_the_caller_waiting(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        desk.intake.refusal = EngineError("refused", "too many today")
        presses(desk, "1")
        await asyncio.sleep(5)
        assert desk.heard()[-2:] == [Prompt("No."), Hold()]
        desk.agents.ready("alice")
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = reception(tmp_path, script, room=KEY)
    assert desk.stage.last("call.callback_refused")["reason"] == "too many today"
    assert desk.stage.last("call.ended")["result"] == "completed"


@pytest.mark.parametrize("key_first", [True, False])
def test_the_key_pressed_as_the_agent_answers_has_one_winner(
    tmp_path: Path, key_first: bool
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.stage.phone()
        agent.rings()
        await asyncio.sleep(1)
        if key_first:
            presses(desk, "1")
            agent.answers()
        else:
            agent.answers()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            presses(desk, "1")
        await asyncio.sleep(5)
        if key_first:
            assert caller.is_hung_up and agent.is_hung_up
            assert len(desk.intake.accepted) == 1
        else:
            assert not caller.is_hung_up and not agent.is_hung_up
            assert not desk.intake.accepted
            caller.hangs_up()

    desk = reception(tmp_path, script, room=KEY)
    expected = "callback" if key_first else "completed"
    assert desk.stage.last("call.ended")["result"] == expected


def test_a_caller_who_calls_again_in_time_is_in_the_old_position(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        first = await desk.waiting_alone()
        joined_at = desk.stage.last("call.answered")["joined_at"]
        await asyncio.sleep(10)
        other = await desk.waiting(caller="+442079462222")
        first.hangs_up()
        await asyncio.sleep(20)
        again = await desk.waiting()
        answered = desk.stage.last("call.answered")
        assert answered["joined_at"] == joined_at and answered["regained"] is True
        assert desk.stage.last("queue.joined")["place"] == 1
        for caller in (again, other):
            caller.hangs_up()

    reception(tmp_path, script, room={"regain_s": 60.0})


# -- commands, and the end of the engine --------------------------------------------------------


def test_a_full_queue_admits_a_caller_with_a_position_in_it(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        first = await desk.waiting_alone()
        first.hangs_up()
        await asyncio.sleep(1)
        second = await desk.waiting(caller="+442079462222")
        again = await desk.waiting()
        assert again.statuses == [180, 200] and not again.is_hung_up
        third = desk.call(caller="+442079463333")
        await third.rejected.wait()
        assert third.statuses == [486]
        again.hangs_up()
        second.hangs_up()

    queue = Queue(name="sales", max_length=1)
    room = {"regain_s": 30.0, "texts": {"full": ""}}
    reception(tmp_path, script, queues=[queue], room=room)


def test_a_command_may_hang_up(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, agent = await talking(desk)
        (call,) = desk.stage.services.registry.calls.values()
        assert call.view()["direction"] == "inbound" and call.view()["from"] == CALLER
        assert call.owner is not None
        call.owner.hang_up()
        await asyncio.sleep(0.01)
        assert caller.is_hung_up and agent.is_hung_up

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["cause"] == "hung up by command"


def test_a_command_may_hang_up_before_the_call_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(desk: Reception) -> None:
        router, looked_up = desk.parts.router, asyncio.Event()
        ask_rules = router.call

        async def slowly(*facts: Any, **more: Any) -> Ruling:
            await looked_up.wait()
            return await ask_rules(*facts, **more)

        monkeypatch.setattr(router, "call", slowly)
        caller = desk.call()
        await asyncio.sleep(0.1)
        (call,) = desk.stage.services.registry.calls.values()
        assert call.owner is not None
        call.owner.hang_up()
        looked_up.set()
        await asyncio.sleep(0.1)
        assert caller.statuses == [480]

    desk = reception(tmp_path, script)
    ended = desk.stage.last("call.ended")
    assert (ended["result"], ended["cause"]) == ("cancelled", "hung up by command")


def test_rules_that_take_too_long_leave_the_caller_to_the_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_facts: Any, **_more: Any) -> Ruling:
        await asyncio.Event().wait()
        raise AssertionError

    async def script(desk: Reception) -> None:
        monkeypatch.setattr(desk.parts.router, "call", never)
        caller = await desk.waiting()
        caller.hangs_up()

    desk = reception(tmp_path, script, routes=[SHOP], agents=())
    assert desk.stage.last("queue.joined")["queue"] == "sales"


def test_the_engine_stops_with_callers_waiting_and_talking(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        talks, agent = await talking(desk)
        waits = await desk.waiting(caller="+442079462222")
        rings = desk.call(caller="+442079463333")
        await desk.inbound.stop()
        assert talks.is_hung_up and waits.is_hung_up and agent.is_hung_up
        assert rings.statuses == [503]

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["result"] == "cancelled"
    assert desk.stage.last("call.ended")["cause"] == "engine stopped"


def test_the_engine_stops_in_the_instant_a_caller_loses_the_agent(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.answering_agent()
        agent.hangs_up()  # in the middle of the whisper
        async with asyncio.timeout(0.1):
            await desk.inbound.stop()
        assert caller.is_hung_up

    desk = reception(tmp_path, script, routes=[SHOP])
    assert desk.stage.last("call.ended")["cause"] == "engine stopped"


def test_whom_a_callers_phone_puts_in_its_place_costs(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        rate = Rate(prefix="+44", per_minute=Decimal(6))
        desk.stage.admission.apply(PolicySettings(rates=[rate]))
        caller = await desk.waiting()
        agent = await desk.answering_agent()
        caller.refers("tel:+442079460123")
        third = await desk.stage.phone()
        third.answers()
        await asyncio.sleep(10.0)
        assert caller.is_hung_up
        agent.hangs_up()

    (leg,) = reception(tmp_path, script).stage.last("call.ended")["cost"]["legs"]
    assert (leg["role"], leg["rate"]) == ("customer", "+44")
    assert Decimal(leg["amount"]) == pytest.approx(Decimal(1), abs=Decimal("0.2"))
