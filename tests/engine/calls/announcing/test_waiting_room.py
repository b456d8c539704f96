"""The waiting room in virtual time: what is heard, in which order, and when music goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from config.inbound import Inbound, Room
from config.music import MusicStream
from config.queues import Queue
from config.spoken import Texts
from engine.calls.announcing.due_announcements import QueuePosition
from engine.calls.announcing.waiting_room import (
    SENTENCE_PAUSE_S,
    WELCOME_WAIT_S,
    WaitingRoom,
    WaitingRooms,
)
from engine.calls.announcing.whisper import Announcement, Announcer, Unspoken
from engine.calls.leg import Leg
from media.sources import Hold, Prompt, Silence, Source, Stream
from tests.support.leg_owner import LegOwner
from tests.support.legs import dial, leg_to
from tests.support.phones.scripted import ScriptedPhone
from tests.support.quiet_speech import QuietSynthesizer
from tests.support.scene import Scene, ScriptedSpeech, run_scene

MUSIC = Hold()
PLAYED_S = 2.0  # how long the scripted media plays anything that ends

Script = Callable[[Leg, WaitingRoom, ScriptedPhone], Awaitable[None]]


def heard_in_room(
    tmp_path: Path, script: Script, speech: ScriptedSpeech | None = None, **settings: Any
) -> list[Source]:
    """What an answered party hears while `script` runs with it in a room."""

    async def in_room(stage: Scene) -> list[Source]:
        rooms = WaitingRooms(
            [Room(name="default", **settings)],
            announcer=cast(Announcer, speech or ScriptedSpeech()),
            hold=MUSIC,
            clock=asyncio.get_running_loop().time,
        )
        leg = leg_to(stage)
        phone = await dial(stage, leg)
        await script(leg, rooms.of("sales"), phone)
        await leg.release()
        stage.services.registry.legs.clear()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1, "announcements still go on"
        return stage.media.heard["leg-1"]

    return run_scene(tmp_path, in_room)


def waits(seconds: float, position: QueuePosition | None = None, **hosting: Any) -> Script:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        async with room.attend(leg, lambda: position, **hosting):
            await asyncio.sleep(seconds)

    return script


def test_there_is_music_and_nothing_else_by_default(tmp_path: Path) -> None:
    assert heard_in_room(tmp_path, waits(3600.0, QueuePosition(5, 600.0))) == [MUSIC]


def test_music_goes_on_after_the_welcome(tmp_path: Path) -> None:
    heard = heard_in_room(tmp_path, waits(30.0), welcome="Welcome.")
    assert heard == [Silence(), Prompt("Welcome."), MUSIC]


def test_sentences_follow_each_other_and_music_follows_them(tmp_path: Path) -> None:
    heard = heard_in_room(
        tmp_path,
        waits(100.0, QueuePosition(3, 120.0)),
        announce_frequency_s=90.0,
        announce_holdtime="once",
    )
    assert heard == [
        MUSIC,
        Prompt("You are number 3 in line."),
        Prompt("The expected wait is about 2 minutes."),
        Prompt("Thank you for waiting."),
        MUSIC,
        Prompt("You are number 3 in line."),
        Prompt("Thank you for waiting."),
        MUSIC,
    ]


def test_files_are_played_as_they_are(tmp_path: Path) -> None:
    sound = tmp_path / "offer.wav"
    sound.write_bytes(b"RIFF")
    heard = heard_in_room(
        tmp_path,
        waits(100.0, QueuePosition(3)),
        periodic_announce=[f"file:{sound}"],
        periodic_announce_frequency_s=60.0,
    )
    assert heard == [MUSIC, Prompt(str(sound)), MUSIC]


def test_a_sentence_that_cannot_be_spoken_leaves_the_music_alone(tmp_path: Path) -> None:
    speech = ScriptedSpeech()
    speech.fails = True
    assert heard_in_room(tmp_path, waits(30.0), speech, welcome="Welcome.") == [Silence(), MUSIC]


def test_no_announcement_outlasts_the_wait(tmp_path: Path) -> None:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        async with room.attend(leg):
            await asyncio.sleep(PLAYED_S / 2)  # in the middle of the welcome
        leg.hear(Prompt("joined"))
        await asyncio.sleep(100.0)

    heard = heard_in_room(tmp_path, script, welcome="Welcome.", periodic_announce=["Again."])
    assert heard == [Silence(), Prompt("Welcome."), Prompt("joined")]


def test_a_party_may_hear_a_sentence_at_once_and_waits_on(tmp_path: Path) -> None:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        async with room.attend(leg, lambda: QueuePosition(2)) as party:
            await asyncio.sleep(PLAYED_S / 2)  # in the middle of the welcome
            party.interrupt_with("Sorry.")
            await asyncio.sleep(PLAYED_S + 20.0)

    heard = heard_in_room(
        tmp_path,
        script,
        welcome="Welcome.",
        periodic_announce=["Again."],
        periodic_announce_frequency_s=15.0,
    )
    assert heard == [
        Silence(),
        Prompt("Welcome."),
        Prompt("Sorry."),
        MUSIC,
        Prompt("Again."),
        MUSIC,
    ]


def test_music_goes_on_after_a_sentence_that_was_cut_short_for_nothing(tmp_path: Path) -> None:
    """A text may be empty, or not to be spoken."""

    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        async with room.attend(leg, lambda: QueuePosition(2)) as party:
            await asyncio.sleep(PLAYED_S / 2)
            party.interrupt_with("")
            await asyncio.sleep(1.0)
            party.interrupt_with("")
            await asyncio.sleep(10.0)

    heard = heard_in_room(tmp_path, script, welcome="Welcome.")
    assert heard == [Silence(), Prompt("Welcome."), MUSIC]


def test_music_comes_first_where_the_welcome_is_slow_to_speak(tmp_path: Path) -> None:
    class SlowSpeech(ScriptedSpeech):
        async def speak(
            self, text: str, *, voice: str = "", speed: float = 1.0, is_personal: bool = False
        ) -> Announcement | Unspoken:
            await asyncio.sleep(WELCOME_WAIT_S + 0.1)
            return await super().speak(text, is_personal=is_personal)

    heard = heard_in_room(tmp_path, waits(30.0), SlowSpeech(), welcome="Welcome.")
    assert heard == [Silence(), MUSIC, Prompt("Welcome."), MUSIC]


def test_what_cannot_be_spoken_is_published_and_the_wait_goes_on(tmp_path: Path) -> None:
    class Mute(ScriptedSpeech):
        async def speak(
            self, text: str, *, voice: str = "", speed: float = 1.0, is_personal: bool = False
        ) -> Announcement | Unspoken:
            if text == "Welcome.":
                return Unspoken("the process that speaks has died of this text")
            return await super().speak(text, is_personal=is_personal)

    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        owner = cast(LegOwner, leg._owner)
        owner.published.clear()
        async with room.attend(leg) as party:
            await asyncio.sleep(5.0)
            party.interrupt_with("Goodbye.")
            await asyncio.sleep(5.0)
        assert owner.published == [
            ("leg.not_played", {"error": "the process that speaks has died of this text"})
        ]

    heard = heard_in_room(tmp_path, script, Mute(), welcome="Welcome.")
    assert heard == [Silence(), MUSIC, Prompt("Goodbye."), MUSIC]


def test_there_is_a_pause_between_two_sentences(tmp_path: Path) -> None:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await room.say(leg, "One.", "Two.", "", "Three.")
        took.append(loop.time() - began)

    took: list[float] = []
    heard_in_room(tmp_path, script)
    assert took == [pytest.approx(3 * PLAYED_S + 2 * SENTENCE_PAUSE_S)]


def test_a_wait_that_is_over_at_once_leaves_nothing(tmp_path: Path) -> None:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        async with room.attend(leg):
            pass

    assert heard_in_room(tmp_path, script, welcome="Welcome.") == [Silence()]


def test_a_customer_left_alone_for_two_seconds_hears_so_and_is_counted(tmp_path: Path) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    def publish(kind: str, **fields: Any) -> None:
        seen.append((kind, fields))

    texts = Texts(left_waiting="One moment.")
    heard = heard_in_room(tmp_path, waits(10.0, customer_first=publish), texts=texts)
    assert heard == [MUSIC, Prompt("One moment."), MUSIC]
    assert seen == [("customer.left_waiting", {"waited_s": 2.0})]


def test_a_customer_left_alone_with_nothing_to_be_told_goes_on_hearing_what_is_said(
    tmp_path: Path,
) -> None:
    """Two seconds after the answer, the place is still being said."""
    heard = heard_in_room(
        tmp_path,
        waits(10.0, QueuePosition(3, 120.0), customer_first=lambda _kind, **_fields: None),
        texts=Texts(left_waiting=""),
        announce_frequency_s=90.0,
        announce_holdtime="once",
    )
    assert heard == [
        MUSIC,
        Prompt("You are number 3 in line."),
        Prompt("The expected wait is about 2 minutes."),
        Prompt("Thank you for waiting."),
        MUSIC,
    ]


def test_a_customer_who_gets_an_agent_at_once_is_not_counted(tmp_path: Path) -> None:
    seen: list[str] = []
    heard = heard_in_room(
        tmp_path, waits(1.9, customer_first=lambda kind, **_fields: seen.append(kind))
    )
    assert heard == [MUSIC] and seen == []


def test_a_goodbye_is_not_followed_by_music(tmp_path: Path) -> None:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        await room.say(leg, room.settings.texts.closed)

    assert heard_in_room(tmp_path, script, texts=Texts(closed="Closed.")) == [Prompt("Closed.")]


def test_rooms_are_found_by_name_by_queue_or_not_at_all(tmp_path: Path) -> None:
    rooms = WaitingRooms(
        [Room(name="vip"), Room(name="sales")],
        announcer=cast(Announcer, ScriptedSpeech()),
        hold=MUSIC,
    )
    assert rooms.of("sales").settings.name == "sales"
    assert rooms.of("sales", "vip").settings.name == "vip"
    assert rooms.of("other").settings.name == "default"
    assert rooms.of(None).settings.name == "default"


def test_a_room_may_have_music_of_its_own(tmp_path: Path) -> None:
    music = tmp_path / "jazz.wav"
    music.write_bytes(b"RIFF")
    assert heard_in_room(tmp_path, waits(1.0), music=str(music)) == [Hold(str(music))]


def test_the_music_of_all_rooms_is_known(tmp_path: Path) -> None:
    music = tmp_path / "jazz.wav"
    music.write_bytes(b"RIFF")
    rooms = WaitingRooms(
        [Room(name="a", music=str(music)), Room(name="b", music=str(music))],
        announcer=cast(Announcer, ScriptedSpeech()),
        hold=MUSIC,
    )
    assert rooms.music() == [MUSIC, Hold(str(music))]


def test_welcomes_are_spoken_before_anybody_calls() -> None:
    class Listed(ScriptedSpeech):
        def speak_beforehand(self, text: str, _voice: str = "") -> None:
            spoken.append(text)

    spoken: list[str] = []
    rooms = WaitingRooms([], announcer=cast(Announcer, Listed()), hold=MUSIC)
    rooms.configure([
        Room(name="a", welcome="Welcome."), Room(name="b", welcome="file:b.wav"), Room(name="c"),
    ])  # fmt: skip
    assert spoken == ["Welcome."]


# -- languages and voices -----------------------------------------------------------------------

SPEAKING = {
    "name": "default",
    "welcome": "Hello.",
    "languages": {
        "de": {"welcome": "Hallo."},
        "fr": {"voice": "fr-be", "welcome": "voice:fr-ch:Salut."},
    },
}


class Voices(ScriptedSpeech):
    """Notes what is said, and in which voice."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[str, str]] = []

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, is_personal: bool = False
    ) -> Announcement | Unspoken:
        self.said.append((text, voice))
        return await super().speak(text, voice=voice, is_personal=is_personal)


