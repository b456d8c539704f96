"""[[retry]]: rules by cause."""

from pathlib import Path

import pytest

from config.retry import RetryRule
from config.settings import ConfigError, load


def rules(tmp_path: Path, text: str) -> list[RetryRule]:
    file = tmp_path / "ringback.toml"
    file.write_text(text)
    return load(file, {}).retry


def test_a_rule_for_one_cause(tmp_path: Path) -> None:
    text = '[[retry]]\ncause = "busy"\nattempts = 3\nspacing_s = [60.0, 300]\n'
    (rule,) = rules(tmp_path, text)
    assert (rule.cause, rule.attempts, rule.spacing_s) == ("busy", 3, [60.0, 300.0])
    assert rule.next_number is True


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[[retry]]\ncause = "bussy"\n', "retry[0].cause"),
        ('[[retry]]\ncause = "busy"\n[[retry]]\ncause = "busy"\n', "stands twice"),
        ('[[retry]]\ncause = "busy"\nattempts = 0\n', "retry[0].attempts"),
        ('[[retry]]\ncause = "busy"\nspacing_s = [0]\n', "retry[0].spacing_s"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        rules(tmp_path, text)
    assert key in str(raised.value)
