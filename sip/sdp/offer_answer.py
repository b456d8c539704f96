"""Offer and answer (RFC 3264) for one audio stream with telephone-event (RFC 4733).

Codecs are those of `audio_formats`. Of several audio streams the first usable one is accepted, one
with SRTP before one without where both may be. Other streams are answered, and later offered, with
port 0.

SRTP that is offered and not required goes into RTP/AVP with a=crypto lines: a peer that lacks SRTP
does not read them, and answers with plain RTP. What is required is offered as RTP/SAVP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Final

import msgspec

from ..errors import NegotiationFailed, ParseError
from .audio import LocalAudio, NegotiatedAudio
from .audio_formats import (
    SHORTEST_MS,
    TELEPHONE_EVENT,
    Choice,
    choose,
    map_of,
    offered_maps,
    packet_ms,
)
from .audio_stream import (
    RTCP_MUX,
    answered_maps,
    audio,
    check_address,
    describe,
    number_of,
    offered_beside,
    rejected,
    rtcp_port,
    wants_rtcp_mux,
)
from .description import (
    Connection,
    Direction,
    MediaDescription,
    Origin,
    SessionDescription,
    parse_sdp,
)
from .sdes import (
    PLAIN,
    SECURE,
    CryptoAttribute,
    LocalKeys,
    SrtpKeys,
    agreed,
    select,
)

__all__ = ["Direction", "LocalAudio", "NegotiatedAudio", "NegotiationFailed", "OfferAnswer"]

_HELD_HOSTS: Final = frozenset({"0.0.0.0", "::", "0:0:0:0:0:0:0:0"})
_SENDING: Final = frozenset({"sendrecv", "sendonly"})
_RECEIVING: Final = frozenset({"sendrecv", "recvonly"})


class _Found(msgspec.Struct, frozen=True):
    """The stream of an offer that is answered: its place, its codec, and what answers its SRTP."""

    index: int
    choice: Choice
    crypto: tuple[CryptoAttribute, SrtpKeys] | None


class OfferAnswer:
    """The offers and answers of one dialog.

    `session_id` is the session of our o= line, a number below 2**63. If a later negotiation fails,
    the earlier agreement remains valid. `on_faults(number)` is called with the number of lines in
    a description of the peer that were skipped.
    """

    __slots__ = (
        "_crypto",
        "_current",
        "_index",
        "_local",
        "_offered",
        "_on_faults",
        "_own",
        "_pending",
        "_sent",
        "_session_id",
        "_version",
    )

    def __init__(
        self, session_id: int, on_faults: Callable[[int], None] = lambda _number: None
    ) -> None:
        self._session_id = session_id
        self._on_faults = on_faults
        self._version = session_id
        # Our last description, as it was sent: its objects are eight times as large, and seldom
        # needed once it is agreed on. Rejected streams keep their position in it.
        self._sent = b""
        # The same while it waits for its answer.
        self._offered: SessionDescription | None = None
        self._index = 0
        # The audio of our offer. Kept after the answer, because a 200 may repeat that of a 183.
        self._local: LocalAudio | None = None
        # The audio of our last description, offer or answer.
        self._own: LocalAudio | None = None
        # Our a=crypto lines: those offered, or the one agreed.
        self._crypto: Sequence[CryptoAttribute] = ()
        self._pending = False
        self._current: NegotiatedAudio | None = None

    @property
    def offer_pending(self) -> bool:
        """Whether our offer waits for its answer."""
        return self._pending

    @property
    def negotiated(self) -> NegotiatedAudio | None:
        """The present agreement; None before the first."""
        return self._current

    def fork(self) -> OfferAnswer:
        """Return a copy for another early dialog of the same INVITE."""
        return copy(self)

    def make_offer(self, local: LocalAudio) -> bytes:
        """Return our offer. Raises NegotiationFailed if one is pending (RFC 3264 section 4)."""
        if self._pending:
            raise NegotiationFailed("an offer is not answered yet")
        sent = self._described()
        streams = sent.media if sent else [audio(PLAIN[0])]
        media = [rejected(stream) for stream in streams]
        maps = offered_maps(local.codecs)
        if not maps:
            raise NegotiationFailed("no codec to offer")
        protocol = self._protect(local)
        media[self._index] = describe(
            local,
            protocol,
            {**maps, **offered_beside(maps.values(), local)},
            local.direction,
            self._crypto,
            rtcp_mux=self._current is not None and self._current.rtcp_mux,
        )
        self._local = self._own = local
        self._pending = True
        return self._send(local, media)

    def repeat_offer(self) -> bytes:
        """Return our last description again, as an offer that changes nothing.

        Its version stays the same (RFC 3264 section 8). Raises NegotiationFailed if an offer is
        pending, or nothing was described before.
        """
        if self._pending or not self._sent or self._own is None:
            raise NegotiationFailed("there is nothing that could be offered again")
        self._local = self._own
        self._pending = True
        return self._sent

    def _protect(self, local: LocalAudio) -> str:
        """Choose the a=crypto lines of our offer. Returns the protocol of its stream.

        What was agreed is offered again as it is, so that no stream changes its keys.
        """
        sent = self._described()
        if self._current is not None and sent is not None:
            if self._current.srtp is None:
                self._crypto = ()
            return sent.media[self._index].protocol
        self._crypto = () if local.srtp == "off" or local.keys is None else local.keys.offered()
        return SECURE[0] if local.srtp == "required" else PLAIN[0]

    def withdraw_offer(self) -> None:
        """Withdraw an unanswered offer, because its request failed."""
        self._pending, self._offered = False, None

    def receive_answer(self, body: bytes) -> NegotiatedAudio:
        """Apply the answer to our last offer, or its repetition in a later response.

        Raises NegotiationFailed.
        """
        local, sent = self._local, self._described()
        if local is None or sent is None:
            raise NegotiationFailed("an answer came, but nothing was offered")
        self._pending = False
        answer = self._parse(body)
        if len(answer.media) != len(sent.media):
            raise NegotiationFailed("the answer has not the streams of the offer")
        media = answer.media[self._index]
        if media.media != "audio" or media.port == 0:
            raise NegotiationFailed("the audio stream was rejected", 304)
        ours = sent.media[self._index]
        # Some peers answer a=crypto over RTP/AVP with the protocol that SRTP should have.
        if media.protocol != ours.protocol and not (self._crypto and media.protocol in SECURE):
            reason = f"audio is answered over {media.protocol}, not {ours.protocol}"
            raise NegotiationFailed(reason, 302)
        # An answer may use our payload types without repeating their maps.
        maps = ours.rtpmaps()
        choice = choose(
            media,
            [local.codecs],
            maps,
            telephone_event=local.telephone_event,
            comfort_noise=local.comfort_noise,
        )
        if choice is None:
            raise NegotiationFailed("the answer has no codec that was offered", 305)
        keys = agreed(media, self._crypto, local.srtp)
        received = number_of(maps, map_of(choice.codec).encoding, map_of(choice.codec).clock_hz)
        event = number_of(maps, TELEPHONE_EVENT, choice.telephone_event_clock_hz)
        if not wants_rtcp_mux(ours):  # an answer cannot have what was not offered
            media.attributes = [one for one in media.attributes if one != RTCP_MUX]
        self._current = self._agree(answer, media, choice, local, (received, event), keys)
        self._offered = None
        return self._current

    def receive_offer(self, body: bytes, local: LocalAudio) -> tuple[bytes, NegotiatedAudio]:
        """Return our answer to an offer, and the agreement. Raises NegotiationFailed."""
        if self._pending:
            raise NegotiationFailed("an offer came while ours is not answered")
        offer = self._parse(body)
        sent = self._described()
        if sent is not None and len(offer.media) < len(sent.media):
            raise NegotiationFailed("the offer has fewer streams than were agreed")
        found = self._find_stream(offer, local)
        choice, media = found.choice, offer.media[found.index]
        crypto, keys = ((), None) if found.crypto is None else ((found.crypto[0],), found.crypto[1])
        numbers = choice.payload_type, choice.telephone_event_payload_type
        negotiated = self._agree(offer, media, choice, local, numbers, keys)
        answers = [rejected(stream) for stream in offer.media]
        answers[found.index] = describe(
            local,
            media.protocol,
            answered_maps(choice),
            negotiated.direction,
            crypto,
            rtcp_mux=negotiated.rtcp_mux,
        )
        self._index = found.index
        self._crypto = crypto
        self._local = None
        self._own = local
        self._current = negotiated
        return self._send(local, answers), negotiated

    def _parse(self, body: bytes) -> SessionDescription:
        try:
            description = parse_sdp(body)
        except ParseError as error:
            raise NegotiationFailed(error.reason) from error
        if description.faults:
            self._on_faults(description.faults)
        return description

    def _find_stream(self, offer: SessionDescription, local: LocalAudio) -> _Found:
        reason, code = "no audio stream is offered", 304
        for place in sorted(range(len(offer.media)), key=partial(self._rank, offer, local)):
            media = offer.media[place]
            if media.media != "audio" or media.port == 0:
                continue
            if media.protocol not in PLAIN + SECURE:
                known = f"{PLAIN[0]} or {SECURE[0]}"
                reason, code = f"audio is offered over {media.protocol}, not {known}", 302
                continue
            choice = choose(
                media,
                local.ranks,
                {},
                telephone_event=local.telephone_event,
                comfort_noise=local.comfort_noise,
            )
            if choice is None:
                reason, code = "no codec in common", 305
                continue
            keys = LocalKeys({}) if local.keys is None else local.keys
            try:
                crypto = select(media, keys, local.srtp)
            except NegotiationFailed as error:
                reason, code = error.reason, error.warn_code
                continue
            return _Found(place, choice, crypto)
        raise NegotiationFailed(reason, code)

    def _rank(self, offer: SessionDescription, local: LocalAudio, place: int) -> tuple[bool, bool]:
        """The order in which streams are tried: the one in use, those with SRTP, the others."""
        is_secure = local.srtp != "off" and offer.media[place].protocol in SECURE
        return place != self._index or self._current is None, not is_secure

    def _agree(
        self,
        theirs: SessionDescription,
        media: MediaDescription,
        choice: Choice,
        local: LocalAudio,
        received: tuple[int | None, int | None],
        keys: SrtpKeys | None,
    ) -> NegotiatedAudio:
        """The agreement. `received` are the numbers of our description: codec, telephone-event."""
        connection = theirs.connection_of(media)
        if connection is None:
            raise NegotiationFailed("the audio stream has no address")
        ptime_ms, wants_ptime = packet_ms(media, choice.codec, local.ptime_ms)
        if not ptime_ms:
            reason = (
                f"packets of {media.maxptime_ms} ms at most are wanted, and none is shorter than"
                f" {SHORTEST_MS} ms"
            )
            raise NegotiationFailed(reason)
        host = connection.host.partition("/")[0]
        if host not in _HELD_HOSTS:
            check_address(host, local)
        direction = theirs.direction_of(media)
        receives = direction in _RECEIVING
        if host in _HELD_HOSTS:
            # Hold as in RFC 2543. RFC 3264 section 8.4 requires that we understand it.
            receives = False
            if self._current is not None:
                host = self._current.host
        return NegotiatedAudio(
            host=host,
            port=media.port,
            rtcp_port=rtcp_port(media),
            codec=choice.codec,
            payload_type=choice.payload_type,
            telephone_event_payload_type=choice.telephone_event_payload_type,
            direction=_direction(
                sends=receives and local.direction in _SENDING,
                receives=direction in _SENDING and local.direction in _RECEIVING,
            ),
            ptime_ms=ptime_ms,
            telephone_event_received_payload_type=(
                None if choice.telephone_event_payload_type is None else received[1]
            ),
            received_payload_type=received[0],
            wants_ptime=wants_ptime,
            telephone_event_clock_hz=choice.telephone_event_clock_hz,
            comfort_noise_payload_type=choice.comfort_noise_payload_type,
            opus=choice.opus,
            srtp=keys,
            rtcp_mux=wants_rtcp_mux(media),
        )

    def _send(self, local: LocalAudio, media: list[MediaDescription]) -> bytes:
        """Return our description. Its version grows with each change (RFC 3264 section 8)."""
        kind = "IP6" if ":" in local.host else "IP4"
        description = SessionDescription(
            connection=Connection(kind, local.host),
            lines=[("t", "0 0")],
            origin=Origin("-", str(self._session_id), str(self._version), kind, local.host),
            media=media,
        )
        text = description.encode()
        if self._sent and text != self._sent:
            self._version += 1
            description.origin = Origin(
                "-", str(self._session_id), str(self._version), kind, local.host
            )
            text = description.encode()
        self._sent, self._offered = text, description if self._pending else None
        return text

    def _described(self) -> SessionDescription | None:
        """Our last description; None before the first."""
        if self._offered is None and self._sent:
            return parse_sdp(self._sent)
        return self._offered


def _direction(*, sends: bool, receives: bool) -> Direction:
    if sends:
        return "sendrecv" if receives else "sendonly"
    return "recvonly" if receives else "inactive"
