"""What is wrong with whole scripts: targets, steps that none leads to, circles, secrets."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.agents import Agent
from config.checks.known import Known
from config.checks.scripts import script_faults
from config.checks.settings_checks import faults_of
from config.inbound import Inbound
from config.queues import Queue
from config.recognition import Recognition
from config.scripts import Script
from config.settings import Settings
from tests.support.scripts import script, step
from tests.support.sites import site


def faults(*scripts: Script, **more: Any) -> list[tuple[str, str]]:
    settings = Settings.model_construct(
        **{**dict(Settings()), "scripts": list(scripts), **more}
    )  # fmt: skip
    return [(one.key, one.reason) for one in script_faults(settings, Known.of(settings))]


def test_a_right_script_has_no_fault() -> None:
    menu = step("menu", "menu", keys={"1": "menu", "2": "go"}, no_input="go")
    assert faults(script(menu, step("go", "connect"))) == []


def test_steps_that_are_not_there_twice_or_not_come_to() -> None:
    found = faults(
        script(
            step("menu", "menu", keys={"1": "sale"}, no_match="menu"),
            step("sales", "connect"),
            step("sales", "hangup"),
        )
    )
    assert found == [
        ("scripts[0].steps[2].name", "the step 'sales' stands twice"),
        (
            "scripts[0].steps[0].keys.1",
            "there is no step named 'sale'; did you mean sales?",
        ),
        ("scripts[0].steps[1].name", "no step leads to 'sales'"),
        ("scripts[0].steps[2].name", "no step leads to 'sales'"),
    ]


def test_first_step_that_is_not_there() -> None:
    assert faults(script(step("a", "connect"), start="b")) == [
        ("scripts[0].start", "there is no step named 'b'")
    ]


def test_circles_without_input_are_faults_and_others_are_not() -> None:
    found = faults(
        script(
            step("a", "say", next="b"),
            step("b", "branch", on="x", cases={"1": "a", "2": "menu"}, next="menu"),
            step("menu", "menu", keys={"1": "a"}),
        )
    )
    reason = "goes in a circle without waiting for a key: a → b → a"
    assert found == [("scripts[0].steps[0].next", reason)]
    alone = faults(script(step("a", "say", next="a")))
    assert alone[0][1].endswith("a → a")


def test_secrets_are_neither_said_nor_set() -> None:
    found = faults(
        script(
            step("ask", "gather", into="pin", secret=True, next="say"),
            step("say", "say", text="It is {context.pin}.", next="set"),
            step("set", "set", values={"kept": "{context.pin}"}),
        )
    )
    assert [key for key, _reason in found] == [
        "scripts[0].steps[1].text", "scripts[0].steps[2].values.kept",
    ]  # fmt: skip


def test_names_of_other_sections() -> None:
    found = faults(
        script(
            step("branch", "branch", calendar="office", cases={"open": "queue"}, next="agent"),
            step("queue", "transfer", queue="sales", failed="mail"),
            step("agent", "transfer", agent="alice", failed="bot"),
            step("bot", "transfer", stream="wss://x.example", fallback={"queue": "people"}),
            step("mail", "voicemail", queue="support"),
        )
    )
    assert [reason for _key, reason in found] == [
        "there is no calendar named 'office'", "there is no queue named 'sales'",
        "there is no agent named 'alice'", "there is no queue named 'people'",
        "there is no queue named 'support'",
    ]  # fmt: skip


def test_routes_name_scripts_that_are_there_and_a_queue_where_one_connects() -> None:
    routes = [
        Inbound(name="a", script="missing", after_script="gone"),
        Inbound(name="b", number="1", script="test"),
    ]
    found = faults(script(step("go", "connect")), inbound=routes)
    assert found == [
        ("inbound[0].script", "there is no script named 'missing'"),
        ("inbound[0].after_script", "there is no script named 'gone'"),
        ("inbound[1].queue", "needed: the script 'test' leads callers to it"),
    ]


def test_queues_name_scripts_that_are_there() -> None:
    queues = [Queue(name="sales", script="x", after_script="y")]
    assert faults(queues=queues) == [
        ("queues[0].script", "there is no script named 'x'"),
        ("queues[0].after_script", "there is no script named 'y'"),
    ]


def test_sites_name_scripts_that_are_there() -> None:
    one = site(queue="", agent="alice", customer_script="x", agent_script="test", after_script="y")
    settings = Settings.model_construct(
        **{
            **dict(Settings()), "scripts": [script(step("go", "connect"))], "sites": [one],
            "agents": [Agent(name="alice", uri="sip:alice@127.0.0.1:5080")],
        }
    )  # fmt: skip
    assert [(fault.key, fault.reason) for fault in faults_of(settings)] == [
        ("sites[0].customer_script", "there is no script named 'x'"),
        ("sites[0].after_script", "there is no script named 'y'"),
    ]


def test_key_of_a_queue_leads_to_a_script() -> None:
    with pytest.raises(ValidationError, match="leads to the script"):
        Queue(name="sales", script_digit="2")
    with pytest.raises(ValidationError, match="is not a key of a telephone"):
        Queue(name="sales", script="x", script_digit="22")


def test_words_need_a_recogniser_of_the_language() -> None:
    menu = step("menu", "menu", words={"yes": "go"})
    gather = step("gather", "gather", into="x", spoken=True, next="menu")
    both = (gather, menu, step("go", "connect"))
    assert [key for key, _reason in faults(script(*both))] == [
        "scripts[0].steps[0].spoken", "scripts[0].steps[1].words",
    ]  # fmt: skip
    english = Recognition(engine="pocketsphinx")
    assert faults(script(*both, language="en-GB"), recognition=english) == []
    assert faults(script(*both, language="de"), recognition=english)[0][1].endswith("'de'")
