"""What the gateway reads of a configuration: its own sections, with every fault and its line."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import load as load_all
from config.web_settings import load

SITE = """
[[sites]]
key = "shop-key"
name = "shop.example"
origins = ["https://shop.example"]
queue = "sales"
"""


def written(directory: Path, text: str) -> str:
    file = directory / "web.toml"
    file.write_text(text)
    return str(file)


def faults(file: str) -> list[tuple[str, int | None]]:
    with pytest.raises(ConfigError) as caught:
        load(file, environ={})
    return [(fault.key, fault.line) for fault in caught.value.faults]


def test_other_sections_are_not_read(tmp_path: Path) -> None:
    text = '[control]\nsocket = "run/x.sock"\ntoken_file = "/none"\n[[trunks]]\nnonsense = 1\n'
    settings = load(written(tmp_path, text + SITE), environ={})
    assert str(settings.control.socket) == "run/x.sock"
    assert settings.site("shop-key") is not None
    assert settings.site("other") is None


def test_the_environment_lies_over_it(tmp_path: Path) -> None:
    environ = {"RINGBACK_WEB__LISTEN": "127.0.0.1:9", "RINGBACK_TRUNKS__PBX__PASSWORD": "x"}
    assert load(written(tmp_path, SITE), environ=environ).web.listen == "127.0.0.1:9"


def test_every_fault_has_its_line(tmp_path: Path) -> None:
    text = SITE.replace('"shop-key"', '"a b"') + "\n[web]\nlisten = 7\n"
    assert faults(written(tmp_path, text)) == [("sites[0].key", 3), ("web.listen", 9)]


def test_a_key_stands_once(tmp_path: Path) -> None:
    twice = [("sites[1].key", 9), ("sites[1].name", 10)]
    assert sorted(faults(written(tmp_path, SITE + SITE))) == twice


def test_what_stands_twice_is_found_beside_other_faults(tmp_path: Path) -> None:
    broken = SITE.replace('queue = "sales"', "queue = 7")
    found = faults(written(tmp_path, broken + SITE + SITE.replace("shop-key", "other")))
    assert found == [("sites[0].queue", 6), ("sites[2].name", 16)]


def test_where_visitors_speak_there_is_a_server(tmp_path: Path) -> None:
    speaks = f"{SITE}speak = true\n"
    assert [key for key, _line in faults(written(tmp_path, speaks))] == ["sites[0].speak"]
    for address in ("wss://calls.example:5062", "wss://calls.example/sip"):
        server = f'[web]\nphone_server = "{address}"\n'
        assert load(written(tmp_path, server + speaks), environ={}).sites[0].speak


def test_a_language_that_is_unknown_is_named_with_its_line(tmp_path: Path) -> None:
    text = f'{SITE}[sites.consent]\nen = "I agree."\nxx = "?"\n'
    assert faults(written(tmp_path, text)) == [("sites[0].consent.xx", 9)]
    text = text.replace("xx", "de") + '[sites.texts.fr]\ntitle = "Nous"\n'
    assert faults(written(tmp_path, text)) == [("sites[0].consent", 7)]


@pytest.mark.parametrize("content", [b"[web", b"\xff"])
def test_what_is_no_toml(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "web.toml"
    file.write_bytes(content)
    assert faults(str(file))
    assert faults(str(tmp_path / "none.toml"))


def test_the_engine_checks_that_queue_and_agent_are_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_all(written(tmp_path, SITE + SITE), environ={})
    assert {fault.key for fault in caught.value.faults} == {
        "sites[1].name", "sites[1].key", "sites[0].queue", "sites[1].queue"
    }  # fmt: skip


def test_names_are_looked_for_in_a_file_that_has_their_sections(tmp_path: Path) -> None:
    menu = SITE + 'customer_script = "ask"\nafter_script = "rate"\n'
    assert load(written(tmp_path, menu), environ={}).sites[0].customer_script == "ask"
    other = '[[scripts]]\nname = "rate"\n[[queues]]\nname = "support"\n'
    found = faults(written(tmp_path, other + menu))
    assert found == [("sites[0].queue", 10), ("sites[0].customer_script", 11)]
    broken = faults(written(tmp_path, other + menu + "slot_min = 1\n"))
    assert [key for key, _line in broken][-1] == "sites[0].slot_min"
    assert len(broken) == 3
