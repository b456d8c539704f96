"""The media endpoint of a leg: its port, what the party hears, and its reports."""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import structlog
from msgspec import structs

from config.values import Dtmf
from media.detection_limits import DetectionLimits
from media.detection_phrases import Phrases
from media.errors import BadAddress, MediaError
from media.protocol.messages import Codec, Connect, LegStats, MediaTimeout, Played, SrtpKeys
from media.sources import Source, Tone
from media.worker_pool import WorkerPool
from sip.endpoint import SipEndpoint
from sip.hop import WEB_TRANSPORTS, Hop, is_numeric
from sip.sdp.offer_answer import LocalAudio, NegotiatedAudio
from sip.transport.resolver import ResolutionFailed

from ...job import LegRecord
from ...routing.media_policy import DEFAULT_MEDIA, MediaPolicy
from ..dialling import CODECS, shaped

log = structlog.get_logger()


def address_text(host: str, port: int) -> str:
    """An address as people write it: `192.0.2.1:10000`, `[2001:db8::1]:10000`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


OnPlayed = Callable[[Played | None], None]
"""Is told once how an announcement has ended; None: with its leg."""

UNSPECIFIED_HOSTS = frozenset({"0.0.0.0", "::"})


class Unreachable(Protocol):
    """A party to whom no sound can be sent."""

    def unreachable(self, reason: str) -> None:
        """Nothing can be sent to where the peer says that it listens."""


class LegMedia:
    """The endpoint `leg` of the media worker. It does nothing before `open` and after `close`.

    `rtp_host` is the address that SDP shows, where it is not the worker's own; `ports` is its range
    of ports, where it has one of its own. `party` is told the reason where nothing
    can be sent to where the peer says that it listens.
    """

    __slots__ = (
        "_announcements",
        "_described",
        "_host",
        "_is_even",
        "_leg",
        "_may_sleep",
        "_naming",
        "_party",
        "_plays",
        "_policy",
        "_pool",
        "_port",
        "_ports",
        "_sip",
        "_sip_host",
        "is_open",
    )

    def __init__(
        self,
        leg: str,
        pool: WorkerPool,
        sip: SipEndpoint,
        rtp_host: str = "",
        ports: tuple[int, int] | None = None,
        *,
        party: Unreachable,
    ) -> None:
        self._ports = ports
        self._leg = leg
        self._pool = pool
        self._sip = sip
        self._party = party
        self._naming: asyncio.Task[None] | None = None
        self._host = rtp_host
        self._port = 0
        self._described = 0
        self._sip_host = ""
        self._may_sleep = False  # whether it is a browser
        self._is_even = False  # whether it is a process of ours
        self._policy = DEFAULT_MEDIA
        self._plays: dict[int, asyncio.Future[bool]] = {}
        self._announcements: dict[int, OnPlayed] = {}
        self.is_open = False

    async def open(self, *, beside: str | None) -> None:
        """Take a port, of the media worker of the leg `beside`. Raises MediaError."""
        opened = await self._pool.open(self._leg, beside=beside, ports=self._ports)
        self.is_open = True
        self._host = self._host or opened.host
        self._port = opened.port

    @property
    def local_address(self) -> str | None:
        """Where the peer sends its RTP; None while there is no port."""
        return address_text(self._host, self._port) if self._port else None

    @property
    def endpoint(self) -> tuple[str, int]:
        """Where the worker has opened it."""
        return self._host, self._port

    def take_over(self) -> None:
        """Use the endpoint that is open already under this id."""
        self.is_open = True

    def local(self, codecs: tuple[str, ...]) -> LocalAudio:
        """What SDP says of our side, with `codecs` in this order.

        All but CODECS itself begin with what the other party speaks.
        """
        other_speaks = "" if codecs is CODECS else codecs[0]
        audio = LocalAudio(self._host, self._port, codecs, other_speaks=other_speaks)
        return shaped(audio, self._policy)

    @property
    def dtmf(self) -> Dtmf:
        """How the keys that are pressed reach the peer."""
        return self._policy.dtmf

    def has_keys_as_sound(self, audio: NegotiatedAudio) -> bool:
        """Whether the peer sends and takes keys as sound: no telephone-events, and no INFO."""
        return audio.telephone_event_payload_type is None and self.dtmf != "info"

    def take_from(self, sip_host: str, policy: MediaPolicy, *, is_even: bool = False) -> None:
        """Take RTP by this policy from now on; the peer's SIP comes from `sip_host`.

        A peer that `is_even` is a process of ours.
        """
        self._sip_host, self._policy, self._is_even = sip_host, policy, is_even

    def use(self, hop: Hop, policy: MediaPolicy) -> None:
        """Take RTP by this policy from now on; the peer's SIP comes from `hop`."""
        self.take_from(hop.media_host, policy)
        self.moved_to(hop)

    def moved_to(self, hop: Hop) -> None:
        """The peer's SIP comes from elsewhere from now on."""
        self._sip_host = hop.media_host
        self._may_sleep = hop.transport in WEB_TRANSPORTS

    def note(self, audio: NegotiatedAudio, record: LegRecord) -> None:
        """Write into the record of the leg what was agreed on."""
        record.codec = audio.codec
        record.srtp = None if audio.srtp is None else audio.srtp.suite
        record.local_media = self.local_address
        record.remote_media = address_text(audio.host, audio.port)

    def describe(self, audio: NegotiatedAudio, *, relearn: bool = False) -> None:
        """Send to where the peer says that it listens. A name is looked up before.

        With `relearn`, where it was found to be so far may change again.
        """
        self.stop_describing()
        if is_numeric(audio.host):
            self._connect(audio, relearn=relearn)
        else:
            connecting = self._connect_by_name(audio, relearn=relearn)
            self._naming = asyncio.get_running_loop().create_task(connecting)

    def stop_describing(self) -> None:
        """What was described is not looked up any more."""
        if self._naming is not None:
            self._naming.cancel()
            self._naming = None

    async def _connect_by_name(self, audio: NegotiatedAudio, *, relearn: bool) -> None:
        """Look up the host that a description names (RFC 4566 section 5.7), and send there."""
        try:
            found = await self._sip.addresses_of(audio.host)
        except ResolutionFailed as error:
            log.info("media_host_not_found", leg=self._leg, reason=error.reason)
            found = []
        is_ipv6 = ":" in self._host
        address = next((one for one in found if (":" in one) == is_ipv6), None)
        if address is None:
            self._party.unreachable(
                f"the audio host {audio.host} has no address that can be reached"
            )
        else:
            self._connect(structs.replace(audio, host=address), relearn=relearn)

    def _connect(self, audio: NegotiatedAudio, *, relearn: bool) -> None:
        must_speak = not self._sip.may_get_media(audio.host, self._sip_host)
        if must_speak:
            log.info("media_waits_for_rtp", leg=self._leg, host=audio.host, port=audio.port)
        try:
            self._send_to(audio, relearn=relearn, must_speak=must_speak)
        except BadAddress as error:
            self._party.unreachable(error.reason)

    def _send_to(self, audio: NegotiatedAudio, *, relearn: bool, must_speak: bool) -> None:
        if audio.host in UNSPECIFIED_HOSTS:
            return  # a hold from the first description on (RFC 3264 8.4): nothing to send to yet
        self._described += 1
        self._pool.connect(
            Connect(
                self._leg,
                host=audio.host,
                port=audio.port,
                rtcp_port=audio.rtcp_port,
                codec=cast(Codec, audio.codec),
                payload_type=audio.payload_type,
                telephone_event_payload_type=audio.telephone_event_payload_type,
                direction=audio.direction,
                telephone_event_received_payload_type=audio.telephone_event_received_payload_type,
                number=self._described,
                sip_host=self._sip_host,
                rtp=self._policy.rtp,
                relearn=relearn,
                must_speak=must_speak,
                srtp=_keys(audio),
                received_payload_type=audio.received_payload_type,
                ptime_ms=audio.ptime_ms,
                wants_ptime=audio.wants_ptime,
                telephone_event_clock_hz=audio.telephone_event_clock_hz,
                comfort_noise_payload_type=audio.comfort_noise_payload_type,
                bits_a_second=audio.opus.bits_a_second,
                has_copy=audio.opus.has_copy,
                keys_as_sound=self.has_keys_as_sound(audio),
                rtcp_mux=audio.rtcp_mux,
                may_sleep=self._may_sleep,
                is_even=self._is_even,
            )
        )

    def send_keys(self, keys: str, *, duration_ms: int, gap_ms: int) -> None:
        """Send the peer these keys as telephone-events; nothing where it takes none."""
        self._pool.send_digits(self._leg, keys, duration_ms=duration_ms, gap_ms=gap_ms)

    def block_keys(self, *, is_blocked: bool) -> None:
        """Whether the keys that the peer presses are kept from those who hear it."""
        if self.is_open:
            self._pool.block_keys(self._leg, is_blocked=is_blocked)

    def detect(self, limits: DetectionLimits, phrases: Phrases | None = None) -> None:
        """Have the worker tell who or what speaks, from now on: also by words, with `phrases`."""
        if self.is_open:
            self._pool.detect(self._leg, limits, phrases)

    def hear_words(self, text: str | None, *, is_final: bool = True) -> None:
        """A recogniser has heard this, or seems to; None: it has gone."""
        if self.is_open:
            self._pool.hear_words(self._leg, text, is_final=is_final)

    def stop_detecting(self) -> None:
        """It is of no interest any more who or what speaks."""
        if self.is_open:
            self._pool.stop_detecting(self._leg)

    def is_overtaken(self, timeout: MediaTimeout) -> bool:
        """Whether the peer was described again after the wait that this reports had begun."""
        return 0 < timeout.number < self._described

    def hear(self, source: Source) -> int | None:
        """Let the party hear `source` from now on. Returns the play's number."""
        return self._pool.hear(self._leg, source) if self.is_open else None

    async def play(self, source: Source, *, limit_s: float) -> bool:
        """Let the party hear a finite source to its end, for `limit_s` at most.

        False where it was not heard to its end.
        """
        play = self.hear(source)
        if play is None:
            return False
        finished: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._plays[play] = finished
        try:
            async with asyncio.timeout(limit_s):
                return bool(await finished)
        except TimeoutError:
            log.warning("play_cut_off", leg=self._leg, limit_s=limit_s)
            return False
        finally:
            del self._plays[play]

    def announce(self, source: Source, *, mix: bool, rounds: int, on_ended: OnPlayed) -> int | None:
        """Let the party hear a source in place of, or over, what it hears. Returns the number."""
        if not self.is_open:
            return None
        play = self._pool.announce(self._leg, source, mix=mix, rounds=rounds)
        self._announcements[play] = on_ended
        return play

    def stop_announcement(self, play: int) -> None:
        """End an announcement, if it is heard still."""
        self._pool.stop_announcement(self._leg, play)

    def signal(self, source: Tone) -> None:
        """Let the party hear a short tone over whatever it hears."""
        if self.is_open:
            self._pool.signal(self._leg, source)

    def end_play(self, played: Played) -> bool:
        """The worker has played a source to its end. Whether it was an announcement."""
        on_ended = self._announcements.pop(played.play, None)
        if on_ended is not None:
            on_ended(played)
            return True
        finished = self._plays.get(played.play)
        if finished is not None and not finished.done():
            finished.set_result(played.error is None)
        return False

    def abandon(self) -> None:
        """The endpoint is gone, or another's: every play is over, and nothing is closed."""
        self.is_open = False
        for play in self._announcements:
            self._pool.stop_announcement(self._leg, play)
        self._end_plays()

    def _end_plays(self) -> None:
        for finished in self._plays.values():
            if not finished.done():
                finished.set_result(False)
        announcements, self._announcements = self._announcements, {}
        for on_ended in announcements.values():
            on_ended(None)

    async def stats(self) -> LegStats | None:
        """How the endpoint stands now; None where it is not open. Raises MediaError."""
        return await self._pool.stats(self._leg) if self.is_open else None

    async def close(self) -> LegStats | None:
        """Give the port back, and return the last report; None where there is none."""
        if not self.is_open:
            return None
        self.is_open = False
        try:
            return await self._pool.close(self._leg)
        except MediaError as error:
            log.info("no_media_report", leg=self._leg, reason=str(error))
            return None
        finally:
            self._end_plays()


def _keys(audio: NegotiatedAudio) -> SrtpKeys | None:
    agreed = audio.srtp
    return None if agreed is None else SrtpKeys(agreed.suite, agreed.sent, agreed.received)
