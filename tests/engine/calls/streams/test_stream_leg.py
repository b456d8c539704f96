"""A leg whose party is a service: what its bot and the stream host do to it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.calls.call import Call
from engine.calls.call_legs import CallLegs
from engine.calls.dialling import Caller
from engine.calls.hangup_cause import BY_COMMAND
from engine.calls.leg import LegEnded
from engine.calls.legs.leg_listener import LegListener, ObservedLeg
from engine.calls.streams import stream_leg
from engine.calls.streams.stream_leg import StreamLeg
from engine.routing.targets.destination import Destination, DialTarget
from engine.routing.targets.stream_target import StreamFallback, StreamTarget
from media.protocol.messages import LegFailed
from media.streams.messages import Failure, StreamInterrupted, StreamResumed
from tests.support.scene import Scene, run_scene
from tests.support.scripted_streams import URL, ScriptedHost, host_of, scripted_streams

CALLER = Caller(None, "ringback")


def run(
    tmp_path: Path,
    script: Callable[[Scene, StreamLeg, ScriptedHost], Awaitable[None]],
    fallback: StreamFallback | None = None,
    **settings: Any,
) -> None:
    """Run a script with a leg to a service that has a port. Nothing may be left."""

    async def with_leg(stage: Scene) -> None:
        services = stage.services
        streams = services.streams = scripted_streams(**settings)
        call = Call("call-1", None, about={"from": "+44", "queue": None})
        services.registry.add_call(call)

        def publish(kind: str, **fields: Any) -> None:
            services.events.publish(kind, call="call-1", **fields)

        legs = CallLegs(call, services, publish, stage.admission)
        target = StreamTarget(URL, fallback=fallback)
        destination = Destination("bot", (DialTarget(URL, URL),), agent="bot", stream=target)
        leg = legs.make("agent", destination)
        assert isinstance(leg, StreamLeg)
        await leg.open()
        legs.show(leg)
        await script(stage, leg, host_of(streams))
        await legs.give_back()
        services.registry.remove_call(call)
        assert streams.active == 0

    run_scene(tmp_path, with_leg)


async def dialled(leg: StreamLeg, **options: Any) -> "asyncio.Task[None]":
    task = asyncio.ensure_future(leg.dial(caller=CALLER, **({"ring_s": 20.0} | options)))
    await asyncio.sleep(0.01)
    return task


def test_it_answers_once_the_bot_takes_the_stream(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        dialling = await dialled(leg, codecs=("PCMA", "PCMU"))
        assert not dialling.done() and leg.record.state == "dialing"
        order = host.opened[0]
        assert (order.codec, order.port) == ("PCMA", 10000)
        assert b'"agent":"bot"' in order.start and b"null" not in order.start
        await host.ready()
        await dialling
        record = leg.record
        assert (record.state, record.codec, record.uri) == ("answered", "PCMA", URL)
        assert record.remote_media == "127.0.0.1:4500"
        (peer,) = stage.media.peers
        assert (peer.rtp, peer.must_speak, peer.payload_type) == ("strict", False, 8)
        assert peer.is_even
        # Its sound passes by the relay: nobody looks for keys in it, which a bot sends as a text.
        assert not peer.keys_as_sound and not leg.gets_keys_as_sound

    run(tmp_path, script)


def speaking(codec: str) -> Any:
    """A leg that is joined with the bot's."""
    return SimpleNamespace(audio=SimpleNamespace(codec=codec))


