"""The softphone's SIP and sound: one PJSIP endpoint in this process, through pjsua2.

Importing this module needs `pjsua2` (`pip install ringback[demo]`). PJSIP is polled by
`Stack.poll` from the thread that made the Stack, and calls back only inside it; there is no sound
card: a null device gives the 20 ms clock. The wheel allows 4 calls a process.
"""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pjsua2 as pj

from .softphone_call import Account, Call, Emit, Sound

CLOCK_HZ = 8000
MAX_CALLS = 4
LINGER_S = 0.25
PORTS_TRIED = 20


_SRTP = {
    "off": pj.PJMEDIA_SRTP_DISABLED,
    "offered": pj.PJMEDIA_SRTP_OPTIONAL,
    "required": pj.PJMEDIA_SRTP_MANDATORY,
}


class PhoneError(Exception):
    """PJSIP refused: a sentence for a person."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the phone's certificate, its key, and the issuers that it trusts."""

    cert: str
    key: str
    ca: str


STRICT_EXPIRES_S = 90


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the phone is, where it listens and, if anywhere, where it registers.

    With `tls` it speaks TLS alone, and lets nobody in without a good certificate. A `strict` one
    requires 100rel, and session timers of STRICT_EXPIRES_S.
    """

    user: str
    host: str = "127.0.0.1"
    port: int = 0
    registrar: str | None = None
    username: str | None = None
    password: str = ""
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    srtp: str = "off"
    strict: bool = False
    tls: TlsFiles | None = None


class Stack:
    """The endpoint, its account and its calls. Raises PhoneError when PJSIP cannot start."""

    def __init__(
        self,
        identity: Identity,
        sound: Sound,
        *,
        emit: Emit,
        on_incoming: Callable[[Call], None],
        log: str | None = None,
    ) -> None:
        self.sound = sound
        self.emit = emit
        self.on_incoming = on_incoming
        self.calls: list[Call] = []
        self.registered = False
        self._count = 0
        self._gone: list[Call] = []
        self._endpoint = pj.Endpoint()
        try:
            self.port = self._start(identity, log)
        except pj.Error as error:
            self._endpoint.libDestroy()
            raise PhoneError(
                f"cannot listen at {identity.host}:{identity.port}: {error.info()}"
            ) from error
        self.uri = f"sip:{identity.user}@{identity.host}:{self.port}"
        if identity.tls is not None:
            self.uri += ";transport=tls"
        self.account = Account(self)
        try:
            self.account.create(self._account_config(identity))
        except pj.Error as error:
            where = identity.registrar or self.uri
            raise PhoneError(f"no account can be made for {where}: {error.reason}") from error

    def poll(self, timeout_ms: int) -> None:
        """Let PJSIP work for at most about `timeout_ms`; callbacks happen in here."""
        self._endpoint.libHandleEvents(timeout_ms)
        self._gone.clear()

    def call(self, uri: str, header: str = "") -> Call:
        """Send an INVITE to `uri`, with one more `header` where one is given."""
        call = Call(self)
        options = pj.CallOpParam(True)
        if header:
            name, _, value = header.partition(":")
            extra = pj.SipHeader()
            extra.hName, extra.hValue = name.strip(), value.strip()
            options.txOption.headers.append(extra)
        try:
            call.makeCall(uri, options)
        except pj.Error as error:
            raise PhoneError(f"cannot call {uri}: {error.reason}") from error
        self.calls.append(call)
        return call

    def new_call(self, call_id: int = pj.PJSUA_INVALID_ID) -> Call:
        """A call that PJSIP makes, because a REFER or Replaces asks for it."""
        call = Call(self, call_id)
        self.calls.append(call)
        return call

    def close(self, patience_s: float = 2.0) -> None:
        """End every call, unregister, and free PJSIP; waits at most `patience_s` for the peers."""
        deadline = time.monotonic() + patience_s
        self._endpoint.hangupAllCalls()
        while self.calls and time.monotonic() < deadline:
            self.poll(10)
        # PJSIP calls a call over once its BYE or CANCEL is sent; the answer is still to come.
        lingering = time.monotonic() + (LINGER_S if self._count else 0.0)
        while time.monotonic() < lingering:
            self.poll(10)
        if self.registered:
            self.account.setRegistration(False)
        while self.registered and time.monotonic() < deadline:
            self.poll(10)
        self.calls.clear()
        self._gone.clear()
        self.account.shutdown()
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)  # all said: without it, it waits 1 s

    def next_number(self) -> int:
        """1 for the first call of this process, and so on."""
        self._count += 1
        return self._count

    def forget(self, call: Call) -> None:
        """Drop an ended call; the object must outlive the callback that it is in."""
        if call in self.calls:
            self.calls.remove(call)
        self._gone.append(call)

    def tone_player(self, hz: int) -> Any:
        """A steady tone on the conference bridge."""
        generator = pj.ToneGenerator()
        generator.createToneGenerator(CLOCK_HZ, 1)
        tone = pj.ToneDesc()
        tone.freq1, tone.freq2, tone.on_msec, tone.off_msec, tone.volume = hz, 0, 1000, 0, 0
        tones = pj.ToneDescVector()
        tones.append(tone)
        generator.play(tones, True)
        return generator

    def wav_player(self, path: str, *, loop: bool) -> Any:
        """A WAV file on the conference bridge. Raises PhoneError when it cannot be read."""
        player = pj.AudioMediaPlayer()
        try:
            player.createPlayer(path, 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)
        except pj.Error as error:
            raise PhoneError(f"cannot play {path}: {error.reason}") from error
        return player

    def _start(self, identity: Identity, log: str | None) -> int:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = MAX_CALLS
        config.uaConfig.userAgent = "Ringback softphone"
        config.logConfig.level = 5 if log else 0
        config.logConfig.consoleLevel = 0
        config.logConfig.msgLogging = 1 if log else 0
        if log:
            config.logConfig.filename = log
        media = config.medConfig
        media.clockRate = media.sndClockRate = CLOCK_HZ
        media.ptime = media.audioFramePtime = 20
        media.ecTailLen = 0
        media.noVad = True
        media.sndAutoCloseTime = -1
        with _quiet_stdout():
            self._endpoint.libCreate()
        self._endpoint.libInit(config)
        port = self._listen(identity)
        self._endpoint.libStart()
        self._endpoint.audDevManager().setNullDev()
        self._choose_codecs(identity.codecs)
        return port

    def _listen(self, identity: Identity) -> int:
        """The port it listens at, the same for UDP and TCP. Raises pj.Error when none is free."""
        for ports_left in reversed(range(PORTS_TRIED if identity.port == 0 else 1)):
            port, opened = identity.port, list[int]()
            try:
                for kind in _transports(identity):
                    opened.append(self._endpoint.transportCreate(kind, _transport(identity, port)))
                    name = self._endpoint.transportGetInfo(opened[-1]).localName
                    port = int(name.rpartition(":")[2])
            except pj.Error:
                # The port that UDP got from the kernel may be somebody's TCP port.
                for transport in opened:
                    self._endpoint.transportClose(transport)
                if ports_left == 0:
                    raise
            else:
                break
        return port

    def _choose_codecs(self, wanted: tuple[str, ...]) -> None:
        """Offer `wanted`, names in any case, in this order. Raises PhoneError for one not here."""
        there = [codec.codecId for codec in self._endpoint.codecEnum2()]
        names = list(dict.fromkeys(codec.partition("/")[0] for codec in there))
        known = {name.lower() for name in names}
        order = [name.lower() for name in wanted]
        for name, lower in zip(wanted, order, strict=True):
            if lower not in known:
                raise PhoneError(f"no codec {name!r} here; there are {', '.join(names)}")
        for codec in there:
            lower = codec.partition("/")[0].lower()
            self._endpoint.codecSetPriority(
                codec, 200 - order.index(lower) if lower in order else 0
            )

    def _account_config(self, identity: Identity) -> Any:
        config = pj.AccountConfig()
        config.idUri = self.uri
        config.mediaConfig.transportConfig.boundAddress = identity.host
        config.mediaConfig.transportConfig.port = _free_media_port(identity.host)
        config.mediaConfig.transportConfig.portRange = 0
        config.mediaConfig.srtpUse = _SRTP[identity.srtp]
        config.mediaConfig.srtpSecureSignaling = 0  # also over UDP and TCP
        if identity.strict:
            calls = config.callConfig
            calls.prackUse = pj.PJSUA_100REL_MANDATORY
            calls.timerUse = pj.PJSUA_SIP_TIMER_ALWAYS
            calls.timerMinSESec = calls.timerSessExpiresSec = STRICT_EXPIRES_S
        if identity.registrar:
            config.regConfig.registrarUri = identity.registrar
            config.regConfig.timeoutSec = 300
        if identity.username:
            config.sipConfig.authCreds.append(
                pj.AuthCredInfo("digest", "*", identity.username, 0, identity.password)
            )
        return config


@contextlib.contextmanager
def _quiet_stdout() -> Iterator[None]:
    """Keep out of stdout what PJSIP logs there before it knows where to log."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _transports(identity: Identity) -> tuple[int, ...]:
    if identity.tls is not None:
        return (pj.PJSIP_TRANSPORT_TLS,)
    return (pj.PJSIP_TRANSPORT_UDP, pj.PJSIP_TRANSPORT_TCP)


def _transport(identity: Identity, port: int) -> Any:
    transport = pj.TransportConfig()
    transport.boundAddress, transport.port = identity.host, port
    if identity.tls is not None:
        tls = transport.tlsConfig
        tls.certFile, tls.privKeyFile = identity.tls.cert, identity.tls.key
        tls.CaListFile = identity.tls.ca
        tls.verifyServer = tls.verifyClient = tls.requireClientCert = True
    return transport


def _free_media_port(host: str) -> int:
    """An even port that is free now, with room above it: PJSIP looks upward from there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        port = int(probe.getsockname()[1])
    return min(port & ~1, 65000)
