"""Regular expressions of the configuration."""

import pytest

from config.numbering import Numbering
from config.patterns import compile_regex
from tests.support.configuration import refused_values


def test_a_regular_expression_takes_no_longer_than_its_text() -> None:
    assert compile_regex("(a+)+b").search("a" * 20_000) is None
    assert compile_regex("^ü.$").search("üx")


def test_what_is_none_is_said_in_words_and_nowhere_else(capfd: pytest.CaptureFixture[str]) -> None:
    said = refused_values(Numbering, extension="[1-7")
    assert "'[1-7' is not a regular expression (RE2): missing ]" in said
    assert capfd.readouterr().err == ""