@pytest.mark.parametrize(
    ("queue", "route", "expected"),
    [
        ({}, {}, ("Hello.", "")),
        ({"language": "de"}, {}, ("Hallo.", "de")),
        ({"language": "de", "voice": "de-at"}, {}, ("Hallo.", "de-at")),
        ({"voice": "en-scotland"}, {}, ("Hello.", "en-scotland")),
        ({"voice": "en-scotland"}, {"language": "de"}, ("Hallo.", "de")),
        ({"language": "de"}, {"language": "fr"}, ("voice:fr-ch:Salut.", "fr-be")),
        ({"language": "de"}, {"voice": "de-at"}, ("Hallo.", "de-at")),
        ({"language": "it"}, {}, ("Hello.", "")),
    ],
)
async def test_the_route_goes_before_the_queue_and_the_queue_before_the_room(
    queue: dict[str, str], route: dict[str, str], expected: tuple[str, str]
) -> None:
    announcer = Voices()
    rooms = WaitingRooms(
        [Room.model_validate(SPEAKING)],
        [Queue.model_validate({"name": "sales", **queue})],
        announcer=cast(Announcer, announcer),
        hold=MUSIC,
    )
    room = rooms.of_route("sales", Inbound.model_validate({"name": "i", "queue": "sales", **route}))
    assert room is rooms.of_route(
        "sales", Inbound.model_validate({"name": "j", "queue": "sales", **route})
    )
    await room.prepare(cast(Leg, None), room.settings.welcome)
    assert announcer.said == [expected]


def test_the_music_of_a_room_may_be_a_stream(tmp_path: Path) -> None:
    announcer = Announcer(QuietSynthesizer(tmp_path / "speech"))
    announcer.sounds.configure([MusicStream(name="lobby", files=["waltz.wav", "tango.wav"])])
    try:
        room = WaitingRoom(
            Room(name="default", music="stream:lobby"), announcer=announcer, hold=Hold()
        )
        assert room.music == Stream(("waltz.wav", "tango.wav"))
    finally:
        announcer.close()
