"""The clips that a leg's peer hears, and how one sound passes into the next."""

from collections.abc import Callable
from typing import Any

from ..protocol.messages import Codec
from ..rtp.outgoing_stream import OutgoingStream
from ..sound.clip import SILENCE, Clip
from ..sound.fade import FADE_SAMPLES
from ..sound.frames import SpeakingSources
from ..sound.g711 import SILENCE as SILENT_FRAME
from .peer_sender import PeerSender


class ClipPlayout(PeerSender):
    """Lets its clip be played by `speaking`. `ended` gets the number of a finite one at its end."""

    __slots__ = (
        "_clip",
        "_ended",
        "_falls",
        "_left",
        "_loop",
        "_play",
        "_position",
        "_speaking",
        "_tail",
        "_tail_after",
        "codec",
        "form",
        "frames_sent",
    )

    def __init__(
        self, stream: OutgoingStream, speaking: SpeakingSources[Any], ended: Callable[[int], None]
    ) -> None:
        super().__init__(stream)
        self._speaking = speaking
        self._ended = ended
        self.codec: Codec = "PCMU"
        """The law of the frames of G.711."""
        self.form: str = "PCMU"
        """In which form clips are heard (see sound/form.py)."""
        self.frames_sent = 0
        """How many frames of the clock were sent, each of 20 ms; packets may be of any length."""
        self._clip: Clip | None = None
        self._loop = False
        self._position = 0
        self._left: tuple[Clip, int] | None = None
        self._play = 0
        self._falls = False
        # The last sample of a relayed sound, held for as long as it takes to fall, and how many
        # packets were sent before the fall.
        self._tail: bytes | None = None
        self._tail_after = 0

    @property
    def play(self) -> int:
        """The number of the clip that is heard; 0 where it has ended, or none is."""
        return self._play

    def _hear_clip(
        self, play: int, clip: Clip, *, loop: bool, falls: bool, position: int | None
    ) -> None:
        """See Playout.hear_clip."""
        self._remember_loop()
        self._play, self._clip, self._loop, self._falls = play, clip, loop, falls
        if position is None:
            position = self._left[1] if self._left and loop and self._left[0] is clip else 0
        self._position = position
        self._speak()

    def _remember_loop(self) -> None:
        """A loop that is heard again goes on where it was left."""
        if self._loop and self._clip is not None and self._clip is not SILENCE:
            position = self._speaking.position(self)
            self._left = self._clip, self._position if position is None else position

    def _falling(self) -> bytes | None:
        """What the next sound is faded with after a relayed one; None where that has fallen."""
        return self._tail if self._tail_after == self.stream.packets_sent else None

    def _let_fall(self, sound: bytes) -> None:
        """This falls in what is heard next, if it is anything."""
        if not sound:
            return
        self._tail, self._tail_after = sound, self.stream.packets_sent

    def _speak(self) -> None:
        if self._clip is not None and self._may_send:
            before = self._falling() or self._speaking.ahead(self)
            if before is None and self._clip is not SILENCE:
                before = SILENT_FRAME[self.codec][:FADE_SAMPLES]
            self._speaking.add_source(
                self,
                self._clip,
                self.form,
                loop=self._loop,
                position=self._position,
                before=before,
                falls=self._falls,
            )

    def _speak_silence(self) -> None:
        """From the next frame on silence is heard, until something else is."""
        self._clip, self._loop, self._position = SILENCE, True, 0
        self._speak()

    def _hush(self) -> None:
        position = self._speaking.remove_source(self)
        if position is not None:
            self._position = position

    def send_digit_frame(self, now: float) -> bool:
        """See PeerSender. Between two digits there is silence: the stream goes on."""
        is_sent = super().send_digit_frame(now)
        if not is_sent and self._may_send and self._digits:
            self._send_frame(SILENT_FRAME[self.codec], now)
        return is_sent

    def _send_frame(self, payload: bytes, now: float) -> None:
        """Send a frame of G.711, or a wide one, as the peer wants it."""
        raise NotImplementedError

    def clip_ended(self) -> None:
        """The finite clip had its last frame: silence follows, and the engine hears of it."""
        play, self._play = self._play, 0
        self._speak_silence()
        if play:
            self._ended(play)
