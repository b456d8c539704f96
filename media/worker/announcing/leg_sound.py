"""What a leg hears, in two layers: its own source, and an announcement in its place or over it."""

from collections.abc import Sequence
from typing import Final

from ...protocol.messages import Played, PlayEnd
from ...sound.clip import SILENCE, Clip
from ...sound.g711 import SAMPLE_RATE_HZ
from ...sound.mixed_clip import MixedClip
from ..context import WorkerContext
from ..peer_stream import PeerStream
from ..playout import Playout
from .saved_source import Saved

FRAME_MS: Final = 20


class LegSound:
    """The layers of one leg. Times are seconds of one monotonic clock.

    What the call lets the leg hear goes to its own source; while an announcement takes the place
    of that, it is kept and heard afterwards. `incoming` is what the leg's own peer says. The engine
    is told of the end of each announcement, and of each finite source of the leg's own.
    """

    __slots__ = (
        "_clip",
        "_emit",
        "_frames_before",
        "_incoming",
        "_is_common",
        "_mixed",
        "_mixer",
        "_name",
        "_play",
        "_playout",
        "_rounds",
        "_rounds_left",
        "_saved",
    )

    def __init__(
        self,
        name: str,
        playout: Playout,
        incoming: PeerStream,
        context: WorkerContext,
    ) -> None:
        self._name = name
        self._playout = playout
        self._incoming = incoming
        self._mixer = context.mixer
        self._emit = context.emit
        self._play = 0  # the announcement that is heard
        self._clip: Clip | None = None  # of one that takes the place of the leg's own source
        self._mixed: MixedClip | None = None
        self._rounds = self._rounds_left = 0
        self._frames_before = 0
        self._saved: Saved | None = None
        self._is_common = False

    # -- how it is --------------------------------------------------------------------------

    @property
    def announced(self) -> int:
        """The number of the announcement that is heard; 0: none is."""
        return self._play

    def own(self) -> Saved:
        """The leg's own source, also while an announcement is heard in its place."""
        if self._saved is not None:
            return self._saved
        own = self._playout.save()
        own.mixed = tuple(self._mixer.hears(self._playout))
        return own

    # -- the leg's own source ---------------------------------------------------------------

    def hear_clip(
        self,
        play: int,
        clip: Clip,
        now: float,
        *,
        loop: bool,
        falls: bool = False,
        is_common: bool = False,
    ) -> None:
        """Let the leg hear a clip. `is_common`: from the position that is the same for all."""
        self._is_common = is_common
        if self._saved is not None:
            left = self._saved.position if self._saved.clip is clip and loop else 0
            self._saved = Saved(clip=clip, play=play, loop=loop, falls=falls, position=left)
        else:
            position = common_position(clip, now) if is_common else None
            self._mixer.leave(self._playout, now)
            self._playout.hear_clip(play, clip, now, loop=loop, falls=falls, position=position)

    def hear_peer(self, source: PeerStream, now: float, *, patient: bool = False) -> None:
        """Let the leg hear what another leg's peer says."""
        if self._saved is None:
            self._mixer.relay_again(self._playout, source, now)
            self._playout.hear_peer(source, now, patient=patient)
            return
        if patient:  # what was heard goes on until the first packet
            self._saved.hearing, self._saved.patient = source, True
        else:
            self._joined(Saved(hearing=source), now)

    def hear_mix(self, others: Sequence[PeerStream], now: float) -> None:
        """Let the leg hear the sum of what other legs' peers say."""
        if self._saved is None:
            self._mixer.hear(self._playout, self._incoming, others, now)
        else:
            self._joined(Saved(mixed=tuple(others)), now)

    def _joined(self, saved: Saved, now: float) -> None:
        self._saved = saved
        if not self._rounds:  # nobody waits for the end of what has none
            self._end_replacing("replaced", now)

    def hear_silence(self, now: float) -> None:
        """Let the leg hear silence."""
        if self._saved is None:
            self._mixer.leave(self._playout, now)
            self._playout.hear_silence(now)
        else:
            self._saved = Saved()

    def leave_others(self, now: float) -> None:
        """Let the leg hear nobody any more: silence, where it heard what others say."""
        saved = self._saved
        if saved is not None:
            if saved.hearing is not None or saved.mixed:
                self._saved = Saved()
        elif self._playout.hearing is not None or self._mixer.hears(self._playout):
            self.hear_silence(now)

    # -- announcements ----------------------------------------------------------------------

    def announce(
        self, play: int, clip: Clip, now: float, *, mix: bool, rounds: int, is_common: bool = False
    ) -> None:
        """Let the leg hear an announcement. What was announced until now is `replaced`."""
        self.end("replaced", now)
        self._play = play
        position = common_position(clip, now) if is_common else 0
        playout = self._playout
        if mix:
            self._mixed = MixedClip(clip, rounds, position=position)
            playout.mix(self._mixed)
            return
        self._clip, self._rounds, self._rounds_left = clip, rounds, rounds
        self._saved = self.own()
        self._mixer.leave(playout, now)
        playout.hear_clip(play, clip, now, loop=not rounds, falls=True, position=position)
        self._frames_before = playout.frames_sent

    def stop(self, play: int, now: float) -> None:
        """The announcement of this number is heard no more."""
        if play == self._play:
            self.end("stopped", now)

    def end(self, how: PlayEnd, now: float) -> None:
        """End what is announced, if anything is."""
        if self._mixed is not None:
            mixed, self._mixed, play = self._mixed, None, self._play
            self._play = 0
            mixed.stop()
            self._ended(play, how, mixed.heard_ms)
        elif self._clip is not None:
            self._end_replacing(how, now)

    def clip_ended(self, play: int, now: float) -> None:
        """A finite clip has come to its end."""
        if play != self._play or self._clip is None:
            self._emit(Played(self._name, play))
        elif self._rounds_left > 1:
            self._rounds_left -= 1
            self._playout.hear_clip(play, self._clip, now, loop=False, falls=True)
        else:
            self._end_replacing("finished", now)

    @property
    def is_mixed(self) -> bool:
        """Whether anything is mixed over what the leg hears, if only its fall."""
        return len(self._playout.mixed) > 0

    def keep_mixing(self, now: float) -> None:
        """To be called every 20 ms while `is_mixed`: notice the end, and what pauses below it."""
        self._playout.keep_mixing(now)
        if self._mixed is not None and self._mixed.is_over:
            mixed, self._mixed, play = self._mixed, None, self._play
            self._play = 0
            self._ended(play, "finished", mixed.heard_ms)

    def _ended(self, play: int, how: PlayEnd, heard_ms: int) -> None:
        self._emit(Played(self._name, play, end=how, heard_ms=heard_ms))

    def _end_replacing(self, how: PlayEnd, now: float) -> None:
        clip, saved, play = self._clip, self._saved, self._play
        assert clip is not None and saved is not None
        heard_ms = (self._playout.frames_sent - self._frames_before) * FRAME_MS
        if self._rounds:
            whole_ms = self._rounds * clip.samples * 1000 // SAMPLE_RATE_HZ
            heard_ms = whole_ms if how == "finished" else min(heard_ms, whole_ms)
        self._clip = self._saved = None
        self._play = 0
        if how != "leg_ended":
            if self._is_common and saved.clip is not None:
                saved.position = common_position(saved.clip, now)
            others = [one for one in saved.mixed if not one.is_over]
            if others:
                self._mixer.hear(self._playout, self._incoming, others, now)
            else:
                self._restore(saved, now)
        self._ended(play, how, heard_ms)

    def _restore(self, saved: Saved, now: float) -> None:
        """Go on with what was heard before. A finite clip goes on where it was left."""
        playout = self._playout
        hearing = saved.hearing if saved.hearing is None or not saved.hearing.is_over else None
        clip = saved.clip or (SILENCE if hearing is None else None)
        if clip is not None:
            loop = saved.loop or clip is SILENCE
            playout.hear_clip(
                saved.play, clip, now, loop=loop, falls=saved.falls, position=saved.position
            )
        if hearing is not None:
            playout.hear_peer(hearing, now, patient=saved.patient)


def common_position(clip: Clip, now: float) -> int:
    """The sample that all who hear `clip` hear now, whoever began when."""
    return round(now * SAMPLE_RATE_HZ) % max(1, clip.samples)
