"""What a configuration dials, shows and publishes is checked as the running engine would."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import Settings
from engine.checks import configuration
from engine.checks.configuration import load, readings_of
from engine.routing import local_codecs

BASE = """\
[[trunks]]
name = "pbx"
uri = "sip:192.0.2.1"
username = "account-7"
password = "x"
[[routes]]
prefix = "+44"
trunks = ["pbx"]
[[agents]]
name = "alice"
uri = "sip:alice@192.0.2.2"
[[queues]]
name = "sales"
agents = ["alice"]
"""
LAST = len(BASE.splitlines())


def loaded(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "ringback.toml"
    path.write_text(text)
    return load(path, {})


def faults(tmp_path: Path, text: str) -> list[tuple[str, str, int | None]]:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, text)
    return [(one.key, one.reason, one.line) for one in raised.value.faults]


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("overflow = [{ after_s = 1.0, number = '112' }]", "queues[0].overflow[0].number",
         "112 is an emergency number"),
        ("overflow = [{ after_s = 1.0, number = '7946 0123' }]", "queues[0].overflow[0].number",
         "not a valid number of GB"),
        ("overflow = [{ after_s = 1.0, number = '0906 123 4567' }]", "queues[0].overflow[0].number",
         "premium rate"),
        ("[[scripts]]\nname = 's'\nsteps = [{ name = 'a', kind = 'transfer', number = '999' }]",
         "scripts[0].steps[0].number", "999 is an emergency number"),
        ("[[centres]]\nname = 'c'\nnumber = '00 49 30 123456'", "centres[0].number", "no route"),
        ("[[agents]]\nname = 'bob'\nuri = '1001'", "agents[1].uri", "not a valid number of GB"),
        ("[[agents]]\nname = 'bob'\nuri = 'sip:999@192.0.2.1'", "agents[1].uri", "emergency"),
        ("[[agents]]\nname = 'bob'\nuri = 'sip:110@192.0.2.1'", "agents[1].uri", "emergency"),
        ("[[agents]]\nname = 'bob'\naddresses = [{ uri = '+12127365000' }]",
         "agents[1].addresses[0].uri", "no route for +12127365000"),
        ("[[agents]]\nname = 'bob'\nuri = 'sip:alice@192.000.2.2:5060;transport=udp'",
         "agents[1].uri", "an address of agent 'alice' as well"),
        ("[dial]\ncaller_id = 'hello'", "dial.caller_id", "'hello' is no number"),
        ("[[trunks]]\nname = 't'\nuri = 'sip:192.0.2.9'\ncaller_id = '999'",
         "trunks[1].caller_id", "emergency"),
        ("[[trunks]]\nname = 't'\nuri = 'sip:192.0.2.9'\n"
         "numbers_out = {strip = 13, prepend = '112'}",
         "trunks[1].numbers_out", "emergency"),
        ("[[trunks]]\nname = 't'\nuri = 'sip:192.0.2.9'\nnumbers_out = {prepend = '9'}",
         "trunks[1].numbers_out", "cannot be dialled"),
        ("[[rules]]\nname = 'r'\n[rules.set]\ncaller_id = '7946 0123'", "rules[0].set.caller_id",
         "not a valid number"),
        ("[[rules]]\nname = 'r'\n[rules.set]\nagent = 'eve'", "rules[0].set.agent", "'eve'"),
        ("[[rules]]\nname = 'r'\n[rules.match]\nagent = ['alice', 'eve']", "rules[0].match.agent",
         "'eve'"),
        ("[[agents]]\nname = 'bot'\nstream = 'wss://b.example'\nfallback = {to = '999'}",
         "agents[1].fallback.to", "emergency"),
        ("[[scripts]]\nname = 's'\n[[scripts.steps]]\nname = 'bot'\nkind = 'transfer'\n"
         "stream = 'wss://b.example'\nfallback = {to = 'eve'}",
         "scripts[0].steps[0].fallback.to", "'eve'"),
        ("[numbering]\nshort_codes = ['999']", "numbering.short_codes[0]", "emergency"),
        ("[numbering]\nshort_codes = ['118118']", "numbering.short_codes[0]", "no route"),
        ("[[webhooks]]\nname = 'w'\nurl = 'https://x.example'\nsecret = '0123456789abcdef'\n"
         "types = ['callback.', 'calback.']", "webhooks[0].types[1]", "begins with 'calback.'"),
        ("[[inbound]]\nname = 'a'\nnumber = '+4420'\nqueue = 'sales'\n"
         "[[inbound]]\nname = 'b'\nnumber = '02079460123'\nexact = true\nqueue = 'sales'",
         "inbound[1].number", "the earlier [[inbound]] 'a' takes every call of 'b'"),
        ("[[inbound]]\nname = 'a'\nnumber = '+442079460123'\nexact = true\nqueue = 'sales'\n"
         "[[inbound]]\nname = 'b'\nnumber = '+442079460123'\nexact = true\nqueue = 'sales'",
         "inbound[1].number", "the earlier [[inbound]] 'a' takes every call of 'b'"),
        ("[[rooms]]\nname = 'vip'", "rooms[0].name", "no queue is named 'vip'"),
        ("[[inbound]]\nname = 'a'\nqueue = 'sales'\n[[inbound]]\nname = 'b'\ntrunks = ['pbx']\n"
         "queue = 'sales'", "inbound[1].number", "'a' takes every call of 'b'"),
    ],
)  # fmt: skip
def test_what_the_engine_would_come_upon(tmp_path: Path, text: str, key: str, reason: str) -> None:
    ((found, why, line),) = faults(tmp_path, BASE + text)
    assert found == key
    assert reason in why
    assert line is not None and line > LAST


@pytest.mark.parametrize(
    "text",
    [
        "[[rooms]]\nname = 'default'\n[[rooms]]\nname = 'sales'\n[[rooms]]\nname = 'vip'\n"
        "[[inbound]]\nname = 'a'\nqueue = 'sales'\nroom = 'vip'",
        "[[inbound]]\nname = 'a'\nnumber = '+442079460123'\nexact = true\nqueue = 'sales'\n"
        "[[inbound]]\nname = 'b'\nnumber = '+442079460123'\nqueue = 'sales'",
        "[dial]\ncaller_id = 'account-7'",
        "[dial]\ncaller_id = '2001'",
        "[numbering]\nextension = '1\\d\\d'\n[[agents]]\nname = 'b'\nuri = 'sip:110@192.0.2.1'",
        "[[inbound]]\nname = 'a'\nnumber = '+4420'\ntrunks = ['pbx']\nqueue = 'sales'\n"
        "[[inbound]]\nname = 'b'\nnumber = '+44'\nqueue = 'sales'",
        "[[agents]]\nname = 'b'\nuri = 'sip:alice@192.0.2.2:5062'",
    ],
)
def test_what_may_be_meant(tmp_path: Path, text: str) -> None:
    loaded(tmp_path, BASE + text)


def test_all_faults_of_a_file_come_in_one_run_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = BASE.replace('prefix = "+44"', 'prefix = "0044"').replace('["alice"]', '["alyce"]')
    text += "[[agents]]\nname = 'bob'\nuri = '1001'\n[dial]\ncaller_id = 'hello'\n"
    found = faults(tmp_path, text)
    assert [(key, line) for key, _why, line in found] == [
        ("routes[0].prefix", 7),
        ("queues[0].agents", 14),
        ("agents[1].uri", 17),
        ("dial.caller_id", 19),
    ]


def test_how_numbers_of_the_configuration_are_read(tmp_path: Path) -> None:
    text = """\
