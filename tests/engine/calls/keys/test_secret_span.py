"""Every way that the sound and the keys of a party can take, while they are asked for a secret.

One test for each row of the table in docs/security.md; what the media worker does with keys and
paused recordings is tested there.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from config.detection import Detection
from engine.call_control.conferences import Conferences
from engine.call_control.controlled_calls import ControlledCalls
from engine.call_control.streamed_calls import StreamedCalls
from engine.calls.announcing.plays import Plays
from engine.calls.call import Call
from engine.calls.keys.gather import Gathered, GatherSettings
from engine.calls.keys.gathers import Gathers
from engine.calls.keys.secret_span import SECRET_KEYS
from engine.calls.leg import Leg
from engine.calls.recognition.recognised_legs import RecognisedLegs
from engine.calls.recognition.speech import WantedSpeech
from engine.calls.supervision.supervisors import SuperviseMode, SuperviseOrder
from engine.recordings.entry import RecordingOrder
from engine.routing.targets.stream_target import StreamTarget
from media.protocol.messages import Dtmf
from media.sources import Mix, Peer, Silence
from tests.support.calls_by_command import run_calls, up
from tests.support.scene import Scene
from tests.support.scripted_recognition import ScriptedRecogniser
from tests.support.scripted_streams import URL, host_of, scripted_streams

ONE, TWO, THREE = "+442079460101", "+442079460102", "+442079460103"
SECRET: Final = "four seven one one"
DIGITS: Final = WantedSpeech(digits=True)
DOCS = Path(__file__).resolve().parents[4] / "docs/security.md"
TESTED: dict[str, str] = {}
"""The rows of the table, by the tests of this file that they are tested by."""


@dataclass
class Stage:
    """A party of a call by command, who can be asked for a secret; and whatever may hear it."""

    scene: Scene
    calls: ControlledCalls
    streamed: StreamedCalls
    recognised: RecognisedLegs
    recogniser: ScriptedRecogniser
    call: Call

    @property
    def leg(self) -> Leg:
        return self.call.legs[0]

    def heard(self, leg: str) -> Any:
        """What a leg hears now."""
        return self.scene.media.heard[leg][-1]

    async def asked(self, **settings: Any) -> "asyncio.Task[Gathered]":
        """The party is asked for a secret, and begins to tell it."""
        settings = {"max_digits": 4, "first_digit_s": 100.0, "between_digits_s": 100.0} | settings
        gathers = self.scene.services.gathers
        asking = asyncio.ensure_future(gathers.run(self.call, self.leg, GatherSettings(**settings)))
        await asyncio.sleep(0.1)
        return asking

    async def tells(self, asking: "asyncio.Task[Gathered]", digits: str = "4711") -> Gathered:
        """The party presses these keys, and is asked no more."""
        for digit in digits:
            self.leg.on_media(Dtmf(self.leg.id, digit, 100))
            await asyncio.sleep(0.1)
        return await asking

    async def another(self, number: str) -> Call:
        """One more call by command, which is up."""
        call, _phone = await up(self.scene, self.calls, number)
        return call


Script = Callable[[Stage], Awaitable[None]]


def run(tmp_path: Path, script: Script) -> None:
    """Run a script with a party that is up and alone."""

    async def with_party(scene: Scene, calls: ControlledCalls) -> None:
        services = scene.services
        services.streams = scripted_streams()
        recogniser = ScriptedRecogniser(scene.media)
        services.gathers = Gathers(
            Plays(services.registry, services.announcer, hold=services.hold, country="GB"),
            recogniser.recognitions,
            services.registry,
            services.registry.recordings_of,
        )
        call, _phone = await up(scene, calls, ONE)
        streamed = StreamedCalls(services, scene.admission, calls, lambda call: call.owner)
        recognised = RecognisedLegs(recogniser.recognitions)
        await script(Stage(scene, calls, streamed, recognised, recogniser, call))
        for one in calls.all():
            one.hang_up()
        assert await calls.idle(100.0)
        await streamed.stop()

    run_calls(tmp_path, with_party)


def way(row: str) -> Callable[[Any], Any]:
    """Says which row of the table a test is for."""

    def of(test: Any) -> Any:
        TESTED[row] = test.__name__
        return test

    return of


@way("who talks with the party")
def test_who_talks_with_the_party_hears_a_tone_and_speech(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        other = (await stage.another(TWO)).legs[0]
        stage.calls.bridge(stage.leg.id, other.id, end_together=False)
        before = list(stage.scene.media.heard[other.id])
        asking = await stage.asked(speech=DIGITS)
        assert stage.scene.media.blocked[-1] == (stage.leg.id, True)
        assert (await stage.tells(asking)).digits == "4711"
        assert stage.scene.media.heard[other.id] == before  # relayed as before, without a gap
        assert [leg for leg, _tone in stage.scene.media.signals] == [other.id] * 4
        assert stage.scene.media.digits == []

    run(tmp_path, script)


@way("the members of a conference")
def test_members_of_a_conference_hear_tones_and_speech(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        conferences = Conferences(stage.scene.services, stage.calls)
        conferences.create("friday", 5, {})
        others = [await stage.another(number) for number in (TWO, THREE)]
        for call in (stage.call, *others):
            conferences.join("friday", call.id, None, muted=False, deaf=False)
        asking = await stage.asked()
        await stage.tells(asking)
        first, second = (call.legs[0].id for call in others)
        assert stage.heard(first) == Mix((stage.leg.id, second))
        assert [leg for leg, _tone in stage.scene.media.signals] == [first, second] * 4
        assert stage.scene.media.digits == []

    run(tmp_path, script)


@way("supervisors")
@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
@pytest.mark.parametrize("is_late", [False, True])
def test_supervisors_hear_the_others_alone(
    tmp_path: Path, mode: SuperviseMode, is_late: bool
) -> None:
    async def script(stage: Stage) -> None:
        async def come() -> str:
            destination = stage.scene.services.dialplan.destination("alice", field="to")
            stage.calls.find(stage.call.id, None).supervise(
                SuperviseOrder("alice", destination, mode)
            )
            (await stage.scene.phone()).answers()
            await asyncio.sleep(0.1)
            return stage.call.legs[-1].id

        if not is_late:
            boss = await come()
            assert stage.heard(boss) == Peer(stage.leg.id)
        asking = await stage.asked()
        if is_late:
            boss = await come()
        assert stage.heard(boss) == Silence()
        await stage.tells(asking)
        assert stage.heard(boss) == Peer(stage.leg.id)

    run(tmp_path, script)


@way("services by `call.tap`")
@pytest.mark.parametrize("is_late", [False, True])
def test_a_tap_is_silent(tmp_path: Path, is_late: bool) -> None:
    async def script(stage: Stage) -> None:
        host = host_of(stage.scene.services.streams)

        async def tap() -> str:
            await stage.streamed.begin(None, stage.leg.id, StreamTarget(URL), "listen")
            return await host.ready()

        if not is_late:
            stream = await tap()
            assert stage.heard(stream) == Peer(stage.leg.id)
        asking = await stage.asked(speech=DIGITS)
        if is_late:
            stream = await tap()
        assert stage.heard(stream) == Silence()
        await stage.tells(asking)
        assert stage.heard(stream) == Peer(stage.leg.id)
        assert host.told == []
        stage.streamed.end(None, stage.leg.id)
        await asyncio.sleep(0.1)
        await stage.tells(await stage.asked())  # it is gone, and hears of nothing

    run(tmp_path, script)


@way("bots")
def test_a_bot_hears_silence_and_no_keys(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        await stage.streamed.begin(None, stage.leg.id, StreamTarget(URL), "talk")
        host = host_of(stage.scene.services.streams)
        bot = await host.ready()
        assert stage.heard(bot) == Peer(stage.leg.id)
        asking = await stage.asked(speech=DIGITS)
        assert (stage.heard(bot), stage.heard(stage.leg.id)) == (Silence(), Peer(bot))
        await stage.tells(asking)
        assert stage.heard(bot) == Peer(stage.leg.id)
        assert host.told == []

    run(tmp_path, script)


@way("recordings, and messages that are left")
@pytest.mark.parametrize("whose", ["own", "late", "joined"])
def test_recordings_pause(tmp_path: Path, whose: str) -> None:
    async def script(stage: Stage) -> None:
        recorded = stage.call if whose != "joined" else await stage.another(TWO)
        recording = stage.calls.find(recorded.id, None).recorded
        leg = recorded.legs[0].id
        if whose != "late":
            await recording.start_by_command(RecordingOrder())
        asking = await stage.asked()
        if whose == "late":
            await recording.start_by_command(RecordingOrder())
        if whose == "joined":
            assert stage.scene.media.paused == []
            stage.calls.bridge(stage.leg.id, leg, end_together=False)
        await asyncio.sleep(0.1)
        assert stage.scene.media.paused == [(leg, True)]
        assert stage.scene.last("recording.paused")["reason"] == SECRET_KEYS
        await stage.tells(asking)
        assert stage.scene.media.paused == [(leg, True), (leg, False)]
        await recording.stop()

    run(tmp_path, script)


@pytest.mark.parametrize("is_joined", [False, True])
def test_a_recording_that_begins_meanwhile_has_nothing_from_its_beginning(
    tmp_path: Path, is_joined: bool
) -> None:
    async def script(stage: Stage) -> None:
        stage.scene.media.record_takes_s = 5.0
        recorded = stage.call
        if is_joined:
            recorded = await stage.another(TWO)
            stage.calls.bridge(stage.leg.id, recorded.legs[0].id, end_together=False)
        recording = stage.calls.find(recorded.id, None).recorded
        leg = recorded.legs[0].id
        asking = await stage.asked()
        starting = asyncio.ensure_future(recording.start_by_command(RecordingOrder()))
        await asyncio.sleep(0.1)
        assert stage.scene.media.paused == [(leg, True)]
        await stage.tells(asking)
        assert stage.scene.media.paused == [(leg, True), (leg, False)]
        entry = await starting
        assert [(one.kind, one.reason) for one in entry.marks] == [
            ("paused", SECRET_KEYS),
            ("resumed", SECRET_KEYS),
        ]
        await recording.stop()

    run(tmp_path, script)


@way("recognisers of `call.recognise` and of answers")
@pytest.mark.parametrize("guesses", [False, True])
def test_other_recognisers_hear_silence_and_tell_nothing(tmp_path: Path, guesses: bool) -> None:
    async def script(stage: Stage) -> None:
        scripted = stage.recogniser
        await stage.recognised.begin(stage.call, stage.leg, DIGITS, has_guesses=guesses)
        await scripted.listens()
        ear = scripted.host.recognitions[0].stream
        assert stage.heard(ear) == Peer(stage.leg.id)
        await asyncio.sleep(10.0 - asyncio.get_running_loop().time() % 10.0)
        asking = await stage.asked(max_digits=0, speech=DIGITS)
        assert stage.heard(ear) == Silence()
        await scripted.listens()
        own = scripted.host.recognitions[1].stream
        assert stage.heard(own) == Peer(stage.leg.id, is_asking=True)
        await scripted.says(SECRET, nth=0, is_final=False)
        await scripted.says(SECRET, nth=0)
        await scripted.says(SECRET)
        assert (await asking).word == "4711"
        assert stage.heard(ear) == Peer(stage.leg.id)
        over_ms = round(asyncio.get_running_loop().time() * 1000)
        # It tells late of what was said meanwhile, at the end of that, or across it.
        await scripted.says(SECRET, nth=0, said_ms=(over_ms - 50, over_ms + 900))
        await scripted.says(SECRET, nth=0, said_ms=(0, over_ms))
        assert stage.scene.seen("speech.recognised") == []
        await scripted.says("one", nth=0, said_ms=(over_ms + 100, over_ms + 900))
        assert stage.scene.last("speech.recognised")["word"] == "1"
        stage.recognised.end(stage.leg)
        await asyncio.sleep(0.1)

    run(tmp_path, script)


def test_a_recogniser_that_begins_meanwhile_hears_silence(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        asking = await stage.asked()
        await stage.recognised.begin(stage.call, stage.leg, DIGITS)
        await stage.recogniser.listens()
        ear = stage.recogniser.host.recognitions[0].stream
        assert stage.heard(ear) == Silence()
        await stage.tells(asking)
        assert stage.heard(ear) == Peer(stage.leg.id)
        stage.recognised.end(stage.leg)
        await asyncio.sleep(0.1)

    run(tmp_path, script)


@way("the recogniser that is asked")
def test_the_recogniser_that_is_asked_hears_it(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        asking = await stage.asked(max_digits=0, speech=DIGITS)
        await stage.recogniser.listens()
        (order,) = stage.recogniser.host.recognitions
        assert stage.heard(order.stream) == Peer(stage.leg.id, is_asking=True)
        await stage.recogniser.says(SECRET)
        assert (await asking).text == SECRET

    run(tmp_path, script)


@way("what looks at the sound (`leg.voice`, `leg.echo`, `call.detected` …)")
def test_words_of_an_answer_are_not_told_to_its_detection(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        detection = stage.scene.services.detection
        detection.configure(Detection(words=True))
        stage.calls.detect(stage.call.id, None)
        await stage.scene.recogniser.listens()
        ear = stage.scene.recogniser.host.recognitions[0].stream
        asking = await stage.asked()
        assert stage.heard(ear) == Silence()
        await stage.scene.recogniser.says(SECRET, nth=0)
        assert stage.scene.media.words == []
        await stage.tells(asking)

    run(tmp_path, script)


@way("events, webhooks, records, the context of a call")
def test_no_event_has_it(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        asking = await stage.asked(speech=DIGITS)
        await stage.recogniser.listens()
        await stage.recogniser.says("four seven", is_final=False)
        await stage.recogniser.says(SECRET)
        assert (await asking).word == "4711"
        await stage.tells(await stage.asked())
        told = b"".join(event.line for event in stage.scene.services.events.after(0)).decode()
        assert '"leg.dtmf"' in told and '"gather.finished"' in told
        assert SECRET not in told and "four" not in told and '"digit"' not in told
        assert not re.search(r"\b4711\b", told)
        assert "4711" not in str(stage.call.about)

    run(tmp_path, script)


@way("the log, and the audit log")
def test_no_log_has_it(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        with capture_logs() as logs:
            asking = await stage.asked(speech=DIGITS)
            await stage.recogniser.says(SECRET)
            gathered = await asking
        assert "4711" not in repr(gathered) and "four" not in repr(gathered)
        assert "4711" not in str(logs) and "four" not in str(logs)

    run(tmp_path, script)


@way("the reply of `call.gather`, or the script")
def test_who_asked_has_it(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        gathered = await stage.tells(await stage.asked())
        assert (gathered.digits, gathered.ended) == ("4711", "max_digits")

    run(tmp_path, script)


ELSEWHERE: Final = {
    "RTP to whoever hears the party": "tests/media/worker/test_relayed_digits.py",
    "traces, `ringback trace`, HEP": "tests/engine/trace/test_masking.py",
}


def test_the_table_of_the_documentation_has_these_ways() -> None:
    section = DOCS.read_text().split("## Secrets that a party tells", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| ([^|]+?) \|", section, re.MULTILINE)
    assert rows[0] == "Way" and set(rows[1:]) == {*TESTED, *ELSEWHERE}
    for path in ELSEWHERE.values():
        assert (DOCS.parent.parent / path).exists()
