"""Callers who go through scripts: whom they are connected with, and what becomes of the call."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from config.calendars import Calendar
from config.inbound import Inbound as Route
from config.queues import Queue
from config.scripts import Script
from engine.calls.agent_wait import HELD_S
from engine.calls.announcing.plays import Plays
from engine.calls.hangup_cause import BY_COMMAND
from engine.calls.keys.gathers import Gathers
from engine.calls.recognition.speech import HeardSpeech, WantedSpeech
from engine.calls.scripting.voicemail import Voicemail
from engine.errors import BadParams, EngineError
from engine.routing.hours.opening_hours import opening_hours
from engine.scripts.actions import EndWord, Record
from engine.scripts.record import ScriptRecord
from media.messages import Dtmf
from media.sources import Prompt, Silence, Tone
from tests.support.reception import Reception, reception
from tests.support.scripted_streams import URL, host_of, scripted_streams
from tests.support.scripts import script, step

CALLER = "+442079461111"
SHOP = Route(name="shop", queue="sales", script="test", context={"pin": "4711"})
CONNECT = step("go", "connect")


async def press(desk: Reception, *keys: str) -> None:
    """The caller presses keys, one after the other."""
    (call,) = desk.stage.services.registry.calls.values()
    for key in keys:
        await asyncio.sleep(0.5)
        call.legs[0].on_media(Dtmf(call.legs[0].id, key, 100))
    await asyncio.sleep(0.5)


def run(
    tmp_path: Path,
    conduct: Any,
    *steps: Any,
    route: Route = SHOP,
    others: tuple[Script, ...] = (),
    **more: Any,
) -> Reception:
    async def with_prompts(desk: Reception) -> None:
        desk.stage.media.ends_announcements = True
        await conduct(desk)

    limits = {name: more.pop(name) for name in ("max_s", "max_steps") if name in more}
    scripts = (script(*steps, **limits), *others)
    return reception(tmp_path, with_prompts, routes=[route], scripts=scripts, **more)


def ended(desk: Reception) -> tuple[str, str]:
    found = desk.stage.last("call.ended")
    return found["result"], found["cause"]


def last_script(desk: Reception) -> tuple[EndWord, list[str]]:
    (one,) = desk.stage.last("call.ended")["scripts"]
    return one["result"], one["path"]


MENU = step("menu", "menu", keys={"1": "go", "2": "bye"}, timeout_s=5.0, tries=2)
BYE = step("bye", "hangup", text="Goodbye.", cause="as they wished")


def test_caller_chooses_the_queue_and_talks_with_an_agent(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await press(desk, "5", "1")
        await desk.answering_agent()
        await asyncio.sleep(5)
        caller.hangs_up()

    desk = run(tmp_path, conduct, MENU, CONNECT, BYE)
    assert ended(desk) == ("completed", "caller hung up")
    assert last_script(desk) == ("connect", ["menu", "go"])
    assert desk.heard()[0] == Silence()
    told = [desk.stage.last("script.step"), desk.stage.last("script.finished")]
    assert (told[0]["step"], told[0]["step_kind"], told[0]["nth"]) == ("go", "connect", 2)
    assert (told[1]["use"], told[1]["steps"], told[1]["script"]) == ("inbound", 2, "test")
    asked = [source for _leg, source, _mix, _rounds in desk.stage.media.announced]
    assert asked == [Prompt("menu?"), Prompt("menu?")]


def test_caller_is_hung_up_after_the_last_words(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await press(desk, "2")
        await asyncio.sleep(5)
        assert caller.is_hung_up

    desk = run(tmp_path, conduct, MENU, CONNECT, BYE)
    assert ended(desk) == ("script", "as they wished")
    assert Prompt("Goodbye.") in desk.heard()


def test_caller_who_presses_nothing_is_hung_up(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await asyncio.sleep(13)
        assert caller.is_hung_up

    desk = run(tmp_path, conduct, MENU, CONNECT, BYE)
    assert ended(desk) == ("script", "step menu: no key was pressed")


def test_caller_hangs_up_in_a_menu(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await asyncio.sleep(1)
        caller.hangs_up()

    desk = run(tmp_path, conduct, MENU, CONNECT, BYE)
    assert ended(desk) == ("abandoned", "caller hung up, while script")
    assert last_script(desk) == ("hung_up", ["menu"])


def test_script_that_loops_ends_with_its_cause(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await asyncio.sleep(30)
        assert caller.is_hung_up

    circle = (step("a", "say", next="b"), step("b", "say", next="a"))
    desk = run(tmp_path, conduct, *circle, max_steps=9, route=Route(name="x", script="test"))
    assert ended(desk) == ("failed", "script test took over 9 steps")
    assert desk.stage.seen("script.step") == ["script.step"] * 9
    desk = run(tmp_path, conduct, *circle, max_s=5.0, route=Route(name="x", script="test"))
    assert ended(desk) == ("failed", "script test took over 5 s")


def test_script_without_a_queue_connects_nobody(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(1)

    async def with_removed(desk: Reception) -> None:
        desk.stage.services.scripts.configure([], [])
        await conduct(desk)

    hours = step("hours", "branch", on="x", cases={"1": "go"}, next="bye")
    desk = run(tmp_path, with_removed, hours, BYE, CONNECT)
    assert ended(desk) == ("unavailable", "there is no script named 'test'")


def test_transfer_to_a_queue_that_is_closed_goes_on(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    night = Calendar(name="night", zone="UTC", hours=["mon 00:00-01:00"])
    queues = [Queue(name="closed", calendar="night"), Queue(name="sales")]
    steps = (
        step("closed", "transfer", queue="closed", failed="open"),
        step("open", "transfer", queue="sales"),
    )

    async def with_hours(desk: Reception) -> None:
        desk.queues.configure(queues, [], opening_hours([night]), ring_s=20.0)
        await conduct(desk)

    desk = run(tmp_path, with_hours, *steps, route=Route(name="x", script="test"))
    assert ended(desk) == ("completed", "caller hung up")
    assert desk.stage.last("call.ended")["queue"] == "sales"
    assert last_script(desk) == ("transfer", ["closed", "open"])


AGENT = (step("alice", "transfer", agent="alice", max_wait_s=20.0, failed="bye"), BYE)


def test_transfer_to_an_agent(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        agent = await desk.answering_agent()
        await asyncio.sleep(3)
        assert desk.states() == {"alice": "talking"}
        agent.hangs_up()

    desk = run(tmp_path, conduct, *AGENT)
    assert ended(desk) == ("completed", "operator hung up")
    assert desk.stage.last("call.ended")["agent"] == "alice"


def test_agent_who_does_not_answer_or_take_calls(tmp_path: Path) -> None:
    async def refused(desk: Reception) -> None:
        await desk.waiting()
        (await desk.stage.phone()).refuses(486, "Busy Here")
        await asyncio.sleep(5)

    desk = run(tmp_path, refused, *AGENT)
    assert ended(desk) == ("script", "as they wished")

    async def away(desk: Reception) -> None:
        await desk.waiting_alone()
        await asyncio.sleep(30)

    desk = run(tmp_path, away, *AGENT)
    assert last_script(desk) == ("hangup", ["alice", "bye"])


def test_agent_who_hangs_up_in_the_whisper_brings_the_script_back(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        agent = await desk.stage.phone()
        agent.answers()
        await asyncio.sleep(0.1)
        agent.hangs_up()
        await desk.answering_agent()
        await asyncio.sleep(3)
        (call,) = desk.stage.services.registry.calls.values()
        assert call.owner is not None
        call.owner.hang_up()

    route = SHOP.model_copy(update={"whisper": "A caller of the shop."})
    desk = run(tmp_path, conduct, *AGENT, route=route)
    assert ended(desk) == ("completed", "hung up by command")
    assert [one["result"] for one in desk.stage.last("call.ended")["scripts"]] == ["transfer"] * 2


def test_talk_to_which_a_script_has_led_ends_after_the_longest_time(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.answering_agent()
        await asyncio.sleep(70)
        assert caller.is_hung_up and agent.is_hung_up

    desk = run(tmp_path, conduct, *AGENT, max_duration_s=60.0)
    assert ended(desk) == ("completed", "maximum duration reached")


OUTSIDE = (step("out", "transfer", number="+442079460777", failed="bye"), BYE)


def test_transfer_to_a_number_outside(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        phone = await desk.stage.phone()
        assert "+442079460777" in phone.invitation.target
        phone.answers()
        await asyncio.sleep(5)
        caller.hangs_up()

    desk = run(tmp_path, conduct, *OUTSIDE)
    assert ended(desk) == ("completed", "caller hung up")
    assert desk.stage.last("call.ended")["answered_at"] is not None


def test_number_outside_that_is_busy_or_refused_goes_on(tmp_path: Path) -> None:
    async def busy(desk: Reception) -> None:
        await desk.waiting()
        (await desk.stage.phone()).refuses(486, "Busy Here")
        await asyncio.sleep(5)

    desk = run(tmp_path, busy, *OUTSIDE)
    assert ended(desk) == ("script", "as they wished")

    async def refused(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(5)

    out = step("out", "transfer", number="112", failed="bye")
    desk = run(tmp_path, refused, out, BYE)
    assert ended(desk) == ("script", "as they wished")
    assert desk.stage.sip.phones.empty()


@pytest.mark.parametrize("digits", ["4711", "4712"])
def test_secret_digits_are_in_no_event(tmp_path: Path, digits: str) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await press(desk, *digits, "#")
        await asyncio.sleep(5)

    steps = (
        step("ask", "gather", into="entered", secret=True, next="check"),
        step("check", "check", value="entered", against="pin", again="ask", tries=1,
             next="right", failed="bye"),
        step("right", "set", values={"identity": "verified"}, next="bye"),
        BYE,
    )  # fmt: skip
    desk = run(tmp_path, conduct, *steps)
    is_right = digits == "4711"
    assert ("right" in last_script(desk)[1]) is is_right
    context = desk.stage.last("call.ended")["context"]
    assert context.get("identity") == ("verified" if is_right else None)
    lines = b"".join(one.line for one in desk.stage.services.events.after(0))
    # As a word: random ids may have these digits in them.
    assert not re.search(rb"\b4712\b", lines)
    assert b"entered" not in lines


CALLBACK = (step("later", "callback", done_text="Thank you.", failed="bye"), BYE)


def test_caller_is_called_back_once_they_have_hung_up(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await asyncio.sleep(5)
        assert caller.is_hung_up

    desk = run(tmp_path, conduct, *CALLBACK)
    assert ended(desk) == ("callback", "the caller asked to be called back")
    ((asked, _joined_at),) = desk.intake.accepted
    assert (asked.to, asked.queue) == (CALLER, "sales")
    assert asked.not_before is not None and asked.not_before >= HELD_S
    assert desk.intake.rescheduled == [desk.stage.last("call.ended")["callback"]]


def test_caller_who_cannot_be_called_back_goes_on(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting(caller="anonymous")
        await asyncio.sleep(5)

    desk = run(tmp_path, conduct, *CALLBACK)
    assert last_script(desk) == ("hangup", ["later", "bye"])
    assert desk.intake.accepted == []


PHONE = (
    step("phone", "gather", into="phone", next="call"),
    step("call", "callback", number="phone", queue="sales", failed="bye"),
    BYE,
)


@pytest.mark.parametrize(
    ("digits", "to"),
    [("02079462222", "+442079462222"), ("00442079462222", "+442079462222"), ("112", None),
     ("09098790000", None), ("4711", None)],
)  # fmt: skip
def test_number_that_is_keyed_in_is_called_only_where_policy_permits(
    tmp_path: Path, digits: str, to: str | None
) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await press(desk, *digits, "#")
        await asyncio.sleep(5)

    desk = run(tmp_path, conduct, *PHONE)
    if to is None:
        assert desk.intake.accepted == []
        assert last_script(desk) == ("hangup", ["phone", "call", "bye"])
    else:
        ((asked, _joined_at),) = desk.intake.accepted
        assert (asked.to, asked.source, asked.queue) == (to, CALLER, "sales")
        assert desk.stage.last("call.ended")["callback"] == "cb-1"
        assert ended(desk)[0] == "callback"


def test_caller_without_a_number_keys_in_no_other(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting(caller="anonymous")
        await press(desk, *"02079462222#")
        await asyncio.sleep(5)

    desk = run(tmp_path, conduct, *PHONE)
    assert desk.intake.accepted == []


def test_caller_chooses_a_time_at_which_the_queue_is_open(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await press(desk, "2")
        await asyncio.sleep(5)

    when = step("when", "callback", slots=2, text="When?", failed="bye",
                slot_text="{day} {from}-{until} {key}")  # fmt: skip

    async def with_full_slot(desk: Reception) -> None:
        desk.intake.bookings.full = (3600.0,)
        await conduct(desk)

    desk = run(tmp_path, with_full_slot, when, BYE)
    ((asked, _joined_at),) = desk.intake.accepted
    assert asked.slot is not None
    assert (asked.not_before, asked.slot.start, asked.slot.end) == (7200.0, 7200.0, 10800.0)
    assert desk.stage.last("call.ended")["callback"] == "cb-1"
    assert ended(desk)[0] == "callback"


MESSAGE = step("mail", "voicemail", queue="sales", max_s=8.0)


def test_caller_leaves_a_message(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.media.recorded_s = 4.0
        await desk.waiting()
        await asyncio.sleep(6)
        assert desk.stage.media.recorded
        await press(desk, "#")

    desk = run(tmp_path, conduct, MESSAGE)
    assert ended(desk) == ("voicemail", "the caller has left a message")
    left = desk.stage.last("voicemail.left")
    assert (left["queue"], left["duration_s"]) == ("sales", 4.0)
    assert left["recording"] == desk.stage.last("recording.started")["recording"]
    assert Tone("1000/400") in desk.heard()


def test_caller_leaves_a_message_and_is_called_back(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.media.recorded_s = 4.0
        caller = await desk.waiting()
        await asyncio.sleep(6)
        caller.hangs_up()

    mail = step("mail", "voicemail", callback=True)
    desk = run(tmp_path, conduct, mail)
    ((asked, _joined_at),) = desk.intake.accepted
    left = desk.stage.last("voicemail.left")["recording"]
    assert asked.context is not None and asked.context["voicemail"] == left
    assert ended(desk)[0] == "callback"


def test_nothing_that_can_be_kept_was_said(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(20)

    desk = run(tmp_path, conduct, MESSAGE)
    assert ended(desk) == ("failed", "nothing was said")

    async def without_room(desk: Reception) -> None:
        desk.stage.media.records = False
        await conduct(desk)

    desk = run(tmp_path, without_room, MESSAGE)
    assert ended(desk) == ("failed", "the message cannot be recorded")
    assert desk.stage.seen("voicemail") == []


RATED = Route(name="shop", queue="sales", after_script="rating")
RATING = script(step("rate", "rating", timeout_s=5.0, tries=1), name="rating")


def test_caller_rates_the_talk_after_the_agent_has_hung_up(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        agent = await desk.answering_agent()
        await asyncio.sleep(10)
        agent.hangs_up()
        await asyncio.sleep(0.5)
        assert desk.states() == {"alice": "available"}
        await press(desk, "4")
        await asyncio.sleep(1)

    desk = run(tmp_path, conduct, CONNECT, route=RATED, others=(RATING,))
    assert ended(desk) == ("completed", "operator hung up")
    assert desk.stage.last("callback.annotated")["rating"] == 4
    (values,) = desk.stage.store.executed
    assert values[0] == desk.stage.last("call.ended")["call"] and values[3] == 4
    assert last_script(desk) == ("hangup", ["rate"])
    assert desk.stage.last("call.ended")["talk_s"] == pytest.approx(10, abs=3)


def test_nobody_is_asked_who_has_hung_up_themselves(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = run(tmp_path, conduct, CONNECT, route=RATED, others=(RATING,))
    assert desk.stage.last("call.ended").get("scripts") is None

    async def removed(desk: Reception) -> None:
        desk.stage.services.scripts.configure([], [])
        await desk.waiting()
        agent = await desk.answering_agent()
        await asyncio.sleep(3)
        agent.hangs_up()

    desk = run(tmp_path, removed, CONNECT, route=RATED, others=(RATING,))
    assert ended(desk) == ("completed", "operator hung up")


def test_texts_that_cannot_be_spoken_end_no_script(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.services.announcer.fails = True  # type: ignore[attr-defined]
        await desk.waiting()
        await press(desk, "2")
        await asyncio.sleep(2)

    desk = run(tmp_path, conduct, MENU, CONNECT, BYE)
    assert ended(desk) == ("script", "as they wished")
    assert desk.stage.last("leg.not_played")["error"] == "no voice"


INSTEAD = script(
    step("ask", "menu", keys={"1": "mail", "2": "later", "3": "wait"}, timeout_s=3.0, tries=1,
         no_input="wait"),
    step("mail", "voicemail", queue="sales"),
    step("later", "callback"),
    step("wait", "connect"),
    name="instead",
)  # fmt: skip
PLAIN = Route(name="shop", queue="sales", max_wait_s=60.0)


def in_queue(tmp_path: Path, conduct: Any, **queue: Any) -> Reception:
    """A route without a script, to a queue with one."""
    sales = Queue(name="sales", script="instead", script_digit="9", again_s=5.0, **queue)
    return run(tmp_path, conduct, CONNECT, route=PLAIN, others=(INSTEAD, RATING), queues=[sales])


def test_waiting_caller_leaves_for_the_script_and_keeps_the_position(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        await asyncio.sleep(10)
        await press(desk, "9")
        assert desk.queues.count_waiting("sales") == 0
        await press(desk, "3")
        assert desk.queues.count_waiting("sales") == 1
        desk.agents.ready("alice")
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = in_queue(tmp_path, conduct)
    assert ended(desk) == ("completed", "caller hung up")
    assert desk.stage.seen("call.answered") == ["call.answered"]
    assert last_script(desk) == ("connect", ["ask", "wait"])
    assert desk.stage.last("call.ended")["scripts"][0]["use"] == "queue"


def test_waiting_caller_is_called_back_by_the_script_in_their_position(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting_alone()
        await asyncio.sleep(10)
        await press(desk, "9", "2")
        await asyncio.sleep(3)

    desk = in_queue(tmp_path, conduct)
    assert ended(desk)[0] == "callback"
    ((_asked, joined_at),) = desk.intake.accepted
    assert joined_at == desk.stage.last("call.answered")["joined_at"]


def test_caller_leaves_a_message_where_the_queue_is_closed(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.media.recorded_s = 3.0
        await desk.waiting_alone()
        await press(desk, "1")
        await asyncio.sleep(6)
        assert desk.stage.media.recorded
        await press(desk, "#")

    night = Calendar(name="night", zone="UTC", hours=["mon 00:00-01:00"])

    async def closed(desk: Reception) -> None:
        sales = Queue(name="sales", script="instead", calendar="night")
        desk.queues.configure([sales], [], opening_hours([night]), ring_s=20.0)
        await conduct(desk)

    desk = in_queue(tmp_path, closed)
    assert ended(desk)[0] == "voicemail"
    assert desk.stage.last("voicemail.left")["queue"] == "sales"


def test_caller_who_waits_too_long_goes_through_the_script_three_times_at_most(
    tmp_path: Path,
) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        await asyncio.sleep(90)
        assert caller.is_hung_up

    desk = in_queue(tmp_path, conduct)
    assert ended(desk) == ("timeout", "no operator within 60 s")
    assert len(desk.stage.last("call.ended")["scripts"]) == 3


def test_queue_has_a_script_for_after_the_talk(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        agent = await desk.answering_agent()
        await asyncio.sleep(3)
        agent.hangs_up()
        await press(desk, "5")
        await asyncio.sleep(1)

    desk = in_queue(tmp_path, conduct, after_script="rating")
    assert desk.stage.last("callback.annotated")["rating"] == 5


def test_callback_without_a_queue_is_refused(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.intake.refusal = BadParams("agent", "give agent or queue")  # type: ignore[assignment]
        await desk.waiting()
        await press(desk, *"02079462222#")
        await asyncio.sleep(5)

    desk = run(tmp_path, conduct, *PHONE)
    assert ended(desk) == ("script", "as they wished")
    desk = run(tmp_path, conduct, *CALLBACK)
    assert ended(desk) == ("script", "as they wished")


class Recognised:
    """Takes the place of Recognitions: the party says this as soon as it is listened to."""

    def __init__(self, said: str, word: str | None) -> None:
        self._said = HeardSpeech(said, word, 0.9, True, 0, 500)
        self.wanted: list[WantedSpeech] = []
        self.is_full = False

    def check(self, _wanted: WantedSpeech) -> None:
        if self.is_full:
            raise EngineError("unavailable", "20 recognitions go on")

    async def begin(self, _call: Any, _leg: Any, wanted: WantedSpeech, listener: Any) -> Any:
        self.wanted.append(wanted)
        asyncio.get_running_loop().call_later(0.5, listener.speech_heard, self._said)
        return self

    async def end(self, _recognition: Any) -> None:
        """It listens no more."""


class Hanging(Recognised):
    """A recogniser that hears a voice, or (`is_deaf`) not even that, and says nothing any more."""

    def __init__(self, *, is_deaf: bool) -> None:
        super().__init__("", None)
        self._is_deaf = is_deaf

    async def begin(self, _call: Any, _leg: Any, wanted: WantedSpeech, listener: Any) -> Any:
        self.wanted.append(wanted)
        if not self._is_deaf:
            asyncio.get_running_loop().call_later(0.5, listener.speech_began)
        return self


def speaking(
    tmp_path: Path, recognised: Recognised, *steps: Any, presses: str = "", for_s: float = 8.0
) -> Reception:
    """A caller who speaks, and presses keys after that."""

    async def conduct(desk: Reception) -> None:
        services = desk.stage.services
        services.gathers = Gathers(
            Plays(services.registry, services.announcer, hold=services.hold, country="GB"),
            recognised,  # type: ignore[arg-type]
            lambda _call: (),
        )
        await desk.waiting()
        await asyncio.sleep(1)
        if presses:
            await press(desk, *presses)
        await asyncio.sleep(for_s)

    return run(tmp_path, conduct, *steps)


WORDS = step("menu", "menu", keys={"1": "go"}, words={"goodbye": "bye"}, timeout_s=3.0, tries=1)


def test_caller_says_a_word_in_place_of_a_key(tmp_path: Path) -> None:
    recognised = Recognised("goodbye please", "goodbye")
    desk = speaking(tmp_path, recognised, WORDS, CONNECT, BYE)
    assert last_script(desk) == ("hangup", ["menu", "bye"])
    assert recognised.wanted == [WantedSpeech(("goodbye",))]
    desk = speaking(tmp_path, Recognised("hello", None), WORDS, CONNECT, BYE)
    assert ended(desk) == ("script", "step menu: no key that was offered")


def test_keys_count_where_nothing_can_be_recognised(tmp_path: Path) -> None:
    recognised = Recognised("goodbye", "goodbye")
    recognised.is_full = True
    keys = step("menu", "menu", keys={"1": "bye"}, words={"goodbye": "bye"}, timeout_s=3.0, tries=1)
    desk = speaking(tmp_path, recognised, keys, BYE, presses="1")
    assert ended(desk) == ("script", "as they wished")
    assert recognised.wanted == []


@pytest.mark.parametrize(
    ("is_deaf", "cause"),
    [(True, "step menu: no key was pressed"), (False, "step menu: no key that was offered")],
)
def test_recogniser_that_hangs_ends_no_script_late(
    tmp_path: Path, is_deaf: bool, cause: str
) -> None:
    desk = speaking(tmp_path, Hanging(is_deaf=is_deaf), WORDS, CONNECT, BYE, for_s=20.0)
    assert ended(desk) == ("script", cause)
    assert last_script(desk)[0] == ("no_input" if is_deaf else "no_match")
    desk = speaking(tmp_path, Hanging(is_deaf=is_deaf), WORDS.model_copy(
        update={"keys": {"1": "bye"}}), BYE, presses="1")  # fmt: skip
    assert ended(desk) == ("script", "as they wished")


@pytest.mark.parametrize(
    ("digits", "order"), [("four seven", "47"), ("1 2 3 4 5", None), ("one", None)]
)
def test_digits_may_be_said(tmp_path: Path, digits: str, order: str | None) -> None:
    figures = {"four seven": "47", "1 2 3 4 5": "12345", "one": "1"}[digits]
    gather = step("order", "gather", into="order", min_digits=2, max_digits=4, spoken=True,
                  tries=1, next="bye", no_match="bye")  # fmt: skip
    recognised = Recognised(digits, figures)
    desk = speaking(tmp_path, recognised, gather, BYE)
    assert desk.stage.last("call.ended")["context"].get("order") == order
    assert recognised.wanted == [WantedSpeech(digits=True)]


def test_route_without_a_queue_fails_where_the_script_connects(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(2)

    desk = run(tmp_path, conduct, CONNECT, route=Route(name="x", script="test"))
    assert ended(desk) == ("failed", "script test connects, and the route has no queue")


def test_caller_who_hangs_up_after_asking_is_called_back(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await press(desk, *"02079462222#")
        caller.hangs_up()

    said = PHONE[1].model_copy(update={"done_text": "Thank you."})
    desk = run(tmp_path, conduct, PHONE[0], said, BYE)
    assert ended(desk) == ("callback", "the caller asked to be called back")


def test_file_is_played_and_a_fault_ends_the_call_alone(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(5)

    bell = step("say", "say").model_copy(update={"text": "file:/no/bell.wav"})
    desk = run(tmp_path, conduct, bell)
    assert Prompt("/no/bell.wav") in desk.heard()

    async def with_fault(desk: Reception) -> None:
        desk.stage.services.announcer = None  # type: ignore[assignment]
        await conduct(desk)

    desk = run(tmp_path, with_fault, step("say", "say"), route=Route(name="x", script="test"))
    assert ended(desk) == ("failed", "internal error")
    assert last_script(desk)[0] == "stopped"


def test_caller_talks_with_a_bot_unless_it_cannot_be_reached(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(5)

    async def without_host(desk: Reception) -> None:
        desk.stage.services.streams = scripted_streams()
        host_of(desk.stage.services.streams).works = False
        await conduct(desk)

    async def with_host(desk: Reception) -> None:
        desk.stage.services.streams = scripted_streams()
        caller = await desk.waiting()
        await host_of(desk.stage.services.streams).ready()
        await asyncio.sleep(3)
        caller.hangs_up()

    bot = step("bot", "transfer", stream=URL, failed="bye")
    desk = run(tmp_path, with_host, bot, BYE)
    assert ended(desk) == ("completed", "caller hung up")
    desk = run(tmp_path, without_host, bot, BYE)
    assert ended(desk) == ("script", "as they wished")
    assert last_script(desk)[1] == ["bot", "bye"]


def test_message_has_one_speaker_and_no_announcement(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting_alone()
        (call,) = desk.stage.services.registry.calls.values()
        leg = call.legs[0]
        record = Record(queue="sales", max_s=5.0, terminator="#", calls_back=False)
        message = Voicemail(desk.stage.services, call.owner, leg, record)  # type: ignore[arg-type]
        assert message.recorded_legs("both") == (leg, None)
        assert message.listeners() == ()
        message.hear_again()
        leg.hang_up(BY_COMMAND)

    desk = run(tmp_path, conduct, CONNECT)
    assert ended(desk)[0] != "completed"


def test_what_is_kept_of_a_script_moves_with_the_clock() -> None:
    record = ScriptRecord(script="test", use="inbound", started=10.0)
    record.shift(5.0)
    assert (record.started, record.ended) == (15.0, None)
    record.ended = 20.0
    record.shift(-5.0)
    assert (record.started, record.ended) == (10.0, 15.0)
