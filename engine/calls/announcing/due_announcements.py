"""The announcements a waiting party hears: its position, the expected wait, what a queue repeats.

No sound and no clock are here: `due` gets the time and the party's position, and returns the
sentences to be spoken. The times are those of Asterisk's app_queue: position and wait are announced
at intervals, or as soon as the position changes, but never sooner than a least interval after the
last time. The periodic announcements take turns at intervals of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from config.inbound import Room
from config.languages import plural_form
from config.sounds import FILE

HALF_A_MINUTE_S = 30


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A position in a queue: place 1 is next. The expected wait is None where it is not known."""

    place: int
    expected_wait_s: float | None = None


class Announcements:
    """The announcements of `room` for a party that came at `entered` (Unix seconds)."""

    def __init__(self, room: Room, entered: float) -> None:
        self._room = room
        first_s = room.periodic_announce_start_s
        interval_s = room.periodic_announce_frequency_s
        self._announced_at: float | None = None
        self._announced_place = 0
        self._periodic_at = entered + (interval_s if first_s is None else first_s)
        self._periodic_next = 0

    @property
    def any(self) -> bool:
        """Whether there is ever anything to announce."""
        return self._room.announce_frequency_s > 0 or self._is_periodic

    @property
    def _is_periodic(self) -> bool:
        room = self._room
        return bool(room.periodic_announce) and room.periodic_announce_frequency_s > 0

    def due(self, now: float, position: QueuePosition | None) -> list[str]:
        """The sentences to be said now, if any. They count as said. Each is text or a file.

        Nothing is due where `position` is None: the party is in no queue, or is being connected.
        """
        if position is None:
            return []
        if position.place == 1 and not self._room.announce_to_first:
            return []
        return self._position(now, position) or self._periodic(now)

    def said(self, now: float) -> None:
        """The sentences last given have been said to their end."""
        if self._is_periodic and self._room.periodic_announce_from_end:
            interval_s = self._room.periodic_announce_frequency_s
            self._periodic_at = max(self._periodic_at, now + interval_s)

    def _position(self, now: float, position: QueuePosition) -> list[str]:
        room = self._room
        if room.announce_frequency_s <= 0:
            return []
        if self._announced_at is not None:
            since_s = now - self._announced_at
            moved = position.place != self._announced_place
            if room.announce_position_only_up:
                moved = position.place < self._announced_place
            if since_s < room.min_announce_frequency_s:
                return []
            if not moved and since_s < room.announce_frequency_s:
                return []
        sentences = self._sentences(position)
        if sentences:
            self._announced_at = now
            if not room.announce_position_only_up or self._is_better(position.place):
                self._announced_place = position.place
        return sentences

    def _is_better(self, place: int) -> bool:
        return not self._announced_place or place < self._announced_place

    def _sentences(self, position: QueuePosition) -> list[str]:
        room, texts = self._room, self._room.texts
        place = self._place(position.place)
        # The party that is next does not hear how long that will take.
        is_next = place == texts.next and position.place == 1
        wait = "" if is_next or position.expected_wait_s is None else self._wait(position)
        sentences = [sentence for sentence in (place, wait) if sentence]
        if sentences and texts.thanks:
            sentences.append(texts.thanks)
        values = {"place": str(position.place), "limit": str(room.announce_position_limit)}
        return [fill(sentence, values) for sentence in sentences]

    def _place(self, place: int) -> str:
        room, texts = self._room, self._room.texts
        within = place <= room.announce_position_limit
        if room.announce_position == "no" or (room.announce_position == "limit" and not within):
            return ""
        if room.announce_position_only_up and not self._is_better(place):
            return ""
        if room.announce_position == "more" and not within:
            return texts.more.form(plural_form(room.language, room.announce_position_limit))
        return texts.next if place == 1 else texts.place.form(plural_form(room.language, place))

    def _wait(self, position: QueuePosition) -> str:
        room = self._room
        if room.announce_holdtime == "no":
            return ""
        if room.announce_holdtime == "once" and self._announced_at is not None:
            return ""
        wait_s = position.expected_wait_s
        assert wait_s is not None
        words = spoken_wait(wait_s, room)
        return fill(room.texts.wait, {"wait": words}) if words else ""

    def _periodic(self, now: float) -> list[str]:
        room = self._room
        if not self._is_periodic or now < self._periodic_at:
            return []
        sentence = room.periodic_announce[self._periodic_next % len(room.periodic_announce)]
        self._periodic_next += 1
        self._periodic_at = now + room.periodic_announce_frequency_s
        return [fill(sentence, {"digit": room.callback_digit})]


def spoken_wait(wait_s: float, room: Room) -> str:
    """A wait in words, as Asterisk rounds it; empty where it rounds to nothing.

    Whole minutes, rounded to the nearest. With `announce_round_seconds` the seconds are announced
    as well, in whole steps of that many.
    """
    total_s = int(wait_s) + HALF_A_MINUTE_S
    minutes, rest_s = divmod(total_s, 60)
    step_s = room.announce_round_seconds
    seconds = rest_s // step_s * step_s if step_s else 0
    texts = room.texts
    words = []
    if minutes:
        several = texts.minutes.form(plural_form(room.language, minutes))
        is_one = minutes == 1 and texts.minutes.one is None
        words.append(f"{minutes} {texts.minute if is_one else several}")
    if seconds:
        words.append(f"{seconds} {texts.seconds.form(plural_form(room.language, seconds))}")
    return " ".join(words)


def fill(sentence: str, values: Mapping[str, str]) -> str:
    """`sentence` with its fields filled in; the path of a file stays as it is."""
    if sentence.startswith(FILE):
        return sentence
    for name, value in values.items():
        sentence = sentence.replace(f"{{{name}}}", value)
    return sentence
