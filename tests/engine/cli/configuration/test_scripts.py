"""`ringback script`: what is listed, walked through and drawn."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.cli.main import app

CONFIG = """
[[queues]]
name = "sales"
after_script = "reception"

[[inbound]]
name = "shop"
queue = "sales"
script = "reception"

[[sites]]
key = "shop-key"
name = "shop.example"
origins = ["https://shop.example"]
queue = "sales"
customer_script = "reception"

[[scripts]]
name = "reception"

[[scripts.steps]]
name = "hours"
kind = "branch"
calendar = "office"
cases = { open = "menu" }
next = "circle"

[[scripts.steps]]
name = "menu"
kind = "menu"
text = "Hello {context.name}: press 1."
keys = { "1" = "go" }
no_input = "menu"

[[scripts.steps]]
name = "go"
kind = "connect"

[[scripts.steps]]
name = "circle"
kind = "menu"
text = "Closed."
timeout_s = 300.0
keys = { "1" = "circle" }
no_input = "circle"

[[calendars]]
name = "office"
zone = "UTC"
hours = ["mon-fri 09:00-17:00"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ringback.toml"
    path.write_text(CONFIG)
    return path


def run(config: Path, *words: str, keys: str = "") -> Result:
    return CliRunner().invoke(app, ["script", *words, "--config", str(config)], input=keys)


def test_scripts_are_listed_with_what_uses_them(config: Path) -> None:
    assert "reception" in run(config, "list").output
    shown = json.loads(run(config, "list", "--json").output)
    assert shown == {
        "scripts": [
            {
                "script": "reception",
                "language": "",
                "steps": 4,
                "used_by": ["inbound shop", "queue sales", "site shop.example"],
            }
        ]
    }


def test_script_is_tried_with_keys_from_standard_input(config: Path) -> None:
    monday = "2026-01-05T12:00+00:00"
    tried = run(config, "try", "reception", "--set", "name=Ann", "--at", monday, keys="1\n")
    assert tried.exit_code == 0
    assert "asks: Hello Ann: press 1." in tried.output
    assert "=> connect" in tried.output
    assert "steps: hours menu go" in tried.output


def test_script_is_tried_where_nobody_may_be_called_back(tmp_path: Path) -> None:
    file = tmp_path / "callback.toml"
    file.write_text(
        '[[scripts]]\nname = "later"\n'
        '[[scripts.steps]]\nname = "call"\nkind = "callback"\nfailed = "sorry"\n'
        '[[scripts.steps]]\nname = "sorry"\nkind = "hangup"\ntext = "Sorry."\n'
    )
    assert "steps: call\n" in run(file, "try", "later").output
    tried = run(file, "try", "later", "--refuse-callbacks")
    assert "refused: nobody may be called back" in tried.output
    assert "steps: call sorry" in tried.output


def test_script_that_takes_too_long_fails(config: Path) -> None:
    tried = run(config, "try", "reception", "--at", "2026-01-04T12:00+00:00")
    assert tried.exit_code == 1
    assert "=> max_s: script reception took over 600 s" in tried.output


def test_script_is_drawn(config: Path) -> None:
    drawn = run(config, "draw", "reception").output
    assert drawn.startswith("flowchart TD\n")
    assert 's0 -->|"open"| s1' in drawn


def test_what_is_wrong_is_said(config: Path) -> None:
    assert run(config, "try", "recepton").exit_code == 2
    assert run(config, "draw", "recepton").exit_code == 2
    assert run(config, "try", "reception", "--set", "name").exit_code == 2
    assert run(config, "try", "reception", "--at", "noon").exit_code == 2
    config.write_text("[[scripts]]\nname = 'x'\n")
    assert run(config, "list").exit_code == 2
    assert json.loads(run(config, "list", "--json").stdout)["ok"] is False
    assert run(Path("/no/such.toml"), "list").exit_code == 2
