"""The schema of the control protocol as an OpenRPC document, made from the code's own types.

OpenRPC (spec.open-rpc.org) describes methods and errors. It has no word for events: they are in
the extension `x-events`.
"""

import inspect
import json
import typing
from collections.abc import Awaitable, Mapping
from typing import Any, cast, get_type_hints

import msgspec

from ..errors import KIND_CODES
from . import jsonrpc
from .agent_scope import AGENT_METHODS
from .event_types import ABOUT, COMMON, EVENT_TYPES
from .method import Method
from .methods.agents import AgentMethods
from .methods.audit import AuditMethods
from .methods.callbacks import CallbackMethods
from .methods.calls import CallMethods
from .methods.engine import EngineMethods
from .methods.numbers import NumberMethods
from .methods.persons import PersonMethods
from .methods.queues import QueueMethods
from .methods.records import RecordMethods
from .methods.reports import ReportMethods
from .methods.routes import RouteMethods
from .methods.webhooks import WebhookMethods
from .params import PROTOCOL, Auth, Subscribe
from .roles import needed

OPENRPC = "1.3.2"
NAMESPACES = (
    AgentMethods, AuditMethods, CallbackMethods, CallMethods, EngineMethods, NumberMethods,
    PersonMethods, QueueMethods, RecordMethods, ReportMethods, RouteMethods, WebhookMethods,
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
_REF = "#/components/schemas/{name}"


def openrpc() -> dict[str, Any]:
    """The whole document."""
    table = declared_methods()
    taken = {name: method.params for name, method in table.items()} | dict(OF_THE_CONNECTION)
    structs = tuple(dict.fromkeys(taken.values()))
    _, components = msgspec.json.schema_components(structs, ref_template=_REF)
    return {
        "openrpc": OPENRPC,
        "info": {
            "title": "Ringback control protocol",
            "version": str(PROTOCOL),
            "description": "JSON-RPC 2.0, one object a line. See docs/control-protocol.md.",
        },
        "methods": [
            _method(name, taken[name], table.get(name), components) for name in sorted(taken)
        ],
        "x-events": [_event(name) for name in sorted(EVENT_TYPES)],
        "components": {"schemas": components, "errors": _errors()},
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
    method: Method | None,
    components: Mapping[str, Any],
) -> dict[str, Any]:
    schema = components[params.__name__]
    required = set(schema.get("required", ()))
    return {
        "name": name,
        "summary": inspect.cleandoc(params.__doc__ or "").partition("\n")[0],
        "paramStructure": "by-name",
        "params": [
            {"name": field, "required": field in required, "schema": described}
            for field, described in schema.get("properties", {}).items()
        ],
        "result": {"name": "result", "schema": _result(method)},
        "errors": [{"$ref": f"#/components/errors/{error}"} for error in _errors()],
        _ROLE: needed(name),
        "x-agents": name in AGENT_METHODS or needed(name) == "none",
    }


def _result(method: Method | None) -> dict[str, Any]:
    """As much as the types say of a result: mostly that it is an object."""
    if method is None:
        return {"type": "object"}
    kind = get_type_hints(method.run).get("return", Any)
    if typing.get_origin(kind) is Awaitable:
        (kind,) = typing.get_args(kind)
    if kind is msgspec.Raw:
        return {"type": "object"}
    return msgspec.json.schema(kind)


def _event(name: str) -> dict[str, Any]:
    kind = EVENT_TYPES[name]
    return {
        "name": name,
        "summary": kind.when,
        "members": [*COMMON, *dict.fromkeys((*ABOUT, *kind.members))],
    }


def _errors() -> dict[str, Any]:
    told = {name: {"code": code, "message": message} for name, (code, message) in _ERRORS.items()}
    for kind, code in KIND_CODES.items():
        told[kind] = {"code": code, "message": _WORDS[kind], "data": {"kind": kind}}
    return told
