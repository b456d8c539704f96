"""Queues, centres and their agents as the configuration writes them: taken, or refused and why."""

from pathlib import Path

import pytest

from config.settings import ConfigError, Settings
from tests.support.configuration import load_text

BASE = """
[dial]
allow_hosts = ["pbx.example"]
[media]
workers = 2
[[trunks]]
name = "pbx"
uri = "sip:[2001:db8::1]:5070"
[[routes]]
prefix = "+44"
trunks = ["pbx"]
[[calendars]]
name = "office"
zone = "UTC"
hours = ["mon-fri 09:00-17:00"]
[[agents]]
name = "anna"
uri = "sip:anna@pbx.example"
[[queues]]
name = "service"
"""


def loaded(tmp_path: Path, text: str) -> Settings:
    return load_text(tmp_path, BASE + text)


@pytest.mark.parametrize(
    "number",
    ["+442079460000", "+44 20 7946-0000", "020 7946 0000", "110", "sip:desk@pbx.example:5080",
     "sip:PBX.example", "sip:+442079460000@[2001:db8::1]:5070;transport=tcp"],
)  # fmt: skip
def test_an_outside_number_that_can_be_called(tmp_path: Path, number: str) -> None:
    text = f"""
    [[centres]]
    name = "partner"
    number = "{number}"
    [[queues]]
    name = "sales"
    overflow = [{{ after_s = 1.0, number = "{number}" }}]
    """
    settings = loaded(tmp_path, text)
    assert settings.queues[1].overflow[0].number == settings.centres[0].number == number


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("the night desk", "neither a telephone number nor a sip: URI"),
        ("+4930123456", "no route takes +4930123456"),
        ("sip:desk@elsewhere.example", "host 'elsewhere.example' is not in dial.allow_hosts"),
        ("sip:desk@pbx.example;transport=ws", "transport 'ws' is not supported"),
    ],
)
def test_a_queue_that_cannot_is_refused_before_a_customer_gets_there(
    tmp_path: Path, number: str, reason: str
) -> None:
    for key, text in (
        ("queues[1].overflow[0].number",
         f"[[queues]]\nname = 'sales'\noverflow = [{{ after_s = 1.0, number = '{number}' }}]"),
        ("centres[0].number", f"[[centres]]\nname = 'partner'\nnumber = '{number}'"),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as refused:
            loaded(tmp_path, text)
        assert refused.value.key == key
        assert reason in refused.value.reason


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("skills = { german = 11 }", "skills.german", "less than or equal to 10"),
        ("skills = { german = 0 }", "skills.german", "greater than or equal to 1"),
        ("agents = ['anna', 'anna']", "agents", "'anna' stands twice"),
        ("agents = ['bert']", "agents", "no agent named 'bert'"),
        ("calendar = 'night'", "calendar", "no calendar named 'night'"),
        ("strategy = 'fastest'", "strategy", "must be 'longest_idle'"),
        ("tiers = [{ after_s = 9.0 }, { after_s = 3.0 }]", "tiers", "the order of after_s"),
        ("tiers = [{ after_s = 9.0, queues = ['night'] }]", "tiers[0].queues", "'night'"),
        ("tiers = [{ after_s = 9.0, centres = ['york'] }]", "tiers[0].centres", "'york'"),
        ("overflow = [{ after_s = 9.0 }]", "overflow[0].queue", "or raise_priority"),
        ("overflow = [{ after_s = 9.0, queue = 'sales' }]", "overflow[0].queue", "another queue"),
        ("overflow = [{ after_s = 9.0, queue = 'night' }]", "overflow[0].queue", "'night'"),
        ("overflow = [{ after_s = 9.0, queue = 'service', centre = 'york' }]", "queue", "only one"),
        ("overflow = [{ queue = 'service' }]", "overflow[0].after_s", "missing"),
        ("overflow = [{ after_s = 0.0, queue = 'service' }]", "overflow[0].after_s", "missing"),
        ("overflow = [{ when = 'length', queue = 'service' }]", "overflow[0].above", "belongs to"),
        ("overflow = [{ when = 'nobody', above = 3, queue = 'service' }]", "above", "belongs to"),
        ("overflow = [{ when = 'full', raise_priority = 3 }]", "overflow[0].queue", "needed"),
        ("overflow = [{ when = 'closed', after_s = 3.0, queue = 'x' }]", "after_s", "at once"),
        ("overflow = [{ when = 'busy', queue = 'service' }]", "overflow[0].when", "'time'"),
        ("callers = { overflow = [{ after_s = 3.0, queue = 'x' }] }", "callers.overflow[0]", "'x'"),
        ("callbacks = { max_wait_s = -1.0 }", "callbacks.max_wait_s", "greater than"),
        ("callbacks = { ring_s = 1.0 }", "callbacks.ring_s", "unknown key"),
        (
            "callers = { overflow = [{ after_s = 3.0, queue = 'service' },"
            " { after_s = 1.0, queue = 'service' }] }",
            "callers",
            "order of after_s",
        ),
        ("shares = [{ centre = 'york', percent = 5.0 }]", "shares[0].centre", "'york'"),
        ("shares = [{ centre = 'york', percent = 0.0 }]", "shares", "above 0 per cent"),
        ("vip = [{ agents = ['anna'], within_s = 9.0 }]", "vip[0].context", "who is a VIP?"),
        ("vip = [{ min_priority = 1, agents = ['anna'] }]", "within_s", "belong together"),
        ("vip = [{ min_priority = 1 }]", "vip[0].agents", "what does a VIP get?"),
        ("vip = [{ min_priority = 1, agents = ['x'], within_s = 9.0 }]", "agents", "named 'x'"),
    ],
)
def test_refused_with_key_and_reason(tmp_path: Path, text: str, key: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, f"[[queues]]\nname = 'sales'\n{text}\n")
    assert refused.value.key.startswith("queues[1].")
    assert key in refused.value.key
    assert reason in refused.value.reason


def test_permanent_lines_go_with_any_number_of_media_workers(tmp_path: Path) -> None:
    text = "[[agents]]\nname = 'bert'\nuri = 'sip:bert@pbx.example'\npermanent = true"
    settings = loaded(tmp_path, text)
    assert (settings.agents[1].permanent, settings.media.workers) == (True, 2)


def test_callers_and_callbacks_take_from_the_queue_what_they_do_not_say(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        """
        [[queues]]
        name = "sales"
        max_wait_s = 300.0
        callers.max_wait_s = 60.0
        callbacks = { max_length = 5 }
        [[queues.overflow]]
        when = "nobody"
        queue = "service"
        [[queues.overflow]]
        after_s = 30.0
        raise_priority = 1
        [[queues.callers.overflow]]
        when = "expected_wait"
        above = 600
        after_s = 10.0
        queue = "service"
        """,
    )
    sales = settings.queues[1]
    assert (sales.max_wait_of("call"), sales.max_wait_of("callback")) == (60.0, 300.0)
    assert [step.when for step in sales.overflow_of("call")] == ["expected_wait"]
    assert [step.when for step in sales.overflow_of("callback")] == ["nobody", "time"]
    assert (sales.callbacks.max_length, sales.callers.max_length) == (5, None)
