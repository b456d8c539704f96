"""Holds what an engine says against the schema of the protocol: replies, errors and events.

The schema lets clients meet members that are added later. Here no member may be unknown.
"""

import contextlib
import copy
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any
from unittest.mock import patch

import msgspec
from jsonschema_rs import Draft202012Validator, Registry

from engine.control.connections import jsonrpc
from engine.control.requests.in_flight import InFlight
from engine.control.schema import openrpc
from engine.store.event_log import EventLog
from engine.store.kept_events import Event

MOST_OF_ONE_KIND = 20
"""So many replies of a method, and events of a type, are checked of one engine."""

COMPONENTS = "urn:ringback:protocol"

Schema = dict[str, Any]


@cache
def _strict() -> Schema:
    document = copy.deepcopy(openrpc())
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return document


@cache
def _components() -> Registry:
    return Registry([(COMPONENTS, {"components": _strict()["components"]})])


@cache
def _validator_of_reply(method: str) -> Draft202012Validator:
    described = {one["name"]: one for one in _strict()["methods"]}[method]
    return _validator(described["result"]["schema"])


@cache
def _validator_of_event(type: str) -> Draft202012Validator:
    described = {one["name"]: one for one in _strict()["x-events"]}[type]
    common = _strict()["components"]["schemas"]["Event"]
    own = described["schema"].get("properties", {})
    return _validator(common | {"properties": common["properties"] | own})


@cache
def _validator_of_errors() -> Draft202012Validator:
    return _validator({"$ref": "#/components/schemas/ErrorData"})


def _validator(schema: Schema) -> Draft202012Validator:
    return Draft202012Validator(_referring(schema), registry=_components())


def _referring(schema: Any) -> Any:
    """The schema with references to the components, which stand apart: they are read once."""
    if isinstance(schema, list):
        return [_referring(one) for one in schema]
    if isinstance(schema, dict):
        return {
            key: COMPONENTS + one if key == "$ref" else _referring(one)
            for key, one in schema.items()
        }
    return schema


def check_reply(method: str, result: Any) -> None:
    """Raise AssertionError where a reply is not as the schema says."""
    _check(_validator_of_reply(method), f"the reply of {method}", result)


def check_event(params: dict[str, Any]) -> None:
    """Raise AssertionError where an event is not as the schema says."""
    _check(_validator_of_event(params["type"]), f"the event {params['type']}", params)


def check_error(data: Any) -> None:
    """Raise AssertionError where the data of an error are not as the schema says."""
    _check(_validator_of_errors(), "the data of an error", data)


def _check(validator: Draft202012Validator, what: str, instance: Any) -> None:
    for error in validator.iter_errors(instance):
        where = "/".join(map(str, error.instance_path))
        raise AssertionError(f"{what}: {where}: {error.message}")


class ProtocolCheck:
    """Collects what one engine says; `finish` checks it."""

    def __init__(self) -> None:
        self.methods: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self._replies: list[tuple[str, bytes]] = []
        self._errors: list[bytes] = []
        self._events: list[bytes] = []

    def watch(self, events: EventLog) -> None:
        """Collect the events of this log."""
        events.listen(self._heard)

    def _heard(self, event: Event) -> None:
        self.types[event.type] += 1
        if self.types[event.type] <= MOST_OF_ONE_KIND:
            self._events.append(event.line)

    def replied(self, method: str, result: object) -> None:
        """A method has replied."""
        self.methods[method] += 1
        if self.methods[method] <= MOST_OF_ONE_KIND:
            self._replies.append((method, msgspec.json.encode(result)))

    def refused(self, data: object) -> None:
        """A method has replied with an error."""
        self._errors.append(msgspec.json.encode(data))

    def finish(self) -> None:
        """Raise AssertionError for what is not as the schema says."""
        for method, body in self._replies:
            check_reply(method, msgspec.json.decode(body))
        for body in dict.fromkeys(self._errors):
            check_error(msgspec.json.decode(body))
        for line in self._events:
            check_event(msgspec.json.decode(line)["params"])


@contextlib.contextmanager
def checked_replies(check: ProtocolCheck) -> Iterator[None]:
    """Collect the replies that go over any control socket of this process."""
    reply, error_line = InFlight._reply, jsonrpc.error_line

    def replied(self: InFlight, request: Any, principal: Any, result: object) -> None:
        check.replied(request.method, result)
        reply(self, request, principal, result)

    def refused(error: jsonrpc.RpcError) -> bytes:
        check.refused(error.data)
        return error_line(error)

    with (
        patch.object(InFlight, "_reply", replied),
        patch.object(jsonrpc, "error_line", refused),
    ):
        yield
