"""One call and the account of the softphone: what PJSIP reports, put into the phone's events.

PJSIP hands out structures whose members die with them: each owner below is kept in a variable for
as long as a member of it is read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pjsua2 as pj

_STATES = {
    pj.PJSIP_INV_STATE_CALLING: "calling",
    pj.PJSIP_INV_STATE_INCOMING: "incoming",
    pj.PJSIP_INV_STATE_EARLY: "early",
    pj.PJSIP_INV_STATE_CONNECTING: "connecting",
    pj.PJSIP_INV_STATE_CONFIRMED: "confirmed",
    pj.PJSIP_INV_STATE_DISCONNECTED: "disconnected",
}
_DIRECTIONS = {
    pj.PJMEDIA_DIR_NONE: "inactive",
    pj.PJMEDIA_DIR_ENCODING: "sendonly",
    pj.PJMEDIA_DIR_DECODING: "recvonly",
    pj.PJMEDIA_DIR_ENCODING_DECODING: "sendrecv",
}


Emit = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Sound:
    """What the phone sends (a tone in Hz or a WAV file) and where it records what it hears."""

    tone_hz: int | None = None
    play: str | None = None
    record: str | None = None


class CallOwner(Protocol):
    """The endpoint as its account and its calls see it."""

    account: "Account"
    sound: Sound
    emit: Emit
    on_incoming: "Callable[[Call], None]"
    calls: "list[Call]"
    registered: bool

    def next_number(self) -> int:
        """Return the number of a new call."""
        ...

    def new_call(self, call_id: int = ...) -> "Call":
        """Return a call that PJSIP makes."""
        ...

    def forget(self, call: "Call") -> None:
        """Drop an ended call."""
        ...

    def tone_player(self, hz: int) -> Any:
        """Return a player of a steady tone."""
        ...

    def wav_player(self, path: str, *, loop: bool) -> Any:
        """Return a player of the WAV file at `path`."""
        ...


class Call(pj.Call):  # type: ignore[misc]
    """One call. Events go to the stack's `emit`; sound is connected as soon as there is media."""

    def __init__(self, stack: CallOwner, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(stack.account, call_id)
        self.stack = stack
        self.number = stack.next_number()
        self.over = False
        self._player: Any = None
        self._recorder: Any = None
        self._finished_streams: dict[str, float] = {}

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        state = _STATES.get(info.state, str(info.state))
        if state == "disconnected":
            self.over = True
            self.report_stats()
        self.stack.emit(
            "state",
            call=self.number,
            state=state,
            status=info.lastStatusCode,
            reason=info.lastReason,
            sip_call_id=info.callIdString,
        )
        if self.over:
            self._stop_sound()
            self.stack.forget(self)

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()  # owns the vector below: it must live as long as that is read
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            held = media.status in (
                pj.PJSUA_CALL_MEDIA_LOCAL_HOLD,
                pj.PJSUA_CALL_MEDIA_REMOTE_HOLD,
            )
            if media.status == pj.PJSUA_CALL_MEDIA_ACTIVE or held:
                stream = self.getStreamInfo(index)
                self._connect_sound(self.getAudioMedia(index))
                self.stack.emit(
                    "media",
                    call=self.number,
                    codec=stream.codecName,
                    direction=_DIRECTIONS.get(media.dir, str(media.dir)),
                    held=held,
                    remote=stream.remoteRtpAddress,
                )

    def onCallTransferRequest(self, prm: Any) -> None:
        # REFER: PJSIP makes the call, and tells the far side how it goes.
        prm.newCall = self.stack.new_call()

    def onCallReplaced(self, prm: Any) -> None:
        # An INVITE with Replaces has been answered: this call ends.
        prm.newCall = self.stack.new_call(prm.newCallId)

    def onDtmfDigit(self, prm: Any) -> None:
        self.stack.emit("dtmf", call=self.number, digit=prm.digit)

    def onStreamDestroyed(self, prm: Any) -> None:
        # A re-INVITE makes a new stream, whose counters start at zero.
        self._finished_streams = self._stats()

    def report_stats(self) -> None:
        """Emit `stats`: packets, loss and jitter of this call, from PJSIP's RTCP accounting."""
        self.stack.emit("stats", call=self.number, **self._stats())

    def play(self, path: str) -> None:
        """Send the WAV file at `path` once instead of what is sent now."""
        self._replace_player(self.stack.wav_player(path, loop=False))

    def play_tone(self, hz: int) -> None:
        """Send a steady tone instead of what is sent now."""
        self._replace_player(self.stack.tone_player(hz))

    def hold(self) -> None:
        """Put the far side on hold (re-INVITE, sendonly)."""
        self.setHold(pj.CallOpParam(True))

    def unhold(self) -> None:
        """Take the far side off hold (re-INVITE, sendrecv)."""
        prm = pj.CallOpParam(True)
        prm.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.reinvite(prm)

    def transfer(self, uri: str) -> None:
        """Ask by REFER that the far side be connected with `uri`."""
        self.xfer(uri, pj.CallOpParam(True))

    def transfer_to(self, other: "Call") -> None:
        """Ask by REFER that the far side take our place in another call (RFC 3891)."""
        self.xferReplaces(other, pj.CallOpParam(True))

    def respond(self, status: int) -> None:
        """Answer an incoming call with `status`; 183 and 200 carry SDP."""
        prm = pj.CallOpParam(True)
        prm.statusCode = status
        self.answer(prm)

    def end(self) -> None:
        """CANCEL, BYE or a 603, whichever the state asks for."""
        if not self.over:
            self.hangup(pj.CallOpParam(True))

    def _connect_sound(self, audio: Any) -> None:
        sound = self.stack.sound
        if self._player is None:
            if sound.play is not None:
                self._player = self.stack.wav_player(sound.play, loop=True)
            elif sound.tone_hz is not None:
                self._player = self.stack.tone_player(sound.tone_hz)
        if self._player is not None:
            self._player.startTransmit(audio)
        if sound.record is not None:
            if self._recorder is None:
                path = sound.record.replace("{call}", str(self.number))
                self._recorder = pj.AudioMediaRecorder()
                self._recorder.createRecorder(path)
                self.stack.emit("recording", call=self.number, path=path)
            audio.startTransmit(self._recorder)

    def _replace_player(self, player: Any) -> None:
        audio = self.getAudioMedia(-1)
        if self._player is not None:
            self._player.stopTransmit(audio)
        self._player = player
        player.startTransmit(audio)

    def _stop_sound(self) -> None:
        self._player = None
        self._recorder = None

    def _stats(self) -> dict[str, float]:
        """Counters summed over the streams that this call has had; the worst jitter of them."""
        total = dict(self._finished_streams)
        try:
            stat = self.getStreamStat(0)
        except pj.Error:
            return total  # no stream now
        rtcp = stat.rtcp  # owned by `stat`, and the owner of what is read below
        received, sent = rtcp.rxStat, rtcp.txStat
        for name, value in (
            ("received", received.pkt),
            ("sent", sent.pkt),
            ("lost", received.loss),
            ("reordered", received.reorder),
            ("duplicates", received.dup),
            ("discarded", received.discard),
            ("far_lost", sent.loss),
        ):
            total[name] = total.get(name, 0) + value
        for name, microseconds in (
            ("jitter_ms", received.jitterUsec.mean),
            ("jitter_max_ms", received.jitterUsec.max),
            ("far_jitter_ms", sent.jitterUsec.mean),
            ("round_trip_ms", rtcp.rttUsec.mean),
        ):
            total[name] = max(total.get(name, 0.0), round(microseconds / 1000, 3))
        return total


class Account(pj.Account):  # type: ignore[misc]
    """The phone's one account: hands incoming calls and registration to the stack."""

    def __init__(self, stack: CallOwner) -> None:
        super().__init__()
        self.stack = stack

    def onRegState(self, prm: Any) -> None:
        info = self.getInfo()
        self.stack.registered = info.regIsActive
        self.stack.emit(
            "registered" if info.regIsActive else "unregistered",
            status=prm.code,
            reason=prm.reason,
            expires_s=info.regExpiresSec if info.regIsActive else 0,
        )

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self.stack, prm.callId)
        self.stack.calls.append(call)
        text = prm.rdata.wholeMsg
        self.stack.emit(
            "incoming",
            call=call.number,
            request_uri=text.split(" ", 2)[1],
            source=prm.rdata.srcAddress,
            headers=read_headers(text),
        )
        self.stack.on_incoming(call)


def read_headers(message: str) -> dict[str, str]:
    """The header fields of a SIP message as text; a field that comes twice is joined by commas."""
    headers: dict[str, str] = {}
    head = message.partition("\r\n\r\n")[0]
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        name, value = name.strip(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
