"""The interpreter of scripts: what it asks for, and what follows each answer."""

from typing import Any

import pytest

from config.calendars import Calendar
from engine.calls.scripting.scripts import Scripts
from engine.scripts.actions import (
    Action,
    Ask,
    CallBack,
    Connect,
    Done,
    Failed,
    FindSlots,
    HangUp,
    Keys,
    Rate,
    Record,
    Say,
    Slot,
    Slots,
    Spoken,
    Transfer,
)
from engine.scripts.machine import PATH_KEPT
from tests.support.scripts import Walk, script, step

MENU = step("menu", "menu", keys={"1": "yes", "90": "no"}, words={"Yes": "yes"}, tries=2,
            again_text="Once more.", no_input="no")  # fmt: skip
MENU_SCRIPT = script(MENU, step("yes", "connect"), step("no", "hangup", cause="no"))


def texts(action: Action) -> tuple[str, ...]:
    assert isinstance(action, Ask)
    return action.texts


def word_of(action: Action) -> str:
    assert isinstance(action, HangUp)
    return action.word


def test_key_of_menu_leads_to_its_step() -> None:
    walk = Walk(MENU_SCRIPT)
    assert isinstance(walk.action, Ask)
    assert (walk.action.key_names, walk.action.words) == ("190", ("Yes",))
    assert walk.press("1") == Connect()
    assert (walk.machine.path, walk.machine.ended) == (["menu", "yes"], "connect")
    assert Walk(MENU_SCRIPT).press("0") == HangUp("hangup", "no")


def test_menu_takes_a_spoken_word() -> None:
    assert Walk(MENU_SCRIPT).give(Spoken("yes")) == Connect()


def test_menu_asks_again_after_a_wrong_key_or_word_and_gives_up() -> None:
    walk = Walk(MENU_SCRIPT)
    assert texts(walk.press("5")) == ("Once more.", "menu?")
    assert walk.give(Spoken("maybe")) == HangUp("no_match", "step menu: no key that was offered")


def test_menu_without_a_key_has_a_step_of_its_own() -> None:
    walk = Walk(MENU_SCRIPT)
    walk.press("", "")
    assert (walk.machine.path, walk.machine.cause) == (["menu", "no"], "no")


def test_gathered_digits_are_in_the_context_and_said_one_by_one() -> None:
    walk = Walk(
        script(
            step("order", "gather", into="order", min_digits=3, next="said", tries=2),
            step("said", "say", text="Order {context.order} of {context.name}."),
        ),
        {"name": "Ann"},
    )
    assert isinstance(walk.give(Keys("12", is_too_few=True)), Ask)
    assert walk.press("1234") == Say("Order 1 2 3 4 of Ann.")
    assert walk.machine.learnt == {"order": "1234"}
    assert word_of(walk.give(Done())) == "hangup"


def test_gather_gives_up_with_its_own_steps() -> None:
    walk = Walk(script(step("order", "gather", into="order", tries=1)))
    assert word_of(walk.press("")) == "no_input"
    walk = Walk(script(step("order", "gather", into="order", tries=1)))
    assert word_of(walk.give(Keys("1", is_too_few=True))) == "no_match"
    walk = Walk(script(step("order", "gather", into="order", tries=1)))
    assert word_of(walk.give(Spoken("one"))) == "no_match"


IDENTITY = script(
    step("ask", "gather", into="pin", secret=True, next="check"),
    step("check", "check", value="pin", against="wanted", again="ask", tries=2, next="right",
         failed="wrong"),
    step("right", "connect"),
    step("wrong", "hangup", cause="wrong"),
)  # fmt: skip


def test_secret_digits_are_compared_and_kept_nowhere() -> None:
    walk = Walk(IDENTITY, {"wanted": 4711})
    assert isinstance(walk.action, Ask)
    assert walk.action.secret
    assert isinstance(walk.press("1234"), Ask)
    assert walk.press("4711") == Connect()
    assert walk.machine.learnt == {}
    assert "pin" not in walk.machine.context
    assert "4711" not in repr(Keys("4711")) + repr(CallBack("4711", "", None))


def test_identity_check_ends_after_its_tries() -> None:
    assert Walk(IDENTITY, {"wanted": 4711}).press("1", "2") == HangUp("hangup", "wrong")
    without = script(*IDENTITY.steps[:1], step("check", "check", value="pin", against="wanted",
                                               again="ask", tries=1))  # fmt: skip
    assert word_of(Walk(without, {"wanted": 4711}).press("1")) == "failed"


def test_nobody_is_identified_where_nothing_is_known_of_them() -> None:
    walk = Walk(script(step("check", "check", value="pin", against="wanted", again="x", tries=1)))
    assert word_of(walk.action) == "failed"


