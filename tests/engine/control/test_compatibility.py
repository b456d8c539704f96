"""The protocol keeps what the last release promised: see docs/compatibility.md."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.control.method_roles import RANKS
from engine.control.params import PROTOCOL
from engine.control.schema import openrpc

RECORDED = Path(__file__).with_name("recorded_protocol.json")
WHAT_TO_DO = (
    "Clients of the last release would break. Keep it, or make the change in a way that "
    "docs/compatibility.md allows. If neither is possible, raise PROTOCOL in "
    "engine/control/params.py, run `make record-protocol`, and name the change in CHANGELOG.md."
)

Schema = dict[str, Any]


def broken_promises(before: Schema, now: Schema) -> list[str]:
    """What a client of `before` relies on and does not find in `now`, one sentence each."""
    found: list[str] = []
    methods = {method["name"]: method for method in now["methods"]}
    for method in before["methods"]:
        name = method["name"]
        if name not in methods:
            found.append(f"The method {name} is gone.")
            continue
        found += _of_method(method, methods[name])
    members = {event["name"]: set(event["members"]) for event in now["x-events"]}
    for event in before["x-events"]:
        name = event["name"]
        if name not in members:
            found.append(f"The event {name} is gone.")
            continue
        found += [
            f"The member {member} of the event {name} is gone."
            for member in event["members"]
            if member not in members[name]
        ]
    errors = now["components"]["errors"]
    found += [
        f"The error {name} is gone, or has another code."
        for name, error in before["components"]["errors"].items()
        if errors.get(name, {}).get("code") != error["code"]
    ]
    return found


def _of_method(before: Schema, now: Schema) -> list[str]:
    found: list[str] = []
    name = before["name"]
    known = {param["name"]: param["required"] for param in before["params"]}
    present = {param["name"]: param["required"] for param in now["params"]}
    found += [
        f"The parameter {param} of {name} is gone." for param in known if param not in present
    ]
    found += [
        f"The parameter {param} of {name} is required now."
        for param, is_required in present.items()
        if is_required and not known.get(param, False)
    ]
    if RANKS[now["x-role"]] > RANKS[before["x-role"]]:
        found.append(f"The method {name} needs the role {now['x-role']} now.")
    if before["x-agents"] and not now["x-agents"]:
        found.append(f"An agent may no longer ask for {name}.")
    return found


def test_a_client_of_the_last_release_goes_on_working() -> None:
    recorded = json.loads(RECORDED.read_text())
    if recorded["info"]["version"] != str(PROTOCOL):
        pytest.fail("The protocol has another version: run `make record-protocol`.")
    broken = broken_promises(recorded, openrpc())
    assert not broken, "\n".join([*broken, WHAT_TO_DO])


def _method(schema: Schema, name: str) -> Schema:
    return next(method for method in schema["methods"] if method["name"] == name)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda now: now["methods"].remove(_method(now, "queue.move")),
            "The method queue.move is gone.",
        ),
        (
            lambda now: _method(now, "call.get")["params"].pop(0),
            "The parameter call of call.get is gone.",
        ),
        (
            lambda now: _method(now, "call.get")["params"][0].update(required=True),
            "The parameter call of call.get is required now.",
        ),
        (
            lambda now: _method(now, "ping")["params"].append({"name": "new", "required": True}),
            "The parameter new of ping is required now.",
        ),
        (
            lambda now: _method(now, "ping").update({"x-role": "operate"}),
            "The method ping needs the role operate now.",
        ),
        (lambda now: now["x-events"].pop(0), "The event agent.added is gone."),
        (
            lambda now: now["x-events"][0]["members"].remove("agent"),
            "The member agent of the event agent.added is gone.",
        ),
        (
            lambda now: now["components"]["errors"].pop("state"),
            "The error state is gone, or has another code.",
        ),
    ],
)
def test_what_breaks_a_client_is_found(change: Callable[[Schema], object], sentence: str) -> None:
    before = openrpc()
    now = copy.deepcopy(before)
    change(now)
    assert broken_promises(before, now) == [sentence]


def test_what_is_added_breaks_nobody() -> None:
    before = openrpc()
    now = copy.deepcopy(before)
    _method(now, "ping")["params"].append({"name": "new", "required": False})
    now["methods"].append(_method(now, "ping") | {"name": "engine.new"})
    now["x-events"].append({"name": "engine.new", "members": []})
    assert broken_promises(before, now) == []
