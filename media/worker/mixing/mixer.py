"""Lets legs hear sums of what others say: the speech of each leg once, each sum on the clock.

A leg that begins to hear a sum goes on where it was, and one that is relayed to again does so too:
nothing is heard twice, and no change clicks. Who can hear 16 kHz hears a sum of that; who is in it
and has 8 kHz is raised, and the other way round for the sums of 8 kHz.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np

from ...codec.codec import Samples
from ...isolation import each_alone
from ...rtp.outgoing_stream import FRAME_S, OutgoingStream
from ...sound.form import WIDE, encode, tick_bytes
from ...sound.g711 import FRAME_SAMPLES
from ...sound.mix import MixPlan, passing
from ..peer_stream import PeerStream
from .speaker import Speaker

# For how many frames one who was relayed to may wait for the first frame of the sum.
_PATIENCE_FRAMES: Final = 2
_LONGEST_PAUSE_S: Final = 0.0405  # from one packet to the next: then there is silence instead


class MixedPlayout(Protocol):
    """The part of a playout that hears sums."""

    @property
    def stream(self) -> OutgoingStream:
        """What it sends."""

    @property
    def codec(self) -> str:
        """The codec that its peer wants."""

    @property
    def form(self) -> str:
        """The form of sound that its peer can hear: WIDE, or a law of G.711."""

    @property
    def relayed(self) -> PeerStream | None:
        """The stream that is relayed to it now."""

    def begin_mix(self, now: float, *, goes_on: bool) -> None:
        """The peer hears `send_mixed` from now on; `goes_on`: and nothing else meanwhile."""

    def let_fall(self) -> None:
        """What was relayed until now does not go on: it falls."""

    def let_sum_fall(self) -> None:
        """The sum that was sent falls in its next frame, which has one voice alone."""

    def send_mixed(self, payload: bytes, now: float) -> None:
        """Send a frame of a sum."""

    def pause_mixed(self, now: float) -> None:
        """Send a frame of silence, out of which the sum rises."""

    def end_mix(self, now: float, *, falls: bool, rest: bytes = b"") -> None:
        """The peer hears no sum any more; `falls`: what it heard last has to fall.

        Otherwise what follows rises out of `rest`, which is less than a frame.
        """


class _Hearing:
    """One who hears a sum: `row` are those whom they hear, `before` those until the last frame."""

    __slots__ = ("awaited", "before", "own", "patience", "playout", "row", "waits")

    def __init__(self, playout: MixedPlayout, own: PeerStream) -> None:
        self.playout = playout
        self.own = own
        self.row: tuple[Speaker, ...] = ()
        self.before: tuple[Speaker, ...] | None = None
        self.waits = 0  # frames that were heard already, by relay
        self.patience = 0
        self.awaited: tuple[Speaker, ...] = ()  # who was relayed until now, meanwhile


class _Sums:
    """The sums of one rate: who hears them, of whom they are made, and the plan of both."""

    __slots__ = ("hearing", "is_wide", "plan", "speakers")

    def __init__(self, *, is_wide: bool) -> None:
        self.is_wide = is_wide
        self.hearing: list[_Hearing] = []
        self.speakers: list[Speaker] = []
        self.plan: MixPlan | None = None

    def arrange(self, hearing: list[_Hearing], speakers: list[Speaker]) -> None:
        """Plan the sums that these hear; what was planned before may do."""
        if self.plan is not None and self.hearing == hearing:
            return
        heard = {each for one in hearing for each in (*one.row, *(one.before or ()))}
        own = {one.own for one in hearing}
        self.speakers = [each for each in speakers if each in heard or each.source in own]
        index = {each: nth for nth, each in enumerate(self.speakers)}
        of_stream = {each.source: nth for each, nth in index.items()}
        self.hearing = hearing
        self.plan = MixPlan(
            [[index[each] for each in one.row if each in index] for one in hearing],
            [of_stream.get(one.own, -1) for one in hearing],
        )

    def mix(self, frames: dict[Speaker, Samples]) -> Samples:
        """The next frame of each sum. Who is not heard any more falls in it, and new ones rise."""
        assert self.plan is not None
        size = FRAME_SAMPLES * (2 if self.is_wide else 1)
        spoken = np.zeros((len(self.speakers), size), np.int16)

        def place(each: tuple[int, Speaker]) -> None:
            nth, speaker = each
            spoken[nth] = speaker.fitted(frames[speaker], is_wide=self.is_wide)

        each_alone(enumerate(self.speakers), place, lambda each: each[1].begin_anew())
        sums = self.plan.mix(spoken)
        for nth, one in enumerate(self.hearing):
            if one.before is not None:
                sums[nth] = self._passing(one, spoken)
                one.before = None
                self.plan = None
        return sums

    def _passing(self, one: _Hearing, spoken: Samples) -> Samples:
        assert one.before is not None
        wide = spoken.astype(np.int32)
        numbers = {each: nth for nth, each in enumerate(self.speakers)}
        before = wide[[numbers[each] for each in one.before if each in numbers]].sum(axis=0)
        after = wide[[numbers[each] for each in one.row if each in numbers]].sum(axis=0)
        return passing(before, after)

    def encoded(self, sums: Samples) -> list[bytes]:
        """The frame of each, in the form that they hear."""
        encoded: dict[str, bytes] = {}
        frames = []
        for nth, one in enumerate(self.hearing):
            form = WIDE if self.is_wide else one.playout.codec
            whole = encoded.get(form)
            if whole is None:
                whole = encoded[form] = encode(sums, form)
            size = FRAME_SAMPLES * tick_bytes(form)
            frames.append(whole[nth * size : (nth + 1) * size])
        return frames


class Mixer:
    """Every sum that is heard in one worker.

    `failed` is given the playout that cannot be sent its sum.
    """

    def __init__(self, failed: Callable[[MixedPlayout], None]) -> None:
        self._failed = failed
        self._hearing: dict[MixedPlayout, _Hearing] = {}
        self._speakers: dict[PeerStream, Speaker] = {}
        self._gone: list[Speaker] = []  # closed, and still to fall in the next frame
        self._sums = (_Sums(is_wide=False), _Sums(is_wide=True))

    def __bool__(self) -> bool:
        """Whether anybody hears a sum."""
        return bool(self._hearing)

    def hear(
        self, playout: MixedPlayout, own: PeerStream, heard: Sequence[PeerStream], now: float
    ) -> None:
        """From the next frame on, the peer of `playout`, who speaks on `own`, hears `heard`."""
        one = self._hearing.get(playout)
        if one is None:
            one = self._begin(playout, own, heard, now)
        row = tuple(self._speaker(stream) for stream in heard if stream is not own)
        if row != one.row and one.before is None:
            one.before = one.row
        one.row = row
        self._plan_anew()

    def _begin(
        self, playout: MixedPlayout, own: PeerStream, heard: Sequence[PeerStream], now: float
    ) -> _Hearing:
        """Who was relayed until now goes on as it was, where it is heard; the others rise."""
        one = self._hearing[playout] = _Hearing(playout, own)
        relayed = playout.relayed
        if relayed is None or relayed not in heard:
            playout.begin_mix(now, goes_on=False)
            return one
        known = self._speakers.get(relayed)
        if known is None:
            playout.begin_mix(now, goes_on=True)
            one.patience = _PATIENCE_FRAMES
        else:
            frames, rest = known.ahead(is_wide=known.is_wide)
            # Where it is not a whole frame behind, 10 ms at most are heard twice, or not at all.
            playout.begin_mix(now, goes_on=not len(rest))
            one.waits = len(frames) + (len(rest) > known.frame_samples // 2)
        one.row = one.awaited = (self._speaker(relayed, rises=False),)
        return one

    def hears(self, playout: MixedPlayout) -> list[PeerStream]:
        """Whose sum the peer of `playout` hears; empty where it hears none."""
        one = self._hearing.get(playout)
        return [] if one is None else [each.source for each in one.row if each.source is not None]

    def leave(self, playout: MixedPlayout, now: float) -> None:
        """Let the peer of `playout` hear no sum any more. What it heard falls. Idempotent."""
        if self._hearing.pop(playout, None) is not None:
            playout.end_mix(now, falls=True)
            self._forget_unheard()

    def relay_again(self, playout: MixedPlayout, source: PeerStream, now: float) -> None:
        """`source` is going to be relayed to the peer of `playout` in place of the sum.

        What has come of it and was not heard yet is sent at once: it is not heard later than it
        would have been, as the packets that follow are not either.
        """
        one = self._hearing.pop(playout, None)
        if one is None:
            return
        speaker = self._speakers.get(source)
        was_alone = one.row == (speaker,) and one.before is None
        is_wide = playout.form == WIDE
        heard = speaker is not None and speaker in one.row
        frames: list[Samples] = []
        rest = np.zeros(0, np.int16)
        if speaker is not None and heard:
            frames, rest = speaker.ahead(is_wide=is_wide)
        if frames and not was_alone:
            playout.let_sum_fall()
            was_alone = True
        form = WIDE if is_wide else playout.codec
        for frame in frames[one.waits :]:
            playout.send_mixed(encode(frame, form), now)
        if one.waits > len(frames):  # that was heard as well
            rest = rest[:0]
        playout.end_mix(now, falls=not was_alone, rest=encode(rest, form))
        self._forget_unheard()

    # -- the clock --------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Send the next 20 ms of every sum."""
        if not self._hearing:
            return
        speakers = [*self._speakers.values(), *self._gone]
        frames: dict[Speaker, Samples] = {}

        def hear(each: Speaker) -> None:
            frames[each] = each.next_frame(now)

        def begin_anew(each: Speaker) -> None:
            frames[each] = each.begin_anew()

        each_alone(speakers, hear, begin_anew)
        has_changed = bool(self._gone)
        hearing = [one for one in self._hearing.values() if self._is_due(one, now)]
        has_changed = has_changed or any(one.before is not None for one in hearing)
        for sums in self._sums:
            some = [one for one in hearing if (one.playout.form == WIDE) is sums.is_wide]
            if some:
                self._send_all(sums, some, frames, now)
        if has_changed:
            self._gone.clear()
            self._forget_unheard()

    def _send_all(
        self, sums: _Sums, hearing: list[_Hearing], frames: dict[Speaker, Samples], now: float
    ) -> None:
        """The sums are made together; where that cannot be, each alone: who fails is told of."""
        each_alone(
            [sums],
            lambda sums: self._send(sums, hearing, frames, now),
            lambda sums: each_alone(
                hearing,
                lambda one: self._send(_Sums(is_wide=sums.is_wide), [one], frames, now),
                lambda one: self._failed(one.playout),
            ),
        )

    def _send(
        self, sums: _Sums, hearing: list[_Hearing], frames: dict[Speaker, Samples], now: float
    ) -> None:
        sums.arrange(hearing, list(frames))
        each_alone(
            zip(hearing, sums.encoded(sums.mix(frames)), strict=True),
            lambda each: each[0].playout.send_mixed(each[1], now),
            lambda each: self._failed(each[0].playout),
        )

    def _is_due(self, one: _Hearing, now: float) -> bool:
        """Whether a frame is sent to them now: not while they have heard what it would have."""
        if one.waits:
            one.waits -= 1
            if now + FRAME_S - one.playout.stream.sent_at > _LONGEST_PAUSE_S:
                one.playout.pause_mixed(now)
            return False
        if one.patience:
            one.patience -= 1
            if not any(each.has_begun for each in one.awaited):
                if one.patience == 0:
                    one.playout.let_fall()
                return False
            one.patience = 0
        return True

    def _plan_anew(self) -> None:
        for sums in self._sums:
            sums.plan = None

    # -- who speaks -------------------------------------------------------------------------------

    def _speaker(self, stream: PeerStream, *, rises: bool = True) -> Speaker:
        speaker = self._speakers.get(stream)
        if speaker is None:
            speaker = self._speakers[stream] = Speaker(stream, self._speaker_gone, rises=rises)
            self._plan_anew()
        return speaker

    def _speaker_gone(self, speaker: Speaker) -> None:
        """The leg of a speaker is closed: it falls in the next frame of each who hears it."""
        for stream, known in tuple(self._speakers.items()):
            if known is speaker:
                del self._speakers[stream]
                self._gone.append(speaker)
        for one in self._hearing.values():
            if speaker in one.row:
                one.before = one.row if one.before is None else one.before
                one.row = tuple(each for each in one.row if each is not speaker)
        self._plan_anew()

    def _forget_unheard(self) -> None:
        """Let those go whom nobody hears any more."""
        self._plan_anew()
        heard = {each for one in self._hearing.values() for each in (*one.row, *(one.before or ()))}
        for stream, each in tuple(self._speakers.items()):
            if each not in heard:
                del self._speakers[stream]
                each.leave()
