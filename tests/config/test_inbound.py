"""[[inbound]], [[rooms]] and the networks of a trunk: what they take and refuse."""

from pathlib import Path

import pytest

from config.inbound import Inbound, Room
from config.sections import Trunk
from config.settings import ConfigError, load
from config.spoken import Texts
from tests.support.configuration import refused_key, refused_values


def test_a_room_is_quiet_unless_configured_otherwise() -> None:
    room = Room(name="default")
    assert room.announce_frequency_s == 0
    assert room.periodic_announce == []
    assert room.callback_digit == "" and room.regain_s == 0


def test_texts_know_their_fields() -> None:
    assert Texts.model_validate({"place": "Nummer {place}"}).place.other == "Nummer {place}"
    assert "not known" in refused_values(Texts, place="{position}")
    assert "brace" in refused_values(Texts, place="{place")


def test_sounds_may_be_files(tmp_path: Path) -> None:
    sound = tmp_path / "moment.wav"
    assert "no such file" in refused_values(Texts, thanks=f"file:{sound}")
    sound.write_bytes(b"RIFF")
    assert Texts(thanks=f"file:{sound}").thanks == f"file:{sound}"
    for name in ("none.wav", "x" * 5000):
        assert "no such file" in refused_values(Room, name="a", music=str(tmp_path / name))
    assert Room(name="a", music=str(sound)).music == str(sound)


@pytest.mark.parametrize("digit", ["1", "*", "#", ""])
def test_keys_of_a_telephone(digit: str) -> None:
    assert Room(name="a", callback_digit=digit).callback_digit == digit


@pytest.mark.parametrize("digit", ["12", "x", " "])
def test_other_keys_are_refused(digit: str) -> None:
    assert "not a key" in refused_values(Room, name="a", callback_digit=digit)


def test_seconds_are_rounded_as_the_field_does() -> None:
    assert Room(name="a", announce_round_seconds=30).announce_round_seconds == 30
    refused_values(Room, name="a", announce_round_seconds=7)


def test_a_text_stands_on_one_line() -> None:
    assert "printable characters on one line" in refused_values(
        Room, name="default", welcome="Hello\nthere"
    )


def test_an_empty_periodic_announcement_is_refused() -> None:
    assert "empty" in refused_values(Room, name="a", periodic_announce=["Hello.", ""])


def test_an_exact_route_names_its_number() -> None:
    assert "exact" in refused_values(Inbound, name="a", queue="sales", exact=True)
    assert Inbound(name="a", queue="sales", exact=True, number="+4420").number == "+4420"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("queue", "inbound[0].queue: there is no queue named 'none'"),
        ("trunks", "inbound[0].trunks: there is no trunk named 'none'"),
        ("room", "inbound[0].room: there is no room named 'none'"),
    ],
)
def test_a_configuration_is_refused_that_names_what_there_is_not(
    tmp_path: Path, name: str, reason: str
) -> None:
    names = {"queue": "sales", "trunks": ["pbx"], "room": "vip"}
    names[name] = ["none"] if name == "trunks" else "none"
    file = tmp_path / "ringback.toml"
    file.write_text(
        "[[queues]]\nname = 'sales'\n[[rooms]]\nname = 'vip'\n"
        "[[trunks]]\nname = 'pbx'\nuri = 'sip:192.0.2.1'\n[[inbound]]\nname = 'a'\n"
        + "".join(f"{key} = {value!r}\n" for key, value in names.items())
    )
    with pytest.raises(ConfigError) as refused:
        load(file, {})
    assert reason in str(refused.value)


def test_networks_of_a_trunk() -> None:
    trunk = Trunk(name="pbx", uri="sip:192.0.2.1", sources=["192.0.2.0/24", "2001:db8::1"])
    assert trunk.sources == ["192.0.2.0/24", "2001:db8::1/128"]
    assert "not a network" in refused_values(
        Trunk, name="pbx", uri="sip:192.0.2.1", sources=["192.0.2.1/24"]
    )


def test_a_room_in_another_language() -> None:
    room = Room.model_validate(
        {
            "name": "r",
            "welcome": "Hello.",
            "periodic_announce": ["Please wait."],
            "languages": {"de": {"welcome": "Hallo.", "texts": {"next": "Als Nächster."}}},
        }
    )
    german = room.in_language("de")
    assert (german.language, german.welcome) == ("de", "Hallo.")
    assert (german.texts.next, german.periodic_announce) == ("Als Nächster.", [])
    assert room.in_language("fr") is room
    assert room.speaks("de") and not room.speaks("fr")


@pytest.mark.parametrize(
    ("values", "key", "reason"),
    [
        ({}, "queue", "needed"),
        ({"handler": "client", "queue": "sales"}, "queue", "not with handler"),
        ({"handler": "client", "script": "menu"}, "script", "not with handler"),
        ({"queue": "sales", "fallback": "b"}, "fallback", "only with handler"),
    ],
)
def test_a_route_is_for_a_queue_or_for_a_client(
    values: dict[str, str], key: str, reason: str
) -> None:
    assert reason in refused_key(Inbound, key, name="a", **values)
