"""JSON-RPC 2.0, one object a line: lines cut out of a stream, requests read, replies written."""

import re
from typing import Any, Literal, NamedTuple, TypedDict, cast

import msgspec
from msgspec import structs

from ...errors import EngineError
from ..requests.reasons import explain
from ..requests.surrogates import Half, find_half

# JSON-RPC 2.0 section 5.1
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603


ID_BYTES = 1024
NULL = b"null"


class RpcError(Exception):
    """A request that is answered with a JSON-RPC error. `id` is the raw JSON of the request's."""

    def __init__(self, code: int, message: str, *, id: bytes = NULL, **data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = id
        self.data = data


class RpcRequest(NamedTuple):
    """One request. `id` and `params` are raw JSON; `id` is None for a notification."""

    id: bytes | None
    method: str
    params: bytes


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    jsonrpc: Any = None
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    method: Any = None
    params: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _AnyId(msgspec.Struct):
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_envelope = msgspec.json.Decoder(_Envelope)
_anything = msgspec.json.Decoder()
_any_id = msgspec.json.Decoder(_AnyId)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder()


def read_request(line: bytes) -> RpcRequest:
    """The request in a line. Raises RpcError, with the request's id where there is one."""
    try:
        if not line.isascii():
            line.decode()
        envelope = _envelope.decode(line)
    except UnicodeDecodeError as error:
        raise RpcError(PARSE_ERROR, f"not UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise RpcError(PARSE_ERROR, "JSON is nested too deeply") from error
    except msgspec.ValidationError as error:
        raise _not_a_request(line, error) from error
    except msgspec.DecodeError as error:
        half = find_half(line)
        raise (RpcError(PARSE_ERROR, str(error)) if half is None else _half(half)) from error
    id = _checked_id(envelope.id)
    known_id = NULL if id is None else id
    if envelope.jsonrpc != "2.0":
        raise RpcError(INVALID_REQUEST, 'jsonrpc: must be "2.0"', id=known_id, field="jsonrpc")
    if not isinstance(envelope.method, str):
        raise RpcError(INVALID_REQUEST, "method: must be a string", id=known_id, field="method")
    params = b"{}" if isinstance(envelope.params, msgspec.UnsetType) else bytes(envelope.params)
    if not params.startswith((b"{", b"[")):
        raise RpcError(INVALID_REQUEST, "params: must be an object", id=known_id, field="params")
    return RpcRequest(id, envelope.method, params)


def _half(half: Half) -> RpcError:
    """The error for a line in which half of a surrogate pair stands for no character."""
    where, _, field = half.path.partition(".")
    reason = "has half of a surrogate pair, which is no character"
    try:
        id = _checked_id(_any_id.decode(half.mended).id)
    except (msgspec.DecodeError, RpcError):
        id = None
    if where == "id":  # which cannot be given back
        return RpcError(PARSE_ERROR, f"{where}: {reason}")
    known_id = NULL if id is None else id
    if where != "params" or not field:
        return RpcError(INVALID_REQUEST, f"{where}: {reason}", id=known_id, field=where)
    error = bad_params(field, reason)
    error.id = known_id
    return error


def _checked_id(raw: msgspec.Raw | msgspec.UnsetType) -> bytes | None:
    if isinstance(raw, msgspec.UnsetType):
        return None
    id = bytes(raw)
    if id[:1] in (b"{", b"[", b"t", b"f"):
        raise RpcError(INVALID_REQUEST, "id: must be a string, a number or null", field="id")
    if len(id) > ID_BYTES:
        raise RpcError(INVALID_REQUEST, f"id: longer than {ID_BYTES} bytes", field="id")
    return id


def _not_a_request(line: bytes, error: msgspec.ValidationError) -> RpcError:
    """The error for a line that did not fit the envelope, which may be no JSON at all."""
    try:
        _anything.decode(line)
    except RecursionError:
        return RpcError(PARSE_ERROR, "JSON is nested too deeply")
    except msgspec.ValidationError:
        pass  # a number too large: JSON all the same
    except msgspec.DecodeError as malformed:
        return RpcError(PARSE_ERROR, str(malformed))
    if line.lstrip()[:1] == b"[":
        reason = "batch arrays are not taken: send one object a line; lines may be pipelined"
        return RpcError(INVALID_REQUEST, reason)
    field, reason = explain(error)
    try:
        id = _checked_id(_any_id.decode(line).id)
    except (msgspec.DecodeError, RpcError):
        id = None
    message = f"{field}: {reason}" if field else f"not a request: {reason}"
    data = {"field": field} if field else {}
    return RpcError(INVALID_REQUEST, message, id=NULL if id is None else id, **data)


def read_params(decoder: "msgspec.json.Decoder[Any]", params: bytes) -> Any:
    """The parameters, checked. Raises RpcError naming the first field that is wrong, and why.

    One that is optional may be null, whatever its type: it is left out.
    """
    if params.startswith(b"["):
        raise bad_params("params", "must be an object: parameters are given by name")
    try:
        return decoder.decode(params)
    except RecursionError as error:
        raise RpcError(PARSE_ERROR, "JSON is nested too deeply") from error
    except msgspec.ValidationError as error:
        kind = cast(type[msgspec.Struct], decoder.type)
        given = _without_nulls(kind, params)
        if given is not None:
            return read_params(decoder, given)
        raise bad_params(*explain(error, kind)) from error
    except msgspec.DecodeError as error:
        raise RpcError(PARSE_ERROR, str(error)) from error


def _without_nulls(type: type[msgspec.Struct], params: bytes) -> bytes | None:
    """The parameters without the optional ones that are null; None where none is."""
    try:
        given = _members.decode(params)
    except msgspec.DecodeError:
        return None
    optional = {field.encode_name for field in structs.fields(type) if not field.required}
    kept = {
        name: value for name, value in given.items() if name not in optional or bytes(value) != NULL
    }
    return None if len(kept) == len(given) else _encoder.encode(kept)


def bad_params(field: str, reason: str) -> RpcError:
    """The error for a parameter that does not hold."""
    return RpcError(INVALID_PARAMS, f"{field}: {reason}", field=field, reason=reason)


def result_line(id: bytes, result: Any) -> bytes:
    """The reply to a request that was done."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (id, _encoder.encode(result))


def error_line(error: RpcError) -> bytes:
    """The reply to a request that was not understood."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data:
        body["data"] = error.data
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}\n' % (error.id, _encoder.encode(body))


class FaultView(TypedDict):
    """One fault of a configuration file."""

    key: str
    """The key."""
    line: int | None
    """Its line in the file; null where the environment sets it."""
    reason: str
    """What is wrong with it."""


class ErrorData(TypedDict, total=False):
    """The `data` of an error. What does not concern it is left out."""

    kind: Literal["conflict", "not_found", "refused", "unavailable", "state"]
    """The kind of an error of the engine; left out where the request was not understood."""
    field: str
    """The parameter that is to blame, dotted where it is inside another."""
    reason: str
    """Of wrong parameters: what is wrong. Of a queue: `full` or `closed`. Else why, in words."""
    method: str
    """The method that is not known."""
    policy: str
    """The policy that refuses: `do_not_call`, `hours`, `velocity`, `cost`, `destination`, …"""
    until: float | None
    """Until when a number is blocked (Unix seconds); null: for good."""
    opens_at: float | None
    """When calling hours begin, or the queue opens (Unix seconds); null: not foreseeable."""
    schedule: bool
    """Whether the closed queue accepts callbacks for when it opens."""
    length: int
    """How many may wait in the full queue."""
    limit: str
    """What is limited: `number`, `site`, `source`, `total` or `rate`."""
    retry_at: float | None
    """When the limit admits it again (Unix seconds); null: never."""
    prefix: str | None
    """The prefix of `destinations` that refuses the number."""
    line_type: str
    """The kind of number that is refused."""
    emergency: bool
    """It is an emergency number."""
    not_before: float | None
    """When it may be called (Unix seconds)."""
    seats: int
    """How many agents may be logged in."""
    role: str
    """The role that may."""
    had: str
    """The role of who asked."""
    file: str
    """The configuration file that is wrong."""
    key: str
    """The key in it: of several faults the first."""
    errors: list[FaultView]
    """Every fault of the file."""
    store: str
    """Why the store could not write or read: one word."""
    jobs: list[str]
    """The jobs that have not ended."""
    calls: list[str]
    """The calls that are up."""


def engine_error(error: EngineError, id: bytes = NULL) -> RpcError:
    """An engine error as the wire shows it: `data.kind`, and `data.field` where one is to blame."""
    data = {**error.data, "kind": error.kind}
    if error.field is not None:
        data["field"] = error.field
    return RpcError(error.code, error.message, id=id, **data)


class LineTooLong(Exception):
    """A line went over the limit; the rest of it is skipped."""


_NOT_SPACE = re.compile(rb"\S")


class LineBuffer:
    """Cuts a stream into lines of at most `limit` bytes, holding no more than that and a chunk."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._start = 0  # of the line that is next
        self._scanned = 0  # no line end before this
        self._skipping = False
        self.skipped = 0
        """How many bytes were skipped of the line that has no end yet."""

    def feed(self, data: bytes | memoryview) -> None:
        """Take what was received."""
        if self._start:
            del self._buffer[: self._start]
            self._scanned -= self._start
            self._start = 0
        self._buffer += data

    def next(self) -> bytes | None:
        """The next line without its end, None when there is no whole one. Raises LineTooLong."""
        buffer = self._buffer
        while True:
            end = buffer.find(b"\n", self._scanned)
            if end < 0:
                self._scanned = len(buffer)
                if self._skipping:
                    self.skipped += len(buffer) - self._start
                    self.clear()
                elif len(buffer) - self._start > self.limit:
                    self.clear()
                    self._skipping = True
                    raise LineTooLong
                return None
            start, self._start = self._start, end + 1
            self._scanned = self._start
            if self._skipping:
                self._skipping = False
                self.skipped = 0
            elif end - start > self.limit:
                raise LineTooLong
            else:
                return bytes(buffer[start:end])

    def clear(self) -> None:
        """Forget what is held."""
        self._buffer.clear()
        self._start = self._scanned = 0

    def skip(self) -> None:
        """Forget the line that has been begun, and what comes until its end."""
        self.clear()
        self._skipping = True

    @property
    def held(self) -> int:
        """How many bytes are held."""
        return len(self._buffer) - self._start

    @property
    def has_rest(self) -> bool:
        """Whether more than spaces is held that is not a whole line yet."""
        return _NOT_SPACE.search(self._buffer, self._start) is not None