def test_values_are_set_from_the_context() -> None:
    walk = Walk(
        script(
            step("set", "set", values={"wants": "order {context.order}"}, next="branch"),
            step("branch", "branch", on="wants", cases={"order 7": "seven"}, next="other"),
            step("seven", "connect"),
            step("other", "hangup"),
        ),
        {"order": 7},
    )
    assert walk.action == Connect()
    assert walk.machine.learnt == {"wants": "order 7"}


def test_branch_takes_the_other_way_and_knows_true_and_false() -> None:
    both = script(
        step("branch", "branch", on="vip", cases={"true": "vip"}, next="other"),
        step("vip", "connect"),
        step("other", "hangup"),
    )
    assert Walk(both, {"vip": True}).action == Connect()
    assert word_of(Walk(both, {}).action) == "hangup"


def test_branch_by_opening_hours() -> None:
    office = Calendar(name="office", zone="UTC", hours=["thu 00:00-12:00"])
    hours = script(
        step("hours", "branch", calendar="office", cases={"open": "in", "closed": "out"}),
        step("in", "connect"),
        step("out", "hangup"),
    )
    assert Walk(hours, scripts=Scripts([], [office])).action == Connect()  # Thursday, midnight
    assert word_of(Walk(hours, scripts=Scripts()).action) == "hangup"


def test_transfer_that_fails_goes_on() -> None:
    walk = Walk(
        script(
            step("to", "transfer", text="One moment.", agent="alice", failed="sorry"),
            step("sorry", "hangup", text="Nobody is there.", cause="nobody"),
        )
    )
    assert walk.action == Say("One moment.")
    wanted = walk.give(Done())
    assert isinstance(wanted, Transfer)
    assert (wanted.target, walk.machine.ended) == ("alice", "transfer")
    assert walk.give(Failed("busy")) == Say("Nobody is there.")
    assert walk.machine.ended is None
    assert walk.give(Done()) == HangUp("hangup", "nobody")


def test_what_is_told_of_a_transfer_to_a_service_has_no_query_of_its_url() -> None:
    walk = Walk(script(step("bot", "transfer", stream="wss://bots.example.com/a?key=hidden")))
    wanted = walk.action
    assert isinstance(wanted, Transfer)
    assert wanted.stream == "wss://bots.example.com/a?key=hidden"
    assert (wanted.target, walk.machine.cause) == ("wss://bots.example.com/a",) * 2


def test_transfer_that_fails_ends_the_script_where_nothing_follows() -> None:
    walk = Walk(script(step("to", "transfer", queue="sales")))
    assert walk.give(Failed("closed")) == HangUp("failed", "closed")


def test_callback_at_a_number_that_is_keyed_in() -> None:
    walk = Walk(
        script(
            step("phone", "gather", into="phone", next="callback"),
            step("callback", "callback", number="phone", text="At {context.phone}.",
                 done_text="Done.", queue="sales", failed="sorry"),
            step("sorry", "connect"),
        )
    )  # fmt: skip
    assert walk.press("0207") == Say("At 0 2 0 7.")
    assert walk.give(Done()) == CallBack("0207", "sales", None)
    assert walk.give(Done()) == Say("Done.")
    assert word_of(walk.give(Done())) == "callback"


@pytest.mark.parametrize("slots", [0, 2])
def test_no_cause_has_a_number_that_was_entered_in_secret(slots: int) -> None:
    text = "When?" if slots else ""
    walk = Walk(
        script(
            step("phone", "gather", into="phone", secret=True, next="later"),
            step("later", "callback", number="phone", slots=slots, text=text),
        )
    )
    assert isinstance(walk.press("0123456"), CallBack | FindSlots)
    ending = walk.give(Failed("'0123456' is not a valid number"))
    assert isinstance(ending, HangUp)
    assert ending.word == ("failed" if slots else "refused")
    assert "0123456" not in ending.cause and ending.cause == walk.machine.cause


def test_callback_that_is_refused() -> None:
    refused = script(step("callback", "callback"))
    assert Walk(refused).give(Failed("premium")) == HangUp("refused", "premium")
    nothing = script(step("callback", "callback", number="phone", failed="x"), step("x", "connect"))
    assert Walk(nothing).action == Connect()


SLOTS = script(
    step("later", "callback", text="When?", slots=2, tries=2, failed="no", no_input="no",
         slot_text="{day} from {from} to {until}: {key}"),
    step("no", "connect"),
)  # fmt: skip
TWO = Slots(
    (
        Slot(36000.0, {"day": "Monday", "from": "9", "until": "10"}),
        Slot(39600.0, {"day": "Monday", "from": "10", "until": "11"}),
    )
)


