"""The waiting room in virtual time: what is heard, in which order, and when music goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from config.inbound import Room, Texts
from engine.calls.announcements import QueuePosition
from engine.calls.dialling import Caller
from engine.calls.leg import Leg
from engine.calls.waiting_room import WaitingRoom, WaitingRooms
from engine.calls.whisper import Announcer
from media.sources import Hold, Prompt, Source
from tests.support.leg_owner import LegOwner
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, ScriptedSpeech, scene
from tests.support.virtual_loop import run

MUSIC = Hold()
PLAYED_S = 2.0  # how long the scripted media plays anything that ends

Script = Callable[[Leg, WaitingRoom, ScriptedPhone], Awaitable[None]]


def play(tmp_path: Path, script: Script, speech: ScriptedSpeech | None = None, **settings: Any
         ) -> list[Source]:  # fmt: skip
    """What an answered party hears while `script` runs with it in a room."""

    async def main() -> list[Source]:
        stage = scene(tmp_path)
        loop = asyncio.get_running_loop()
        rooms = WaitingRooms(
            [Room(name="default", **settings)],
            announcer=cast(Announcer, speech or ScriptedSpeech()),
            hold=MUSIC,
            clock=loop.time,
        )
        leg, phone = await answered(stage)
        await script(leg, rooms.of("sales"), phone)
        await leg.release()
        stage.services.registry.legs.clear()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1, "announcements still go on"
        return stage.media.heard["leg-1"]

    return run(main())


async def answered(stage: Scene) -> tuple[Leg, ScriptedPhone]:
    leg = Leg(
        leg_id="leg-1",
        role="customer",
        destination=stage.services.dialplan.destination("sip:bob@127.0.0.1", field="to"),
        sip=stage.services.sip,
        media=stage.services.media,
        owner=LegOwner(),
    )
    stage.services.registry.legs["leg-1"] = leg
    await leg.open()
    dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
    phone = await stage.phone()
    phone.answers()
    await dialling
    return leg, phone


def waits(seconds: float, position: QueuePosition | None = None, **hosting: Any) -> Script:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        async with room.attend(leg, lambda: position, **hosting):
            await asyncio.sleep(seconds)

    return script


def test_there_is_music_and_nothing_else_by_default(tmp_path: Path) -> None:
    assert play(tmp_path, waits(3600.0, QueuePosition(5, 600.0))) == [MUSIC]


def test_music_goes_on_after_the_welcome(tmp_path: Path) -> None:
    heard = play(tmp_path, waits(30.0), welcome="Welcome.")
    assert heard == [MUSIC, Prompt("Welcome."), MUSIC]


def test_sentences_follow_each_other_and_music_follows_them(tmp_path: Path) -> None:
    heard = play(
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
    heard = play(
        tmp_path,
        waits(100.0, QueuePosition(3)),
        periodic_announce=[f"file:{sound}"],
        periodic_announce_frequency_s=60.0,
    )
    assert heard == [MUSIC, Prompt(str(sound)), MUSIC]


def test_a_sentence_that_cannot_be_spoken_leaves_the_music_alone(tmp_path: Path) -> None:
    speech = ScriptedSpeech()
    speech.fails = True
    assert play(tmp_path, waits(30.0), speech, welcome="Welcome.") == [MUSIC]


def test_no_announcement_outlasts_the_wait(tmp_path: Path) -> None:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        async with room.attend(leg):
            await asyncio.sleep(PLAYED_S / 2)  # in the middle of the welcome
        leg.hear(Prompt("joined"))
        await asyncio.sleep(100.0)

    heard = play(tmp_path, script, welcome="Welcome.", periodic_announce=["Again."])
    assert heard == [MUSIC, Prompt("Welcome."), Prompt("joined")]


def test_a_guest_may_be_told_something_at_once_and_waits_on(tmp_path: Path) -> None:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        async with room.attend(leg, lambda: QueuePosition(2)) as party:
            await asyncio.sleep(PLAYED_S / 2)  # in the middle of the welcome
            party.interrupt_with("Sorry.")
            await asyncio.sleep(PLAYED_S + 20.0)

    heard = play(
        tmp_path,
        script,
        welcome="Welcome.",
        periodic_announce=["Again."],
        periodic_announce_frequency_s=15.0,
    )
    assert heard == [
        MUSIC,
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

    assert play(tmp_path, script, welcome="Welcome.") == [MUSIC, Prompt("Welcome."), MUSIC]


def test_a_wait_that_is_over_at_once_leaves_nothing(tmp_path: Path) -> None:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        async with room.attend(leg):
            pass

    assert play(tmp_path, script, welcome="Welcome.") == [MUSIC]


def test_a_customer_left_alone_for_two_seconds_is_told_and_counted(tmp_path: Path) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    def publish(kind: str, **fields: Any) -> None:
        told.append((kind, fields))

    texts = Texts(left_waiting="One moment.")
    heard = play(tmp_path, waits(10.0, customer_first=publish), texts=texts)
    assert heard == [MUSIC, Prompt("One moment."), MUSIC]
    assert told == [("customer.left_waiting", {"waited_s": 2.0})]


def test_a_customer_who_finds_an_operator_at_once_is_not_counted(tmp_path: Path) -> None:
    told: list[str] = []
    heard = play(tmp_path, waits(1.9, customer_first=lambda kind, **_fields: told.append(kind)))
    assert heard == [MUSIC] and told == []


def test_a_goodbye_is_not_followed_by_music(tmp_path: Path) -> None:
    async def script(leg: Leg, room: WaitingRoom, _phone: ScriptedPhone) -> None:
        await room.say(leg, room.settings.texts.closed, music_after=False)

    assert play(tmp_path, script, texts=Texts(closed="Closed.")) == [Prompt("Closed.")]


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
    assert play(tmp_path, waits(1.0), music=str(music)) == [Hold(str(music))]
