"""`from` and `caller_ids` of a trunk, as they may be written and as they may not."""

import pytest

from config.caller_identity import FromAddress, split_from
from config.errors import ConfigError
from config.settings import load


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("sip.example", FromAddress("", "", "sip.example")),
        ("<sip:a@sip.example>", FromAddress("", "a", "sip.example")),
        ("+4420", FromAddress("", "+4420", "")),
    ],
)
def test_the_parts_of_from(text: str, address: FromAddress) -> None:
    assert split_from(text) == address


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("from = 'a b c'", "is no address"),
        ("from = '\"Shop\" sip:a@b.example'", "is no address"),
        ("from = 'Shop <sip:a@b.example'", "is no address"),
        ("from = 'sip:a@b.example;x=y'", "is no address"),
        ("from = 'a@b..example'", "b..example"),
        ("caller_ids = { '+49' = [] }", "names no caller id"),
        ("caller_ids = { 'abc' = '+4930' }", "abc"),
        ("identity = 'P-Asserted-Identity'", "'from', 'pai' or 'rpid'"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    line: str, reason: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("config") / "ringback.toml"
    file.write_text(f'[[trunks]]\nname = "pbx"\nuri = "sip:pbx.example"\n{line}\n')
    with pytest.raises(ConfigError) as refused:
        load(file, environ={})
    assert reason in str(refused.value)