def test_callback_at_a_time_that_is_offered() -> None:
    walk = Walk(SLOTS)
    assert walk.action == FindSlots("", "", 2, 3600.0)
    asked = walk.give(TWO)
    assert texts(asked) == ("When?", "Monday from 9 to 10: 1", "Monday from 10 to 11: 2")
    assert walk.press("3", "2") == CallBack("", "", 39600.0, 3600.0)


def test_no_time_is_chosen_or_offered() -> None:
    walk = Walk(SLOTS)
    walk.give(TWO)
    assert walk.press("", "") == Connect()
    assert Walk(SLOTS).give(Slots(())) == Connect()
    assert Walk(SLOTS).give(Failed("closed")) == Connect()


def test_message_is_recorded() -> None:
    walk = Walk(script(step("message", "voicemail", queue="sales", max_s=60.0)))
    assert walk.action == Say("message?")
    wanted = walk.give(Done())
    assert wanted == Record(queue="sales", max_s=60.0, terminator="#", calls_back=False)
    assert word_of(walk.give(Done())) == "voicemail"
    walk = Walk(script(step("message", "voicemail")))
    walk.give(Done())
    assert walk.give(Failed("the disk is full")) == HangUp("failed", "the disk is full")


def test_rating_is_one_of_the_keys() -> None:
    rating = script(step("rate", "rating", most=3, next="thanks", tries=2), step("thanks", "say"))
    walk = Walk(rating)
    assert walk.press("7", "3") == Rate(3)
    assert walk.give(Done()) == Say("thanks?")
    assert word_of(Walk(rating).press("", "")) == "no_input"


def test_a_text_whose_fields_are_all_unknown_is_said_without_them() -> None:
    walk = Walk(script(step("ask", "menu", text="Hello {context.name}. Press 1.", keys={"1": "go"}),
                       step("go", "say", text="{context.name}")))  # fmt: skip
    assert texts(walk.action) == ("Hello . Press 1.",)
    assert walk.press("1") == Say("")


@pytest.mark.parametrize(
    ("asks", "more"), [("rating", {"most": 3}), ("callback", {"slots": 2, "text": "When?"})]
)
def test_wrong_keys_lead_to_their_step(asks: str, more: dict[str, Any]) -> None:
    asking = step("ask", asks, no_match="wrong", no_input="none", tries=1, **more)
    asked = script(asking, step("wrong", "say"), step("none", "say"))
    for key, said in (("9", "wrong?"), ("", "none?")):
        walk = Walk(asked)
        if asks == "callback":
            walk.give(Slots((Slot(1.0, dict.fromkeys(("from", "until", "day"), "x")),)))
        assert walk.press(key) == Say(said)


def test_script_that_goes_in_circles_ends_with_its_cause() -> None:
    circle = script(step("a", "say", next="b"), step("b", "say", next="a"), max_steps=150)
    walk = Walk(circle)
    for _ in range(149):
        assert isinstance(walk.give(Done()), Say)
    ended = walk.give(Done())
    assert ended == HangUp("max_steps", "script test took over 150 steps")
    assert (walk.machine.steps, len(walk.machine.path)) == (150, PATH_KEPT)


def test_circle_without_a_pause_ends_as_well() -> None:
    circle = script(step("a", "set", values={"x": "1"}, next="a"))
    assert word_of(Walk(circle).action) == "max_steps"


def test_script_ends_after_its_time() -> None:
    walk = Walk(script(step("menu", "menu", keys={"1": "menu"}), max_s=10.0))
    assert walk.machine.left_s == 10.0
    walk.now = 4.0
    assert isinstance(walk.press("1"), Ask)
    assert walk.machine.left_s == 6.0
    walk.now = 10.0
    assert walk.press("1") == HangUp("max_s", "script test took over 10 s")
    assert walk.machine.ended == "max_s"


def test_steps_are_told_once() -> None:
    walk = Walk(MENU_SCRIPT)
    assert [one.step for one in walk.machine.take_entered()] == ["menu"]
    walk.press("1")
    assert [(one.step, one.kind) for one in walk.machine.take_entered()] == [("yes", "connect")]


def test_connect_says_its_text_first() -> None:
    walk = Walk(script(step("go", "connect", text="Connecting.")))
    assert walk.action == Say("Connecting.")
    assert walk.give(Done()) == Connect()


@pytest.mark.parametrize("text", ["file:/dev/null", "plain"])
def test_text_without_fields_is_said_as_it_is(text: str) -> None:
    walk = Walk(script(step("say", "say").model_copy(update={"text": text})))
    assert walk.action == Say(text)
