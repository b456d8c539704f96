"""What one who waits is told, and when: his place, the expected wait, and what a queue repeats.

No sound and no clock are here: `due` takes the time and where the party stands, and gives the
sentences to be spoken. When is as in Asterisk's app_queue: the place and the wait are told at
intervals, or as soon as the place changes, but never sooner than a least interval after the last
time; the periodic announcements take turns at intervals of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from config.inbound import FILE, Room

HALF_A_MINUTE_S = 30


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where one stands in his queue: 1 is next. None: nobody knows how long it will take."""

    place: int
    expected_wait_s: float | None = None


class Announcements:
    """The announcements of one who came at `entered` (Unix seconds); `room` says which."""

    def __init__(self, room: Room, entered: float) -> None:
        self._room = room
        first_s = room.periodic_announce_start_s
        interval_s = room.periodic_announce_frequency_s
        self._told_at: float | None = None
        self._told_place = 0
        self._periodic_at = entered + (interval_s if first_s is None else first_s)
        self._periodic_next = 0

    @property
    def any(self) -> bool:
        """Whether there is ever anything to be told."""
        return self._room.announce_frequency_s > 0 or self._is_periodic

    @property
    def _is_periodic(self) -> bool:
        room = self._room
        return bool(room.periodic_announce) and room.periodic_announce_frequency_s > 0

    def due(self, now: float, standing: QueuePosition | None) -> list[str]:
        """The sentences to be said now, if any; they count as said. Each is text or a file.

        `standing` is None where the party is in no queue (or is being connected): nothing is due.
        """
        if standing is None:
            return []
        if standing.place == 1 and not self._room.announce_to_first:
            return []
        return self._position(now, standing) or self._periodic(now)

    def said(self, now: float) -> None:
        """The sentences last given have been said to their end."""
        if self._is_periodic and self._room.periodic_announce_from_end:
            interval_s = self._room.periodic_announce_frequency_s
            self._periodic_at = max(self._periodic_at, now + interval_s)

    def _position(self, now: float, standing: QueuePosition) -> list[str]:
        room = self._room
        if room.announce_frequency_s <= 0:
            return []
        if self._told_at is not None:
            since_s = now - self._told_at
            moved = standing.place != self._told_place
            if room.announce_position_only_up:
                moved = standing.place < self._told_place
            if since_s < room.min_announce_frequency_s:
                return []
            if not moved and since_s < room.announce_frequency_s:
                return []
        sentences = self._sentences(standing)
        if sentences:
            self._told_at = now
            if not room.announce_position_only_up or self._is_better(standing.place):
                self._told_place = standing.place
        return sentences

    def _is_better(self, place: int) -> bool:
        return not self._told_place or place <= self._told_place

    def _sentences(self, standing: QueuePosition) -> list[str]:
        room, texts = self._room, self._room.texts
        place = self._place(standing.place)
        # Who is next is not told how long that will take.
        is_next = place == texts.next and standing.place == 1
        wait = "" if is_next or standing.expected_wait_s is None else self._wait(standing)
        sentences = [sentence for sentence in (place, wait) if sentence]
        if sentences and texts.thanks:
            sentences.append(texts.thanks)
        values = {"place": str(standing.place), "limit": str(room.announce_position_limit)}
        return [fill(sentence, values) for sentence in sentences]

    def _place(self, place: int) -> str:
        room, texts = self._room, self._room.texts
        within = place <= room.announce_position_limit
        if room.announce_position == "no" or (room.announce_position == "limit" and not within):
            return ""
        if room.announce_position == "more" and not within:
            return texts.more
        if room.announce_position_only_up and not self._is_better(place):
            return ""
        return texts.next if place == 1 else texts.place

    def _wait(self, standing: QueuePosition) -> str:
        room = self._room
        if room.announce_holdtime == "no":
            return ""
        if room.announce_holdtime == "once" and self._told_at is not None:
            return ""
        wait_s = standing.expected_wait_s
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

    Whole minutes, the nearest; with `announce_round_seconds` the same half minute is not cut off
    but told in whole steps of that many seconds.
    """
    total_s = int(wait_s) + HALF_A_MINUTE_S
    minutes, rest_s = divmod(total_s, 60)
    step_s = room.announce_round_seconds
    seconds = rest_s // step_s * step_s if step_s else 0
    words = []
    if minutes:
        words.append(f"{minutes} {room.texts.minute if minutes == 1 else room.texts.minutes}")
    if seconds:
        words.append(f"{seconds} {room.texts.seconds}")
    return " ".join(words)


def fill(sentence: str, values: Mapping[str, str]) -> str:
    """`sentence` with its fields filled in; the path of a file stays as it is."""
    if sentence.startswith(FILE):
        return sentence
    for name, value in values.items():
        sentence = sentence.replace(f"{{{name}}}", value)
    return sentence
