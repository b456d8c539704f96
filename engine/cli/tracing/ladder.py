"""The SIP of a call as a ladder: agents on the left, the engine in the middle, customers right."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.text import Text

from ..output.formats import clock, printable
from ..output.tables import cell

_TIME_COLUMNS: Final = 22
_FEWEST_COLUMNS: Final = 24  # of an arrow
_MOST_COLUMNS: Final = 40
_STYLES: Final = {1: "dim", 2: "green", 3: "yellow", 4: "red", 5: "red", 6: "red"}


@dataclass(frozen=True, slots=True)
class Strokes:
    """What lines are drawn with."""

    line: str
    left: str
    right: str
    down: str


FINE: Final = Strokes("─", "◄", "►", "│")
PLAIN: Final = Strokes("-", "<", ">", "|")


def strokes() -> Strokes:
    """Those that the terminal can show."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower()
    return FINE if encoding in ("utf-8", "utf8") else PLAIN


class Ladder:
    """Draws the messages of one call, `width` columns wide."""

    def __init__(self, call: Mapping[str, Any], width: int, drawn_with: Strokes) -> None:
        self._call = call
        self._with = drawn_with
        self._legs = {leg["leg"]: leg for leg in call["legs"]}
        roles = [leg["role"] for leg in call["legs"]]
        self._names: dict[str, str] = {}
        for leg in call["legs"]:
            same = [one["leg"] for one in call["legs"] if one["role"] == leg["role"]]
            several = roles.count(leg["role"]) > 1
            number = f" {same.index(leg['leg']) + 1}" if several else ""
            self._names[leg["leg"]] = f"{leg['role']}{number}"
        room = (width - _TIME_COLUMNS - 3) // 2
        self._columns = max(_FEWEST_COLUMNS, min(_MOST_COLUMNS, room))

    def lines(self, messages: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
        """The heads of the columns, and each message."""
        yield from self._heads(messages)
        bridged_at = self._call.get("bridged_at")
        for message in messages:
            if bridged_at is not None and message["time"] >= bridged_at:
                yield self._across(bridged_at, "the two are joined")
                bridged_at = None
            yield from self._message(message)
        if bridged_at is not None:
            yield self._across(bridged_at, "the two are joined")

    def ends(self) -> Iterator[Text]:
        """What is to be said of each leg after its messages: codec, addresses, RTP."""
        for leg in self._call["legs"]:
            yield cell(f"{self._names[leg['leg']]}: {leg_line(leg)}")

    def _heads(self, messages: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
        left = ", ".join(name for leg, name in self._names.items() if self._is_left(leg))
        right = ", ".join(name for leg, name in self._names.items() if not self._is_left(leg))
        yield self._head(left, "Ringback", right)
        peers: dict[bool, list[str]] = {True: [], False: []}
        ours: list[str] = []
        for message in messages:
            here = peers[self._is_left(message["leg"])]
            peer = f"{message['transport']} {message['remote']}"
            if peer not in here:
                here.append(peer)
            if message["local"] not in ours:
                ours.append(message["local"])
        for row in range(min(4, max(len(ours), *map(len, peers.values())))):
            columns = (peers[True], ours, peers[False])
            yield self._head(*(one[row] if row < len(one) else "" for one in columns), style="dim")

    def _head(self, left: str, middle: str, right: str, *, style: str = "bold") -> Text:
        third = (2 * self._columns + 3) // 3
        words = (one[: third - 1] for one in (left, middle, right))
        row = f"{next(words):<{third}}{next(words):^{third}}{next(words):>{third}}"
        return cell(" " * _TIME_COLUMNS + row, style)

    def _across(self, time: float, words: str) -> Text:
        line = self._with.line
        return cell(f"{self._time(time)}{f' {words} '.center(2 * self._columns + 3, line)}", "bold")

    def _message(self, message: Mapping[str, Any]) -> Iterator[Text]:
        is_left = self._is_left(message["leg"])
        pointing_left = (message["direction"] == "sent") is is_left
        arrow = self._arrow(self._label(message), pointing_left)
        down, blank = self._with.down, " " * self._columns
        row = [down, arrow, down, blank, down] if is_left else [down, blank, down, arrow, down]
        style = _STYLES.get((message["status"] or 200) // 100, "")
        if message["status"] is None:
            style = "cyan"
        yield Text.assemble(cell(self._time(message["time"])), cell("".join(row), style))
        audio = message["audio"]
        if audio is not None:
            yield self._note(audio_line(audio), is_left)

    def _note(self, words: str, is_left: bool) -> Text:
        """A line below an arrow."""
        indent = _TIME_COLUMNS + (2 if is_left else self._columns + 3)
        return cell(" " * indent + words, "dim")

    def _label(self, message: Mapping[str, Any]) -> str:
        label = short(message)
        name = self._names.get(message["leg"] or "", "")
        if name[-1:].isdigit():
            label += f" ({name})"
        if message["retransmission"]:
            label += f" again {message['retransmission']}"
        return label

    def _arrow(self, label: str, pointing_left: bool) -> str:
        width = self._columns
        text = f" {printable(label)[: width - 6]} "
        body = text.center(width - 1, self._with.line)
        return f"{self._with.left}{body}" if pointing_left else f"{body}{self._with.right}"

    def _is_left(self, leg: str | None) -> bool:
        known = self._legs.get(leg or "")
        return known is None or known["role"] == "agent"

    def _time(self, time: float) -> str:
        since = f"{time - self._call['started']:+.3f}"  # what came before the call was known: -
        return f"{clock(time)} {since:<{_TIME_COLUMNS - 14}} "


def short(message: Mapping[str, Any]) -> str:
    """What a message is: `INVITE`, `180 Ringing`, `200 OK (BYE)`."""
    if message["status"] is None:
        return str(message["method"] or message["start_line"] or "(empty)")
    words = str(message["start_line"]).partition(" ")[2]
    method = message["method"]
    return words if method in (None, "INVITE") else f"{words} ({method})"


def audio_line(audio: Mapping[str, Any]) -> str:
    """The audio of a session description on one line."""
    if not audio["port"]:
        return "audio refused"
    host = f"[{audio['host']}]" if ":" in audio["host"] else audio["host"]
    parts = [" ".join(audio["codecs"]), f"RTP {host}:{audio['port']}"]
    if audio["protocol"] != "RTP/AVP":
        parts.append(audio["protocol"])
    if audio["direction"] != "sendrecv":
        parts.append(audio["direction"])
    return "  ".join(parts)


def leg_line(leg: Mapping[str, Any]) -> str:
    """Codec, addresses and the figures of the RTP of a leg, and why it ended."""
    parts = [str(leg["uri"])]
    if leg.get("trunk"):
        parts.append(f"trunk {leg['trunk']}")
    if leg.get("answered_by"):
        parts.append(f"answered by: {leg['answered_by']}")
    if leg.get("codec"):
        parts.append(f"{leg['codec']}, RTP {leg.get('local_media')} to {leg.get('remote_media')}")
    media = leg.get("media")
    if media and (media.get("packets_received") or media.get("packets_sent")):
        parts.append(rtp_line(media))
    if leg.get("ended") is not None:
        status = f"{leg['sip_status']} " if leg.get("sip_status") else ""
        parts.append(f"ended: {status}{leg.get('reason') or ''}".rstrip())
    return "; ".join(parts)


def rtp_line(media: Mapping[str, Any]) -> str:
    """The quality of the RTP of a leg."""
    text = (
        f"received {media.get('packets_received', 0)}, lost {media.get('lost_fraction') or 0:.1%},"
        f" jitter {media.get('jitter_ms') or 0:.1f} ms, sent {media.get('packets_sent', 0)}"
    )
    if media.get("remote_lost_fraction") is not None:
        text += f" of which the phone lost {media['remote_lost_fraction']:.1%}"
    if media.get("round_trip_ms") is not None:
        text += f", round trip {media['round_trip_ms']:.0f} ms"
    return text
