"""Lets legs hear sums of what others say: the speech of each leg once, each sum on the clock.

A leg that begins to hear a sum goes on where it was, and one that is relayed to again does so too:
nothing is heard twice, and no change clicks.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ...sound import g711
from ...sound.g711 import FRAME_SAMPLES
from ...sound.mix import MixPlan, passing
from ..peer_stream import PeerStream
from .speaker import Speaker
from .speech_queue import Samples

# For how many frames one who was relayed to may wait for the first frame of the sum.
_PATIENCE_FRAMES: Final = 2


class MixedPlayout(Protocol):
    """The part of a playout that hears sums."""

    @property
    def codec(self) -> str:
        """The codec that its peer wants."""

    @property
    def relayed(self) -> PeerStream | None:
        """The stream that is relayed to it now."""

    def begin_mix(self, now: float, *, goes_on: bool) -> None:
        """The peer hears `send_mixed` from now on; `goes_on`: and nothing else meanwhile."""

    def let_fall(self) -> None:
        """What was relayed until now does not go on: it falls."""

    def send_mixed(self, payload: bytes, now: float) -> None:
        """Send a frame of a sum."""

    def end_mix(self, now: float, *, falls: bool) -> None:
        """The peer hears no sum any more; `falls`: what it heard last has to fall."""


class _Hearing:
    """One who hears a sum: `row` are those whom they hear, `before` those until the last frame."""

    __slots__ = ("before", "own", "patience", "playout", "row", "waits")

    def __init__(self, playout: MixedPlayout, own: PeerStream) -> None:
        self.playout = playout
        self.own = own
        self.row: tuple[Speaker, ...] = ()
        self.before: tuple[Speaker, ...] | None = None
        self.waits = 0  # frames that were heard already, by relay
        self.patience = 0


class Mixer:
    """Every sum that is heard in one worker."""

    def __init__(self) -> None:
        self._hearing: dict[MixedPlayout, _Hearing] = {}
        self._speakers: dict[PeerStream, Speaker] = {}
        self._gone: list[Speaker] = []  # closed, and still to fall in the next frame
        self._plan: MixPlan | None = None

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
        self._plan = None

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
        playout.begin_mix(now, goes_on=True)
        if known is None:
            one.patience = _PATIENCE_FRAMES
        else:
            one.waits = known.queue.waiting
        one.row = (self._speaker(relayed),)
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
        frames = [] if speaker is None or speaker not in one.row else speaker.queue.peek()
        if frames and not was_alone:
            alone = frames[0].astype(np.int32)
            frames[0] = passing(alone + self._next_sum(one, speaker), alone)
            was_alone = True
        for frame in frames[one.waits :]:
            playout.send_mixed(g711.encode(frame, playout.codec), now)
        playout.end_mix(now, falls=not was_alone)
        self._forget_unheard()

    # -- the clock --------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Send the next 20 ms of every sum."""
        if not self._hearing:
            return
        speakers = [*self._speakers.values(), *self._gone]
        spoken = np.array([each.take() for each in speakers], np.int16)
        spoken = spoken.reshape(len(speakers), FRAME_SAMPLES)
        hearing = [one for one in self._hearing.values() if self._is_due(one)]
        if len(hearing) < len(self._hearing) or self._plan is None:
            plan = self._plan_of(hearing, speakers)
            self._plan = plan if len(hearing) == len(self._hearing) else None
        else:
            plan = self._plan
        sums = plan.mix(spoken)
        changed = [(nth, one) for nth, one in enumerate(hearing) if one.before is not None]
        for nth, one in changed:
            sums[nth] = self._passing(one, speakers, spoken)
            one.before = None
        self._send(hearing, sums, now)
        if changed or self._gone:
            self._gone.clear()
            self._forget_unheard()

    def _is_due(self, one: _Hearing) -> bool:
        """Whether a frame is sent to them now: not while they have heard what it would have."""
        if one.waits:
            one.waits -= 1
            return False
        if one.patience:
            one.patience -= 1
            if not any(each.queue.has_begun for each in one.row):
                if one.patience == 0:
                    one.playout.let_fall()
                return False
            one.patience = 0
        return True

    def _plan_of(self, hearing: list[_Hearing], speakers: list[Speaker]) -> MixPlan:
        index = {each: nth for nth, each in enumerate(speakers)}
        of_stream = {each.source: nth for each, nth in index.items()}
        return MixPlan(
            [[index[each] for each in one.row if each in index] for one in hearing],
            [of_stream.get(one.own, -1) for one in hearing],
        )

    def _passing(self, one: _Hearing, speakers: list[Speaker], spoken: Samples) -> Samples:
        """A frame in which those who are not heard any more fall, and new ones rise."""
        assert one.before is not None
        wide = spoken.astype(np.int32)
        numbers = {each: nth for nth, each in enumerate(speakers)}
        before = wide[[numbers[each] for each in one.before if each in numbers]].sum(axis=0)
        after = wide[[numbers[each] for each in one.row if each in numbers]].sum(axis=0)
        return passing(before, after)

    @staticmethod
    def _next_sum(one: _Hearing, but_for: Speaker | None) -> NDArray[np.int32]:
        """What they would hear next of all but this one."""
        total = np.zeros(FRAME_SAMPLES, np.int32)
        for each in one.row if one.before is None else one.before:
            waiting = each.queue.peek()
            if each is not but_for and waiting:
                total += waiting[0]
        return total

    @staticmethod
    def _send(hearing: list[_Hearing], sums: Samples, now: float) -> None:
        encoded: dict[str, bytes] = {}
        for nth, one in enumerate(hearing):
            codec = one.playout.codec
            whole = encoded.get(codec)
            if whole is None:
                whole = encoded[codec] = g711.encode(sums, codec)
            one.playout.send_mixed(whole[nth * FRAME_SAMPLES : (nth + 1) * FRAME_SAMPLES], now)

    # -- who speaks -------------------------------------------------------------------------------

    def _speaker(self, stream: PeerStream) -> Speaker:
        speaker = self._speakers.get(stream)
        if speaker is None:
            speaker = self._speakers[stream] = Speaker(stream, self._speaker_gone)
            self._plan = None
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
        self._plan = None

    def _forget_unheard(self) -> None:
        """Let those go whom nobody hears any more."""
        self._plan = None
        heard = {each for one in self._hearing.values() for each in (*one.row, *(one.before or ()))}
        for stream, each in tuple(self._speakers.items()):
            if each not in heard:
                del self._speakers[stream]
                each.leave()