[numbering]
extension = '[1-7]\\d{3}'
extension_trunks = ["pbx"]
[[agents]]
name = "bob"
addresses = [{ uri = "2001" }, { uri = "02079460123" }]
[[rules]]
name = "r"
set = { agent = "alice" }
"""
    assert readings_of(loaded(tmp_path, BASE + text)) == [
        ("agents[1].addresses[0].uri", "2001", "the extension 2001 of pbx"),
        ("agents[1].addresses[1].uri", "02079460123", "the number +442079460123"),
    ]


def test_an_account_all_of_whose_codecs_are_missing_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_codecs, "missing", lambda: {"opus": "libopus is not here"})
    monkeypatch.setattr(configuration, "missing", lambda: {"opus": "libopus is not here"})
    trunk, agent = 'uri = "sip:192.0.2.1"', 'uri = "sip:alice@192.0.2.2"'
    some = BASE.replace(trunk, trunk + '\ncodecs = ["opus", "PCMU"]')
    assert loaded(tmp_path, some).trunks[0].codecs == ["opus", "PCMU"]
    none = BASE.replace(agent, agent + '\ncodecs = ["opus"]')
    assert [fault[:2] for fault in faults(tmp_path, none)] == [
        ("agents[0].codecs", "libopus is not here")
    ]


def test_browsers_need_a_library_that_may_not_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = BASE + "[sip]\nlisten = ['udp:127.0.0.1:5060', 'ws:127.0.0.1:5066']\n"
    loaded(tmp_path, text)
    monkeypatch.setattr(configuration, "is_installed", lambda: False)
    ((found, why, _line),) = faults(tmp_path, text)
    assert found.startswith("sip.listen")
    assert "pip install 'ringback[webrtc]'" in why
