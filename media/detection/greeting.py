"""What has been said so far, in phrases: when the first one began, and when the last one ended."""

from typing import Final

_GAP_MS: Final = 140  # in one breath


class Greeting:
    """Follows the speech of one line. Times are ms since the answer."""

    __slots__ = (
        "_between_ms",
        "_min_word_ms",
        "_word_began",
        "_word_ended",
        "_word_ms",
        "began_ms",
        "ended_ms",
        "longest_ms",
        "phrases",
        "spoken_ms",
    )

    def __init__(self, *, min_word_ms: int, between_words_ms: int) -> None:
        self._min_word_ms = min_word_ms
        self._between_ms = between_words_ms
        self._word_began = self._word_ended = -1
        self._word_ms = 0
        self.began_ms = -1
        self.ended_ms = -1
        self.phrases = 0
        self.longest_ms = 0
        self.spoken_ms = 0

    @property
    def has_begun(self) -> bool:
        """Whether there was a word."""
        return self.began_ms >= 0

    @property
    def length_ms(self) -> int:
        """From the first word to the end of the last one."""
        return self.ended_ms - self.began_ms if self.has_begun else 0

    def pause_ms(self, at_ms: int) -> int:
        """For how long nothing has been said, also no click."""
        return at_ms - max(self.ended_ms, self._word_ended)

    def next_frame(self, *, is_speech: bool, at_ms: int, frame_ms: int) -> None:
        """A frame that ends at `at_ms`."""
        if not is_speech:
            return
        began = at_ms - frame_ms
        if self._word_ended < 0 or began - self._word_ended > _GAP_MS:
            self._word_began, self._word_ms = began, 0
        self._word_ended = at_ms
        self._word_ms += frame_ms
        if self._word_ms < self._min_word_ms:
            return
        if self._word_ms - frame_ms < self._min_word_ms:
            self._begin_word()
        else:
            self.spoken_ms += frame_ms
        self.ended_ms = at_ms
        self.longest_ms = max(self.longest_ms, at_ms - self._word_began)

    def _begin_word(self) -> None:
        """It is a word by now."""
        if not self.has_begun:
            self.began_ms = self._word_began
        if not self.phrases or self._word_began - self.ended_ms >= self._between_ms:
            self.phrases += 1
        self.spoken_ms += self._word_ms
