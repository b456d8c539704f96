"""The errors of the client are those of the protocol."""

from typing import get_args

import engine.errors
import ringback_client.errors
from engine.control.connections.jsonrpc import INVALID_PARAMS


def test_kinds_and_codes_are_those_of_the_engine() -> None:
    assert ringback_client.errors.KIND_CODES == engine.errors.KIND_CODES
    assert get_args(ringback_client.errors.Kind) == get_args(engine.errors.Kind)
    assert ringback_client.errors.INVALID_PARAMS == INVALID_PARAMS


def test_the_client_has_an_error_of_its_own() -> None:
    error = ringback_client.EngineError("conflict", "it is another", "id", {"job": "j1"})
    assert (error.code, error.kind, error.field, error.data) == (
        -32000, "conflict", "id", {"job": "j1"},
    )  # fmt: skip
    assert not isinstance(error, engine.errors.EngineError)
