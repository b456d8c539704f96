"""The schema of the control protocol as an OpenRPC document, made from the code's own types.

OpenRPC (spec.open-rpc.org) describes methods, results and errors. It has no word for events: they
are in the extension `x-events`, each with the schema of its parameters. The `data` of errors is in
`components.schemas.ErrorData`.
"""

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from ..errors import KIND_CODES
from ..job import LegRecord
from ..personal.person import ERASED
from ..reports.record_view import LegFigures
from .connections import jsonrpc
from .connections.jsonrpc import ErrorData
from .event_types import ABOUT, COMMON, EVENT_TYPES
from .method import Method
from .method_roles import AGENT_METHODS, AGENT_REQUEST_METHODS, needed
from .methods.agents import AgentMethods
from .methods.audit import AuditMethods
from .methods.browsers import BrowserMethods
from .methods.call_control import CallControlMethods
from .methods.callbacks import CallbackMethods
from .methods.calls import CallMethods
from .methods.conferences import ConferenceMethods
from .methods.engine import EngineMethods
from .methods.numbers import NumberMethods
from .methods.persons import PersonMethods
from .methods.plays import PlayMethods
from .methods.queues import QueueMethods
from .methods.recordings import RecordingMethods
from .methods.records import RecordMethods
from .methods.reports import ReportMethods
from .methods.routes import RouteMethods
from .methods.speech import SpeechMethods
from .methods.streams import StreamMethods
from .methods.traces import TraceMethods
from .methods.trunks import TrunkMethods
from .methods.webhooks import WebhookMethods
from .openrpc.event_members import member_of
from .openrpc.type_schema import Schema, components, with_sentence
from .params import PROTOCOL, Auth, Authenticated, Subscribe, Subscribed

OPENRPC = "1.3.2"
NAMESPACES = (
    AgentMethods, AuditMethods, BrowserMethods, CallbackMethods, CallControlMethods, CallMethods,
    ConferenceMethods, EngineMethods,
    NumberMethods, PersonMethods, PlayMethods, QueueMethods, RecordingMethods, RecordMethods,
    ReportMethods, SpeechMethods, StreamMethods,
    RouteMethods, TraceMethods, TrunkMethods, WebhookMethods,
)  # fmt: skip
# The connection answers these itself.
OF_THE_CONNECTION: Mapping[str, type[msgspec.Struct]] = {
    "auth": Auth,
    "events.subscribe": Subscribe,
}
_ERRORS = {
    "ParseError": (jsonrpc.PARSE_ERROR, "not JSON, not UTF-8, or nested too deeply"),
    "InvalidRequest": (jsonrpc.INVALID_REQUEST, "JSON, but no request"),
    "MethodNotFound": (jsonrpc.METHOD_NOT_FOUND, "unknown method"),
    "InvalidParams": (jsonrpc.INVALID_PARAMS, "wrong parameters"),
    "InternalError": (jsonrpc.INTERNAL_ERROR, "a defect of the engine"),
}
_WORDS = {
    "conflict": "the id exists and was requested with other parameters",
    "not_found": "there is no such thing",
    "refused": "not allowed",
    "unavailable": "not possible for the moment",
    "state": "not possible in this state",
}
_ROLE = "x-role"
# The connection answers these itself.
_REPLIES: Mapping[str, object] = {"auth": Authenticated, "events.subscribe": Subscribed}
# The store keeps what the worker of its time reported: the type there is wider.
_INSTEAD: Mapping[tuple[type, str], object] = {(LegRecord, "media"): LegFigures}


def openrpc() -> dict[str, Any]:
    """The whole document."""
    table = declared_methods()
    params = {name: method.params for name, method in table.items()} | dict(OF_THE_CONNECTION)
    replies = {name: method.result for name, method in table.items()} | dict(_REPLIES)
    members = [member_of(name, member).type for name in EVENT_TYPES for member in _members(name)]
    members.append(member_of("", ERASED).type)
    kinds = list(dict.fromkeys([*params.values(), *replies.values(), *members, ErrorData]))
    found, schemas = components(kinds, _INSTEAD)
    of = dict(zip(kinds, found, strict=True))
    return {
        "openrpc": OPENRPC,
        "info": {
            "title": "Ringback control protocol",
            "version": str(PROTOCOL),
            "description": "JSON-RPC 2.0, one object a line. See docs/control-protocol.md.",
        },
        "methods": [
            _method(name, params[name], of[replies[name]], schemas) for name in sorted(params)
        ],
        "x-events": [_event(name, of) for name in sorted(EVENT_TYPES)],
        "components": {"schemas": schemas | {"Event": _common(of)}, "errors": _errors()},
    }


def openrpc_text() -> str:
    """The document as JSON, with a line end: what docs/openrpc.json has."""
    return json.dumps(openrpc(), indent=1, ensure_ascii=False) + "\n"


def declared_methods() -> dict[str, Method]:
    """Every method but those of the connection. They are described only: none can be run."""
    table: dict[str, Method] = {}
    for namespace in NAMESPACES:
        # A table names functions. Those of the class have the same types as those of an object.
        table |= namespace.table(cast(Any, namespace))
    return table


def _method(
    name: str,
    params: type[msgspec.Struct],
    result: Schema,
    schemas: Mapping[str, Schema],
) -> dict[str, Any]:
    schema = schemas[params.__name__]
    required = set(schema.get("required", ()))
    return {
        "name": name,
        "summary": inspect.cleandoc(params.__doc__ or "").partition("\n")[0],
        "paramStructure": "by-name",
        "params": [
            {"name": field, "required": field in required, "schema": described}
            for field, described in schema.get("properties", {}).items()
        ],
        "result": {"name": "result", "schema": result},
        "errors": [{"$ref": f"#/components/errors/{error}"} for error in _errors()],
        _ROLE: needed(name),
        "x-agents": name in AGENT_METHODS | AGENT_REQUEST_METHODS or needed(name) == "none",
    }


def _members(name: str) -> list[str]:
    return [*COMMON, *dict.fromkeys((*ABOUT, *EVENT_TYPES[name].members))]


def _event(name: str, of: Mapping[Any, Schema]) -> dict[str, Any]:
    return {
        "name": name,
        "summary": EVENT_TYPES[name].when,
        "members": _members(name),
        "schema": {
            "allOf": [{"$ref": "#/components/schemas/Event"}],
            "properties": _properties(name, EVENT_TYPES[name].members, of),
        },
    }


def _properties(event: str, names: Iterable[str], of: Mapping[Any, Schema]) -> dict[str, Schema]:
    members = {name: member_of(event, name) for name in names}
    return {name: with_sentence(of[one.type], one.says) for name, one in members.items()}


def _common(of: Mapping[Any, Schema]) -> Schema:
    """What every event has, or may have."""
    return {
        "title": "Event",
        "description": "What every event has, and what says whom it is about.",
        "type": "object",
        "properties": _properties("", (*COMMON, *ABOUT, ERASED), of),
        "required": list(COMMON),
    }


def _errors() -> dict[str, Any]:
    found = {name: {"code": code, "message": message} for name, (code, message) in _ERRORS.items()}
    for kind, code in KIND_CODES.items():
        found[kind] = {"code": code, "message": _WORDS[kind], "data": {"kind": kind}}
    return found