@pytest.mark.parametrize(
    ("spoken", "rate_hz", "codec"),
    [
        ("opus", 16000, "L16/16000"),
        ("G722", 24000, "L16/16000"),
        ("G722", 8000, "PCMU"),
        ("L16/8000", 16000, "PCMU"),
    ],
)
def test_it_is_wide_where_leg_and_service_are(
    tmp_path: Path, spoken: str, rate_hz: int, codec: str
) -> None:
    async def script(_stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        dialling = await dialled(leg, codecs=(spoken, "PCMU", "PCMA"))
        assert host.opened[0].codec == codec
        leg.hang_up(BY_COMMAND)
        with pytest.raises(LegEnded):
            await dialling

    run(tmp_path, script, rate_hz=rate_hz)


def test_it_becomes_wide_with_whom_it_is_joined_and_narrow_again(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        dialling = await dialled(leg)
        await host.ready()
        await dialling
        for others in (["PCMU"], ["PCMA", "G722"], ["opus"], ["PCMA"]):
            leg.fit([speaking(codec) for codec in others])
        assert host.codecs == [(leg.id, "L16/16000"), (leg.id, "PCMA")]
        peers = [(peer.codec, peer.payload_type, peer.port) for peer in stage.media.peers]
        assert peers == [("PCMU", 0, 4500), ("L16/16000", 112, 4500), ("PCMA", 8, 4500)]
        assert leg.record.codec == "PCMA"

    run(tmp_path, script)


@pytest.mark.parametrize(
    ("failure", "result"),
    [
        ("unreachable", "unreachable"),
        ("refused", "declined"),
        ("no_answer", "no_answer"),
        ("failed", "failed"),
    ],
)
def test_a_service_that_does_not_take_it_has_its_cause(
    tmp_path: Path, failure: Failure, result: str
) -> None:
    async def script(stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        dialling = await dialled(leg)
        await host.end("why", failure)
        with pytest.raises(LegEnded) as ended:
            await dialling
        cause = ended.value.hangup_cause
        assert (cause.result, cause.phrase, cause.is_ours) == (result, "why", False)
        assert stage.last("leg.ended")["result"] == result
        assert not stage.seen("stream.")

    run(tmp_path, script)


def test_a_bot_that_is_too_slow_is_not_waited_for(tmp_path: Path) -> None:
    async def script(_stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        dialling = await dialled(leg, ring_s=3.0)
        with pytest.raises(LegEnded, match="no answer within 3 s"):
            await dialling
        assert host.closed == [(leg.id, "no answer within 3 s")]
        await host.ready()  # crossed with that
        assert leg.record.answered is None

    run(tmp_path, script)


def test_without_room_it_is_our_own_fault(tmp_path: Path) -> None:
    async def script(_stage: Scene, leg: StreamLeg, _host: ScriptedHost) -> None:
        with pytest.raises(LegEnded) as ended:
            await leg.dial(caller=CALLER, ring_s=3.0)
        assert ended.value.hangup_cause.is_ours

    run(tmp_path, script, max_streams=0)


def test_one_that_was_hung_up_before_is_not_dialled(tmp_path: Path) -> None:
    async def script(_stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        leg.hang_up(BY_COMMAND)
        with pytest.raises(LegEnded, match="by command"):
            await leg.dial(caller=CALLER, ring_s=3.0)
        assert not host.opened

    run(tmp_path, script)


def test_a_connection_that_is_lost_and_comes_back_is_published(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        dialling = await dialled(leg)
        await host.ready()
        await dialling
        await host.happens(StreamInterrupted(leg.id, "connection lost"))
        assert stage.last("stream.interrupted")["cause"] == "connection lost"
        await host.happens(StreamResumed(leg.id, 2))
        assert stage.last("stream.resumed")["attempts"] == 2

    run(tmp_path, script)


def test_keys_and_handovers_without_a_partner_come_to_nothing(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        dialling = await dialled(leg)
        await host.ready()
        await dialling
        leg.check_keys()
        assert leg.gets_keys_by_info
        leg.send_keys("12")
        assert [told["digit"] for _leg, told in host.told] == ["1", "2"]
        await host.ask(type="dtmf", digits="3")
        assert stage.last("leg.dtmf")["digit"] == "3"
        await host.ask(type="handover", queue="sales")
        assert host.told[-1][1]["type"] == "handover_failed"

    run(tmp_path, script)


def test_a_fallback_that_nobody_carries_out_ends_the_leg(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        dialling = await dialled(leg)
        await host.ready()
        await dialling
        await host.end("connection lost", "failed")
        assert leg.hangup_cause is not None and leg.hangup_cause.result == "failed"
        assert not leg.may_leave
        assert stage.last("stream.failed")["fallback"] == "announcement"

    run(tmp_path, script, StreamFallback(announcement="Sorry."))


class _PartnerOfBot(LegListener):
    """Carries a fallback out."""

    def __init__(self) -> None:
        self.wanted: list[StreamFallback] = []

    def handover_requested(
        self, leg: ObservedLeg, wanted: StreamFallback, on_failed: Callable[[str], None]
    ) -> bool:
        self.wanted.append(wanted)
        return True


@pytest.mark.parametrize("is_up", [True, False])
def test_one_whose_media_fails_leaves_its_partner_to_the_fallback(
    tmp_path: Path, is_up: bool
) -> None:
    fallback, partner = StreamFallback(announcement="Sorry."), _PartnerOfBot()

    async def script(stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        leg.listen(partner)
        dialling = await dialled(leg)
        if is_up:
            await host.ready()
            await dialling
        for _ in range(2):
            leg.on_media(LegFailed(leg.id))
        await asyncio.sleep(0.01)
        assert leg.hangup_cause is not None
        assert str(leg.hangup_cause) == "a fault of the media worker"
        assert host.closed == [(leg.id, "a fault of the media worker")]
        if is_up:
            assert (partner.wanted, leg.may_leave) == ([fallback], True)
            failed = stage.last("stream.failed")
            assert (failed["cause"], failed["fallback"]) == (host.closed[0][1], "announcement")
            assert stage.last("stream.ended")["cause"] == host.closed[0][1]
        else:
            assert partner.wanted == []
            with pytest.raises(LegEnded):
                await dialling

    run(tmp_path, script, fallback)


def test_an_end_whose_figures_do_not_come_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_leg, "FIGURES_S", 0.2)

    async def script(stage: Scene, leg: StreamLeg, host: ScriptedHost) -> None:
        dialling = await dialled(leg)
        await host.ready()
        await dialling
        host.on_event = lambda _event: None
        leg.hang_up(BY_COMMAND)
        await leg.release()
        ended = stage.last("stream.ended")
        assert (ended["cause"], ended["heard_ms"]) == ("hung up by command", 0)

    run(tmp_path, script)
