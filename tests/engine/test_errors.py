"""How the engine refuses."""

import pytest

from engine.errors import KIND_CODES, BadParams, EngineError, Kind


@pytest.mark.parametrize("kind", KIND_CODES)
def test_every_kind_has_a_code_of_its_own_among_those_that_json_rpc_leaves_to_servers(
    kind: Kind,
) -> None:
    code = EngineError(kind, "no").code
    assert -32099 <= code <= -32000
    assert [other for other, one in KIND_CODES.items() if one == code] == [kind]


def test_an_error_has_a_sentence_and_what_is_to_blame() -> None:
    data = {"jobs": ["j1"]}
    error = EngineError("state", "j1 has not ended", field="number", data=data)
    assert (str(error), error.message, error.field) == (
        "j1 has not ended", "j1 has not ended", "number",
    )  # fmt: skip
    assert error.data == data
    assert error.data is not data  # who adds to it changes nobody else's
    assert EngineError("refused", "no").data == {}


def test_a_bad_parameter_is_a_value_error_with_the_name_of_the_parameter() -> None:
    error = BadParams("interval", "is too short")
    assert isinstance(error, ValueError)
    assert (error.field, error.reason, str(error)) == ("interval", "is too short", "is too short")
