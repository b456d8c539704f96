"""Rules as the configuration writes them: what is taken, and what is refused with a reason."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.rules import QueueMatch, Rule
from config.settings import ConfigError, Settings
from tests.support.configuration import load_text, refused_text

BASE = """
[[trunks]]
name = "pbx"
uri = "sip:127.0.0.1:5070"
"""


def loaded(tmp_path: Path, text: str) -> Settings:
    return load_text(tmp_path, BASE + text)


def refused_rule(tmp_path: Path, text: str) -> ConfigError:
    return refused_text(tmp_path, BASE + text)


def test_a_rule_in_full(tmp_path: Path) -> None:
    rule = loaded(
        tmp_path,
        """
        [[rules]]
        name = "vip"
        continue = true
        override = true
        [rules.match]
        kind = "callback"
        prefix = ["+44", "+353"]
        region = "GB"
        line_type = ["mobile", "voip"]
        hours = ["mon-fri 09:00-17:30", "sat,sun 10:00-14:00"]
        zone = "Europe/London"
        site = "shop"
        history = { min_attempts = 2, last_within_s = 3600.0 }
        date = [2026-12-24, "12-25..01-02"]
        percent = 12.5
        waiting = { min = 5 }
        agents_free = { max = 0 }
        [rules.match.context]
        tier = ["gold", "platinum"]
        order = { present = true }
        number = 17
        email = { regex = "@shop\\\\.example$" }
        "customer.country" = { prefix = "G" }
        [rules.set]
        priority = 50
        agent = "+442079460000"
        skills = { german = 3 }
        whisper = "A gold customer from {context.site}"
        trunk = "pbx"
        record = false
        """,
    ).rules[0]
    assert (rule.name, rule.continue_, rule.override) == ("vip", True, True)
    assert rule.match.prefix == ["+44", "+353"]
    assert rule.match.region == ["GB"]
    assert rule.match.date == ["2026-12-24", "12-25..01-02"]
    assert (rule.match.percent, rule.match.waiting) == (12.5, QueueMatch(min=5))
    assert rule.match.agents_free == QueueMatch(max=0)
    assert rule.match.context["tier"].one_of == ["gold", "platinum"]
    assert rule.match.context["number"].one_of == [17]
    assert rule.match.context["customer.country"].prefix == ["G"]
    assert rule.set.given() == {
        "agent": "+442079460000",
        "priority": 50,
        "record": False,
        "skills": {"german": 3},
        "trunk": "pbx",
        "whisper": "A gold customer from {context.site}",
    }


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("match = { contxt = {} }", "rules[0].match.contxt", "did you mean context?"),
        ("match = { context = { a = { regex = '(' } } }", "regex", "regular expression"),
        ("match = { context = { a = { regexp = 'a' } } }", "regexp", "unknown key"),
        ("match = { context = { a = {} } }", "rules[0].match.context.a", "is empty"),
        ("match = { context = { a = { present = false, prefix = 'x' } } }", "present", "absent"),
        ("match = { context = { a = [1979-05-27] } }", "one_of", "must be text"),
        ("match = { hours = '9-17', zone = 'UTC' }", "rules[0].match.hours", "must look like"),
        ("match = { hours = 'mon 09:00-17:00' }", "rules[0].match.zone", "whose hours"),
        ("match = { zone = 'Europe/London' }", "rules[0].match.hours", "needed with zone"),
        ("match = { hours = 'mon 09:00-17:00', zone = 'London' }", "zone", "time zone"),
        ("match = { date = '12-24' }", "rules[0].match.zone", "where is it this date"),
        ("match = { date = '24.12.', zone = 'UTC' }", "rules[0].match.date", "must look like"),
        ("match = { date = '02-30', zone = 'UTC' }", "date", "is not a date"),
        ("match = { date = '2026-12-24..01-02', zone = 'UTC' }", "date", "of both dates"),
        ("match = { date = '2026-12-24..2026-12-23', zone = 'UTC' }", "date", "ends before"),
        ("match = { percent = 0 }", "rules[0].match.percent", "greater than 0"),
        ("match = { percent = 100 }", "rules[0].match.percent", "less than 100"),
        ("match = { waiting = {} }", "rules[0].match.waiting", "needs min, max, or both"),
        ("match = { waiting = { min = 2, max = 1 } }", "waiting.max", "not be less than min"),
        ("match = { waiting = { queue = 'x', min = 2 } }", "match.waiting.queue", "no queue named"),
        (
            "match = { agents_free = { queue = 'x', max = 2 } }",
            "match.agents_free.queue",
            "no queue named 'x'",
        ),
        (
            "match = { calendar = { name = 'shop', open = false } }",
            "rules[0].match.calendar",
            "no calendar named 'shop'",
        ),
        ("match = { region = 'UK' }", "region", "not a region"),
        ("match = { line_type = 'cell' }", "line_type", "must be"),
        ("match = { history = {} }", "rules[0].match.history", "is empty"),
        ("match = { queue = 'nowhere' }", "rules[0].match.queue", "no queue named 'nowhere'"),
        ("set = { queue = 'nowhere' }", "rules[0].set.queue", "no queue named 'nowhere'"),
        ("match = { calendar = 'shop' }", "rules[0].match.calendar", "no calendar named 'shop'"),
        ("set = { centre = 'york' }", "rules[0].set.centre", "no centre named 'york'"),
        ("set = { trunk = 'isdn' }", "rules[0].set.trunk", "no trunk named 'isdn'"),
        ("set = { queue = 'a', agent = 'b' }", "rules[0].set.agent", "give one"),
        (
            "set = { known_agent = 'a', last_agent_days = 5 }",
            "rules[0].set.last_agent_days",
            "give one",
        ),
        ("set = { priority = 5000 }", "rules[0].set.priority", "less than or equal"),
        ("set = { whisper = '{nobody}' }", "rules[0].set.whisper", "not known"),
        ("set = { skills = { german = 11 } }", "rules[0].set.skills.german", "less than"),
    ],
)
def test_refused_with_key_and_reason(tmp_path: Path, text: str, key: str, reason: str) -> None:
    error = refused_rule(tmp_path, f'[[rules]]\nname = "r"\n{text}\n')
    assert key in error.key
    assert reason in error.reason


def test_a_name_stands_once(tmp_path: Path) -> None:
    error = refused_rule(tmp_path, '[[rules]]\nname = "r"\n[[rules]]\nname = "r"\n')
    assert "stands twice" in error.reason


def test_a_null_from_the_environment_sets_nothing() -> None:
    with pytest.raises(ValidationError, match="must be given a value"):
        Rule.model_validate({"name": "r", "set": {"queue": None}})


def test_a_rule_may_be_for_everything() -> None:
    rule = Rule(name="all")
    assert rule.set.given() == {}
