"""The OpenRPC document: it has everything, and docs/openrpc.json is that document."""

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from engine.cli.main import app
from engine.control.event_types import EVENT_TYPES
from engine.control.method_roles import METHODS
from engine.control.schema import OF_THE_CONNECTION, declared_methods, openrpc, openrpc_text
from engine.errors import KIND_CODES
from tests.support.engines.in_process import running, settings_in
from tests.support.protocol_pages import EVENT, documented_events, words_of_the_engine

FILE = Path(__file__).parents[3] / "docs" / "openrpc.json"


def test_the_file_in_docs_is_up_to_date() -> None:
    assert FILE.read_text() == openrpc_text(), "docs/openrpc.json is out of date: run `make schema`"


def test_the_command_prints_it_without_an_engine() -> None:
    result = CliRunner().invoke(app, ["--socket", "/nowhere/control.sock", "rpc", "--schema"])
    assert result.exit_code == 0
    assert result.stdout == openrpc_text()


async def test_every_method_that_is_served_is_in_it(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, _client):
        served = {name: method.params for name, method in daemon.control.methods.items()}
    assert {name: method.params for name, method in declared_methods().items()} == served
    described = {method["name"]: method for method in openrpc()["methods"]}
    assert described.keys() == served.keys() | OF_THE_CONNECTION.keys() == METHODS.keys()
    assert {name: method["x-role"] for name, method in described.items()} == METHODS


def test_the_methods_of_the_connection_are_those_it_answers() -> None:
    source = Path(__file__).parents[3].joinpath("engine/control/connections/session.py").read_text()
    answered = dict(re.findall(r'"([a-z.]+)": Method\((\w+), self\._', source))
    assert answered == {name: kind.__name__ for name, kind in OF_THE_CONNECTION.items()}


def test_every_documented_event_is_in_it_and_no_other() -> None:
    documented = {name for name in documented_events() if not name.endswith("*")}
    snapshots = {name for name in EVENT_TYPES if name.startswith("snapshot.")}
    assert EVENT_TYPES.keys() - snapshots == documented - snapshots
    assert [event["name"] for event in openrpc()["x-events"]] == sorted(EVENT_TYPES)


def test_every_event_that_the_code_names_is_in_it() -> None:
    words, _beginnings = words_of_the_engine()
    assert {word for word in words if EVENT.fullmatch(word)} - METHODS.keys() <= EVENT_TYPES.keys()


def test_every_member_of_an_event_is_documented() -> None:
    pages = [*FILE.parent.glob("*.md"), *FILE.parent.glob("protocol/*.md")]
    text = "".join(page.read_text() for page in pages)
    members = {member for kind in EVENT_TYPES.values() for member in kind.members}
    assert {member for member in members if f"`{member}`" not in text} == set()


def test_every_kind_of_error_is_in_it() -> None:
    errors = openrpc()["components"]["errors"]
    assert {kind: errors[kind]["code"] for kind in KIND_CODES} == KIND_CODES
    assert {errors[name]["code"] for name in errors.keys() - KIND_CODES.keys()} == {
        -32700, -32600, -32601, -32602, -32603,
    }  # fmt: skip


def test_every_reference_leads_somewhere() -> None:
    document = openrpc()
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        place = document
        for name in reference.split("/"):
            place = place[name]


ANYTHING = {"AuditEntry.params", "ConditionView.found"}
"""Members that may be any JSON: what a client sent, and what a rule looked at."""


def test_every_reply_is_described_down_to_its_members() -> None:
    document = openrpc()
    results = {method["name"]: method["result"]["schema"] for method in document["methods"]}
    assert [name for name, schema in results.items() if schema in ({}, {"type": "object"})] == []
    members = {
        f"{name}.{member}": schema
        for name, kind in document["components"]["schemas"].items()
        for member, schema in kind.get("properties", {}).items()
    }
    vague = {name for name, schema in members.items() if schema.keys() <= {"description"}}
    assert vague == ANYTHING
