"""Streams that a client begins and ends, around scripted phones and a scripted stream host."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.agents import Agent as AgentSettings
from config.queues import Queue
from engine.call_control.bot_talk import BotTalk
from engine.call_control.controlled_calls import ControlledCalls, Origination
from engine.call_control.streamed_calls import Begun, StreamedCalls
from engine.calls.announcing.whisper import Announcer
from engine.calls.call import Call, CallOwner, TransferOrder
from engine.calls.streams.stream_leg import StreamLeg
from engine.calls.talk import Talk
from engine.calls.transfers.request import TransferRequest
from engine.errors import EngineError
from engine.recordings.entry import RecordingOrder
from engine.routing.targets.stream_target import Handover, StreamFallback, StreamTarget
from media.sources import Peer, Prompt, Silence
from media.speech.synthesizer import SpeechError
from tests.support.calls_by_command import leg_of, run_calls, up
from tests.support.scene import Scene
from tests.support.scripted_streams import URL, ScriptedHost, host_of, scripted_streams
from tests.support.two_who_talk import Stage as Two
from tests.support.two_who_talk import run_talk

TO_BOB = StreamFallback(Handover(agent="bob"))


class Stage:
    """A scene with streams: what begins one, and what its bot does."""

    def __init__(self, scene: Scene, calls: ControlledCalls) -> None:
        self.scene, self.calls = scene, calls
        scene.services.streams = scripted_streams()
        self.streamed = StreamedCalls(
            scene.services, scene.admission, calls, lambda call: call.owner
        )

    @property
    def host(self) -> ScriptedHost:
        return host_of(self.scene.services.streams)

    async def begin(self, leg: str, mode: Any = "talk", **target: Any) -> Begun:
        """Begin a stream for a leg."""
        return await self.streamed.begin(None, leg, StreamTarget(URL, **target), mode)


Script = Callable[[Stage], Awaitable[None]]


def run(tmp_path: Path, script: Script) -> None:
    """Run a script with streams. No leg or port may be left."""

    async def with_streams(scene: Scene, calls: ControlledCalls) -> None:
        stage = Stage(scene, calls)
        await script(stage)
        await stage.streamed.stop()
        for call in calls.all():
            call.hang_up()
        assert await calls.idle(100.0)
        assert scene.services.streams.active == 0

    run_calls(tmp_path, with_streams, agents=("alice", "bob"))


async def talking(stage: Stage, **target: Any) -> tuple[Any, Any, str]:
    """A party who was called and talks with a bot: the call, its phone, the stream."""
    call, phone = await up(stage.scene, stage.calls, "alice", context={"order": 1})
    begun = await stage.begin(leg_of(call), **target)
    stream = await stage.host.ready()
    assert begun.leg == stream
    return call, phone, stream


def owner(call: Call) -> CallOwner:
    """Who moves it."""
    assert call.owner is not None
    return call.owner


def test_a_bot_is_joined_with_the_party_and_told_what_the_call_is_about(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, stream = await talking(stage, parameters={"menu": "main"}, rate_hz=8000)
        order = stage.host.opened[0]
        assert b'"order":1' in order.start and b'"menu":"main"' in order.start
        assert call.id.encode() in order.start and order.rate_hz == 8000
        joined = stage.scene.last("stream.started")
        assert (joined["of_leg"], joined["mode"], joined["uri"]) == (leg_of(call), "talk", URL)
        assert stage.scene.last("call.bridged")["partner"] == stream
        assert stage.scene.seen("bridge.") == ["bridge.joined", "bridge.joined"]
        with pytest.raises(EngineError, match="has a stream"):
            await stage.begin(leg_of(call))
        with pytest.raises(EngineError, match="has a stream"):
            stage.calls.hold(call.id, None)

    run(tmp_path, script)


def test_a_party_hears_its_bot_again_after_an_announcement(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, stream = await talking(stage)
        moved = stage.calls.find(call.id, None)
        moved.leg.hear(Silence())
        moved.hear_again()
        assert stage.scene.media.heard[moved.leg.id][-1] == Peer(stream)

    run(tmp_path, script)


def test_a_stream_that_is_ended_by_command_leaves_the_party_alone(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, stream = await talking(stage)
        assert stage.streamed.end(call.id, None) == [stream]
        await asyncio.sleep(0.1)
        assert stage.host.closed == [(stream, "hung up by command")]
        ended = stage.scene.last("stream.ended")
        assert (ended["cause"], ended["heard_ms"]) == ("hung up by command", 400)
        assert (ended["dropped_ms"], ended["sent_ms"], ended["lost_ms"]) == (20, 1000, 0)
        assert stage.scene.last("call.unbridged")["partner"] == stream
        assert call.state == "up"
        with pytest.raises(EngineError, match="has no stream"):
            stage.streamed.end(call.id, None)
        with pytest.raises(EngineError, match="there is no"):
            stage.streamed.end(None, "leg-of-nobody")
        await stage.begin(leg_of(call))
        owner(call).hang_up(await stage.host.ready())
        await asyncio.sleep(0.1)
        assert call.state == "up"

    run(tmp_path, script)


@pytest.mark.parametrize("asked", [{"type": "hangup"}, {"type": "hangup", "reason": "bye"}])
def test_a_bot_that_hangs_up_ends_the_call(tmp_path: Path, asked: dict[str, str]) -> None:
    async def script(stage: Stage) -> None:
        _call, phone, _stream = await talking(stage)
        await stage.host.ask(**asked)
        await asyncio.sleep(0.1)
        assert phone.is_hung_up
        ended = stage.scene.last("call.ended")
        wanted = asked.get("reason", "hung up by the bot")
        assert (ended["result"], ended["cause"]) == ("completed", wanted)
        assert [leg["role"] for leg in ended["legs"]] == ["agent", "agent"]

    run(tmp_path, script)


def test_a_bot_that_stops_leaves_the_party_alone(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, _stream = await talking(stage)
        await stage.host.end("done")
        await asyncio.sleep(0.1)
        assert stage.scene.last("stream.ended")["cause"] == "done"
        assert call.state == "up"

    run(tmp_path, script)


def test_a_party_who_hangs_up_ends_the_stream(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        _call, phone, stream = await talking(stage)
        phone.hangs_up()
        await asyncio.sleep(0.1)
        assert [one for one, _cause in stage.host.closed] == [stream]
        kinds = stage.scene.seen()
        assert kinds.index("stream.ended") < kinds.index("call.ended")

    run(tmp_path, script)


def test_keys_go_both_ways(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, stream = await talking(stage)
        leg = stage.scene.services.registry.legs[leg_of(call)]
        leg.info_digit("5", 160)
        dtmf = {"type": "dtmf", "digit": "5", "duration_ms": 160}
        assert stage.host.told == [(stream, dtmf)]
        await stage.host.ask(type="dtmf", digits="12")
        assert stage.scene.last("leg.dtmf")["leg"] == stream
        assert [digits for _leg, digits, _ms in stage.scene.media.digits] == ["1", "2"]

    run(tmp_path, script)


def test_a_bot_hands_the_party_over_to_an_agent(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, stream = await talking(stage)
        await stage.host.ask(type="handover", agent="bob", context={"mood": "good"})
        bob = await stage.scene.phone()
        bob.answers()
        await asyncio.sleep(0.1)
        assert stage.host.closed == [(stream, "transferred")]
        done = stage.scene.last("transfer.completed")
        assert (done["by"], done["to"], done["context"]["mood"]) == ("bot", "bob", "good")
        assert call.state == "up"
        with pytest.raises(EngineError, match="has no stream"):
            stage.streamed.end(call.id, None)
        bob.hangs_up()
        await asyncio.sleep(0.1)
        assert stage.scene.last("call.ended")["result"] == "completed"

    run(tmp_path, script)


def test_a_command_takes_the_party_from_the_bot(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone = await up(stage.scene, stage.calls, "alice")
        with pytest.raises(EngineError, match="one party"):
            owner(call).transfer(TransferOrder(None, "bob", None))
        await stage.begin(leg_of(call))
        bob = stage.scene.services.dialplan.agent_destinations("bob")[0]
        order = TransferOrder(leg_of(call), "bob", bob)
        with pytest.raises(EngineError, match="not there yet"):
            owner(call).transfer(order)
        stream = await stage.host.ready()
        owner(call).transfer(order)
        (await stage.scene.phone()).answers()
        await asyncio.sleep(0.1)
        assert stage.host.closed == [(stream, "transferred")]

    run(tmp_path, script)


def test_a_handover_that_cannot_be_is_told_to_the_bot_and_the_two_talk_on(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        _call, _phone, stream = await talking(stage)
        await stage.host.ask(type="handover", queue="nowhere")
        (told,) = (one for _stream, one in stage.host.told if one["type"] == "handover_failed")
        assert "queue" in told["reason"]
        assert stage.scene.last("transfer.failed")["by"] == "bot"
        await stage.host.ask(type="handover", agent="bob")
        (await stage.scene.phone()).refuses(486)
        await asyncio.sleep(0.1)
        told = stage.host.told[-1][1]
        assert told["type"] == "handover_failed" and "486" in told["reason"]
        assert stage.host.closed == []
        assert stream in stage.scene.services.registry.legs

    run(tmp_path, script)


@pytest.mark.parametrize(
    "more", [{"long": "x" * 20_000}, {"deep": json.loads("[" * 20 + "]" * 20)}]
)
def test_a_bot_adds_no_more_context_than_a_request_may_have(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, stream = await talking(stage)
        await stage.host.ask(type="handover", agent="bob", context=more)
        told = stage.host.told[-1][1]
        assert told["type"] == "handover_failed" and "the context is" in told["reason"]
        assert not call.about["context"].keys() & more.keys()
        assert stage.host.closed == [] and stream in stage.scene.services.registry.legs

    run(tmp_path, script)


def test_a_bot_that_is_lost_leaves_the_party_to_the_fallback(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, _stream = await talking(stage, fallback=TO_BOB)
        await stage.host.end("connection lost", "failed")
        failed = stage.scene.last("stream.failed")
        assert (failed["cause"], failed["fallback"]) == ("connection lost", "bob")
        (await stage.scene.phone()).answers()
        await asyncio.sleep(0.1)
        assert stage.scene.last("transfer.completed")["to"] == "bob"
        assert call.state == "up"

    run(tmp_path, script)


def test_a_bot_that_was_never_there_leaves_the_party_to_the_fallback(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone = await up(stage.scene, stage.calls, "alice")
        await stage.begin(leg_of(call), fallback=TO_BOB)
        await stage.host.end("no WebSocket", "unreachable")
        (await stage.scene.phone()).answers()
        await asyncio.sleep(0.1)
        assert stage.scene.last("stream.failed")["fallback"] == "bob"
        assert "stream.started" not in stage.scene.seen()
        assert stage.scene.last("transfer.completed")["by"] == "bot"
        assert call.state == "up"

    run(tmp_path, script)


def test_a_fallback_that_does_not_answer_ends_the_call(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        _call, phone, _stream = await talking(stage, fallback=TO_BOB)
        await stage.host.end("connection lost", "failed")
        (await stage.scene.phone()).refuses(486)
        await asyncio.sleep(0.1)
        assert phone.is_hung_up

    run(tmp_path, script)


@pytest.mark.parametrize("is_early", [True, False])
def test_a_party_may_hear_why_and_be_hung_up(tmp_path: Path, is_early: bool) -> None:
    async def script(stage: Stage) -> None:
        fallback = StreamFallback(announcement="We are sorry.")
        if is_early:
            call, phone = await up(stage.scene, stage.calls, "alice")
            await stage.begin(leg_of(call), fallback=fallback)
        else:
            call, phone, _stream = await talking(stage, fallback=fallback)
        await stage.host.end("connection lost", "failed")
        await asyncio.sleep(20.0)
        assert phone.is_hung_up
        assert call.ending == ("completed", "its bot was lost: it has heard an announcement")
        assert stage.scene.last("stream.failed")["fallback"] == "announcement"

    run(tmp_path, script)


@pytest.mark.parametrize("fallback", [StreamFallback(), None])
@pytest.mark.parametrize("is_early", [True, False])
def test_without_another_place_the_party_is_hung_up_or_stays(
    tmp_path: Path, fallback: StreamFallback | None, is_early: bool
) -> None:
    async def script(stage: Stage) -> None:
        if is_early:
            call, phone = await up(stage.scene, stage.calls, "alice")
            await stage.begin(leg_of(call), fallback=fallback)
        else:
            call, phone, _stream = await talking(stage, fallback=fallback)
        await stage.host.end("connection lost", "failed")
        await asyncio.sleep(0.1)
        assert phone.is_hung_up is (fallback is not None)
        assert (call.state == "up") is (fallback is None)

    run(tmp_path, script)


def test_a_fallback_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone = await up(stage.scene, stage.calls, "alice")
        for handover, field in (
            (Handover(queue="nowhere"), "fallback.queue"),
            (Handover(agent="nobody"), "fallback.agent"),
            (Handover(to="nonsense!"), "fallback.to"),
        ):
            with pytest.raises(EngineError) as refused:
                await stage.begin(leg_of(call), fallback=StreamFallback(handover))
            assert refused.value.field == field

    run(tmp_path, script)


def test_a_service_may_listen_to_a_leg_that_is_up(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, phone = await up(stage.scene, stage.calls, "alice")
        begun = await stage.begin(leg_of(call), "listen")
        stream = await stage.host.ready()
        assert (begun.mode, begun.of_leg) == ("listen", leg_of(call))
        assert stage.scene.last("stream.started")["mode"] == "listen"
        assert b'"mode":"listen"' in stage.host.opened[0].start
        assert "bridge.joined" not in stage.scene.seen()
        assert stage.streamed.end(None, leg_of(call)) == [stream]
        await asyncio.sleep(0.1)
        assert call.state == "up"
        await stage.begin(leg_of(call), "listen")
        await stage.host.ready()
        phone.hangs_up()
        await asyncio.sleep(0.1)
        assert len(stage.host.closed) == 2

    run(tmp_path, script)


def test_a_service_that_cannot_listen_is_told_of(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone = await up(stage.scene, stage.calls, "alice")
        await stage.begin(leg_of(call), "listen")
        await stage.host.end("no WebSocket", "unreachable")
        await asyncio.sleep(0.1)
        assert stage.scene.last("stream.failed")["cause"] == "no WebSocket"
        assert call.state == "up"
        with pytest.raises(EngineError, match="there is no leg"):
            await stage.begin("leg-of-nobody", "listen")
        with pytest.raises(EngineError, match="no customer is up"):
            await stage.streamed.begin(call.id, None, StreamTarget(URL), "listen")

    run(tmp_path, script)


@pytest.mark.parametrize("mode", ["talk", "listen"])
def test_without_a_port_there_is_no_stream(tmp_path: Path, mode: str) -> None:
    async def script(stage: Stage) -> None:
        call, _phone = await up(stage.scene, stage.calls, "alice")
        stage.scene.media.port_left = False
        with pytest.raises(EngineError) as refused:
            await stage.begin(leg_of(call), mode)
        assert refused.value.kind == "unavailable"
        stage.scene.media.port_left = True
        await stage.begin(leg_of(call), mode)

    run(tmp_path, script)


def test_a_bot_hands_the_party_over_to_a_queue(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        services = stage.scene.services
        settings = AgentSettings(name="bob", uri="sip:bob@127.0.0.1:5080", queues=["sales"])
        services.agents.enrol(settings)
        services.queues.start([Queue(name="sales")])
        call, _phone = await up(stage.scene, stage.calls, "+442079460123")
        await stage.begin(leg_of(call), fallback=StreamFallback(Handover(queue="sales")))
        await stage.host.ready()
        await stage.host.ask(type="handover", queue="sales", context={"mood": "good"})
        await asyncio.sleep(0.1)
        assert stage.scene.last("transfer.completed")["to_queue"] == "sales"
        joined = stage.scene.last("queue.joined")
        assert (joined["queue"], joined["call"]) == ("sales", call.id)
        services.agents.login("bob")
        bob = await stage.scene.phone()
        bob.answers()
        await asyncio.sleep(5.0)
        offered = stage.scene.last("agent.offered")
        assert (offered["agent"], offered["number"]) == ("bob", "+442079460123")
        assert services.agents.known("bob").state == "talking"
        bot = stage.calls.find(call.id, None).bot
        assert bot is not None and bot.ring_s == services.dial.ring_s
        bob.hangs_up()
        await asyncio.sleep(1.0)
        assert stage.scene.last("call.ended")["result"] == "completed"
        services.queues.stop()

    run(tmp_path, script)


def test_a_talk_with_a_bot_has_an_end(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        limit_s = stage.scene.services.dial.max_duration_s
        call, phone = await up(stage.scene, stage.calls, "alice", max_duration_s=2 * limit_s)
        await stage.begin(leg_of(call))
        await stage.host.ready()
        await asyncio.sleep(limit_s + 10.0)
        assert phone.is_hung_up
        assert stage.scene.last("call.ended")["cause"] == "maximum duration reached"

    run(tmp_path, script)


def test_a_talk_that_cannot_go_on_ends_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_talk: Talk, _limit_s: float) -> None:
        raise EngineError("unavailable", "no room")

    monkeypatch.setattr(Talk, "run", fail)

    async def script(stage: Stage) -> None:
        await talking(stage)
        await asyncio.sleep(0.1)
        assert stage.scene.last("call.ended")["cause"] == "no room"

    run(tmp_path, script)


def test_a_tap_that_fails_for_a_defect_is_logged_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_leg: StreamLeg, **_options: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(StreamLeg, "dial", fail)

    async def script(stage: Stage) -> None:
        call, _phone = await up(stage.scene, stage.calls, "alice")
        with capture_logs() as logs:
            begun = await stage.begin(leg_of(call), "listen")
            await asyncio.sleep(0.1)
        assert [(one["event"], one["leg"]) for one in logs] == [("stream_died", begun.leg)]
        assert begun.leg not in stage.scene.services.registry.legs

    run(tmp_path, script)


def test_a_fallback_that_cannot_be_leaves_the_party_hung_up(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, phone = await up(stage.scene, stage.calls, "alice")
        await stage.begin(leg_of(call), fallback=TO_BOB)
        stage.scene.services.dialplan.forget_agent("bob")
        await stage.host.end("no WebSocket", "unreachable")
        await asyncio.sleep(0.1)
        assert phone.is_hung_up
        assert stage.scene.last("transfer.failed")["by"] == "bot"

    run(tmp_path, script)


def test_a_stream_that_is_ended_at_once_leaves_nothing(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, phone = await up(stage.scene, stage.calls, "alice")
        await stage.begin(leg_of(call))
        await stage.begin(leg_of(call), "listen")
        phone.hangs_up()
        await asyncio.sleep(0.1)
        assert call.state == "ended"
        with pytest.raises(EngineError, match="there is no leg"):
            await stage.begin(leg_of(call), "listen")

    run(tmp_path, script)


def test_a_leg_that_is_not_up_yet_cannot_be_listened_to(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call = await stage.calls.originate(Origination(to="+442079460123"))
        with pytest.raises(EngineError, match="is not up"):
            await stage.begin(leg_of(call), "listen")
        with pytest.raises(EngineError, match="no customer is up"):
            await stage.streamed.begin(call.id, None, StreamTarget(URL), "listen")
        phone = await stage.scene.phone()
        phone.answers()
        phone.state = "confirmed"
        await asyncio.sleep(0.01)
        begun = await stage.streamed.begin(call.id, None, StreamTarget(URL), "listen")
        assert begun.of_leg == leg_of(call)
        await stage.host.ready()
        assert stage.streamed.end(call.id, None) == [begun.leg]

    run(tmp_path, script)


def test_an_announcement_that_cannot_be_spoken_is_told(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.scene.services.announcer = Announcer(FailingSynthesizer())  # type: ignore[arg-type]
        _call, phone, _stream = await talking(
            stage, fallback=StreamFallback(announcement="We are sorry.")
        )
        await stage.host.end("connection lost", "failed")
        await asyncio.sleep(1.0)
        assert phone.is_hung_up
        assert stage.scene.last("leg.not_played")["error"] == "no voice"

    run(tmp_path, script)


class FailingSynthesizer:
    """Speaks nothing."""

    def prompt(self, _text: str, **_options: Any) -> Path:
        raise SpeechError("no voice")

    def close(self) -> None:
        """It has nothing."""


@pytest.mark.parametrize("hears", [True, False])
def test_whom_a_bot_hands_a_recorded_call_over_to_hears_of_it(tmp_path: Path, hears: bool) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, _stream = await talking(stage)
        library = stage.scene.services.recordings
        library.settings = library.settings.model_copy(update={"announcement": "It is recorded."})
        recorded = stage.calls.find(call.id, None).recorded
        await recorded.start_by_command(RecordingOrder())
        stage.scene.media.ends_plays = hears
        await stage.host.ask(type="handover", agent="bob")
        bob = await stage.scene.phone()
        bob.answers()
        await asyncio.sleep(100.0)
        leg = stage.scene.last("transfer.completed")["new_leg"]
        assert isinstance(stage.scene.media.heard[leg][0], Prompt)
        assert stage.scene.media.heard[leg][-1] == Peer(leg_of(call))
        assert (recorded.entry is not None) is hears
        controlled = stage.calls.find(call.id, None)
        bobs = stage.scene.services.registry.legs[leg]
        talk = controlled.bot
        assert isinstance(talk, BotTalk)
        joined = TransferRequest(controlled.leg, bobs, "carol", None, ring_s=20.0)
        await talk.party_left(joined)  # his phone has connected another, who was told nothing
        assert recorded.entry is None
        bob.hangs_up()

    run(tmp_path, script)


def test_an_agent_of_a_queue_hears_of_the_recording_of_who_comes_from_a_bot(
    tmp_path: Path,
) -> None:
    async def script(stage: Stage) -> None:
        services = stage.scene.services
        settings = AgentSettings(name="bob", uri="sip:bob@127.0.0.1:5080", queues=["sales"])
        services.agents.enrol(settings)
        services.queues.start([Queue(name="sales")])
        call, _phone = await up(stage.scene, stage.calls, "+442079460123")
        await stage.begin(leg_of(call))
        await stage.host.ready()
        library = services.recordings
        library.settings = library.settings.model_copy(update={"announcement": "It is recorded."})
        recorded = stage.calls.find(call.id, None).recorded
        await recorded.start_by_command(RecordingOrder())
        await stage.host.ask(type="handover", queue="sales")
        await asyncio.sleep(0.1)
        services.agents.login("bob")
        bob = await stage.scene.phone()
        bob.answers()
        await asyncio.sleep(10.0)
        heard = stage.scene.media.heard[call.legs[-1].id]
        assert isinstance(heard[0], Prompt) and heard[-1] == Peer(leg_of(call))
        assert recorded.entry is not None
        bob.hangs_up()
        await asyncio.sleep(1.0)
        services.queues.stop()

    run(tmp_path, script)


@pytest.mark.parametrize("text", ["It is recorded.", ""])
def test_whom_a_phone_connects_by_itself_with_a_recorded_party_ends_the_recording(
    tmp_path: Path, text: str
) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, _stream = await talking(stage)
        library = stage.scene.services.recordings
        library.settings = library.settings.model_copy(update={"announcement": text})
        moved = stage.calls.find(call.id, None)
        await moved.recorded.start_by_command(RecordingOrder())
        assert moved.bot is not None
        request = TransferRequest(moved.leg, moved.bot.leg, "carol", None, 0.0, by="phone")
        await moved.bot.party_left(request)
        assert (moved.recorded.entry is None) is bool(text)

    run(tmp_path, script)


def streams_of(two: Two) -> StreamedCalls:
    """The streams of two who talk in a callback."""
    services = two.scene.services
    services.streams = scripted_streams()
    calls = ControlledCalls(services, two.scene.admission, lambda: None)
    return StreamedCalls(
        services, two.scene.admission, calls, lambda call: two.dispatcher.callback_of(call.id)
    )


def test_a_bot_takes_the_place_of_the_agent_of_a_callback(tmp_path: Path) -> None:
    async def script(two: Two) -> None:
        streamed = streams_of(two)
        (call,) = two.scene.services.registry.calls.values()
        agent, customer = call.legs
        begun = await streamed.begin(call.id, None, StreamTarget(URL, parameters={"a": 1}), "talk")
        assert (begun.call, begun.of_leg, begun.mode) == (call, customer.id, "talk")
        host = host_of(two.scene.services.streams)
        assert await host.ready() == begun.leg
        assert f'"leg":"{customer.id}"'.encode() in host.opened[0].start
        await asyncio.sleep(0.1)
        done = two.last("transfer.completed")
        assert (done["new_leg"], done["from_leg"], done["by"]) == (begun.leg, agent.id, "command")
        assert two.last("stream.started")["of_leg"] == customer.id
        assert two.agent.is_hung_up and not two.customer.is_hung_up
        assert two.scene.media.heard[customer.id][-1] == Peer(begun.leg)
        # The bot hands them over, as in any talk.
        await host.ask(type="handover", to="sip:carol@127.0.0.1")
        carol = await two.scene.phone()
        carol.answers()
        await asyncio.sleep(0.1)
        assert two.last("transfer.completed")["by"] == "bot"
        carol.hangs_up()
        await two.completed()

    run_talk(tmp_path, script)


def test_a_bot_is_exchanged_for_another_flow_of_the_same_service(tmp_path: Path) -> None:
    async def script(two: Two) -> None:
        streamed = streams_of(two)
        (call,) = two.scene.services.registry.calls.values()
        host = host_of(two.scene.services.streams)
        first = await streamed.begin(call.id, None, StreamTarget(URL), "talk")
        await host.ready()
        await asyncio.sleep(0.1)
        flow = StreamTarget(f"{URL}?flow=2", parameters={"flow": 2})
        begun = await streamed.begin(call.id, None, flow, "talk")
        assert begun.url == first.url
        assert await host.ready() == begun.leg
        await asyncio.sleep(0.1)
        done = two.last("transfer.completed")
        assert (done["new_leg"], done["from_leg"]) == (begun.leg, first.leg)
        await host.ask(type="hangup", reason="done")
        await two.completed()

    run_talk(tmp_path, script)


def test_a_party_named_by_its_leg_talks_with_the_bot(tmp_path: Path) -> None:
    async def script(two: Two) -> None:
        streamed = streams_of(two)
        (call,) = two.scene.services.registry.calls.values()
        agent, _customer = call.legs
        begun = await streamed.begin(None, agent.id, StreamTarget(URL), "talk")
        assert begun.of_leg == agent.id
        with pytest.raises(EngineError, match="a transfer is under way"):
            await streamed.begin(None, agent.id, StreamTarget(URL), "talk")
        await host_of(two.scene.services.streams).ready()
        await asyncio.sleep(0.1)
        assert two.customer.is_hung_up and not two.agent.is_hung_up
        await host_of(two.scene.services.streams).ask(type="hangup", reason="done")
        await two.completed()
        assert two.agent.is_hung_up

    run_talk(tmp_path, script)


def test_the_two_talk_again_where_the_bot_does_not_come(tmp_path: Path) -> None:
    async def script(two: Two) -> None:
        streamed = streams_of(two)
        (call,) = two.scene.services.registry.calls.values()
        await streamed.begin(call.id, None, StreamTarget(URL), "talk")
        await host_of(two.scene.services.streams).end("no WebSocket", "unreachable")
        await asyncio.sleep(0.1)
        assert two.last("transfer.failed")["cause"] == "no WebSocket"
        assert not two.agent.is_hung_up and not two.customer.is_hung_up
        with pytest.raises(EngineError) as refused:
            await streamed.begin(call.id, None, StreamTarget("wss://other.example/"), "talk")
        assert refused.value.kind == "refused"
        two.agent.hangs_up()
        await two.completed()

    run_talk(tmp_path, script)


def test_whom_a_bot_was_taken_from_by_a_handover_may_get_another(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        call, _phone, _stream = await talking(stage)
        await stage.host.ask(type="handover", agent="bob")
        bob = await stage.scene.phone()
        bob.answers()
        await asyncio.sleep(0.1)
        begun = await stage.begin(leg_of(call))
        assert await stage.host.ready() == begun.leg
        await asyncio.sleep(0.1)
        assert begun.of_leg == leg_of(call) and bob.is_hung_up
        assert stage.scene.media.heard[leg_of(call)][-1] == Peer(begun.leg)

    run(tmp_path, script)


def test_a_call_that_is_over_or_does_not_talk_gets_no_bot(tmp_path: Path) -> None:
    async def script(two: Two) -> None:
        streamed = streams_of(two)
        (call,) = two.scene.services.registry.calls.values()
        two.agent.hangs_up()
        await two.completed()
        two.scene.services.registry.add_call(call)
        with pytest.raises(EngineError, match="is already over"):
            await streamed.begin(call.id, None, StreamTarget(URL), "talk")
        two.scene.services.registry.remove_call(call)
        with pytest.raises(EngineError, match="there is no call"):
            await streamed.begin(call.id, None, StreamTarget(URL), "talk")

    run_talk(tmp_path, script)
