"""The one error of a configuration is one line."""

import pytest

from config.errors import ConfigError


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (("f.toml", "sip.listen", "in use"), "f.toml: sip.listen: in use"),
        (("f.toml", "", "cannot be read"), "f.toml: cannot be read"),
        (("f.toml", "a", "two\n  lines\r\n"), "f.toml: a: two lines"),
    ],
)
def test_text_is_file_key_reason_on_one_line(parts: tuple[str, str, str], line: str) -> None:
    error = ConfigError(*parts)
    assert str(error) == line
    assert (error.file, error.key) == parts[:2]
