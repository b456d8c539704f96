"""A terminal as a screen of lines, of which only those are written that have changed.

A screen that is open all day may cost next to nothing: laying out a table afresh took some ninety
times what comparing lines does.
"""

import sys
from collections.abc import Container, Iterable, Sequence
from typing import TextIO

from rich.cells import set_cell_size
from rich.color import ColorSystem
from rich.style import Style

from ..output.formats import printable

Piece = tuple[str, str]  # text, and its style as rich names it
Line = tuple[Piece, ...]

_ENTER = "\x1b[?1049h\x1b[?25l"  # the alternate screen, no cursor
_LEAVE = "\x1b[?25h\x1b[?1049l"
_CLEAR = "\x1b[2J"
_TO_END = "\x1b[0m\x1b[K"


class Screen:
    """Draws lines on `file`, between `enter` and `leave`."""

    def __init__(self, file: TextIO | None = None, *, colour: bool = True) -> None:
        self._file = file or sys.stdout
        self._colour = colour
        self._shown: list[Line] = []
        self._size = (0, 0)
        self._styles: dict[str, Style] = {}
        self.written = 0  # characters, since the beginning

    def enter(self) -> None:
        """Take the terminal."""
        self._write(_ENTER + _CLEAR)

    def leave(self) -> None:
        """Give it back as it was."""
        self._write(_LEAVE)

    def draw(self, lines: Sequence[Line], width: int, height: int) -> None:
        """Show `lines`, as many as there is room for."""
        out: list[str] = []
        if (width, height) != self._size:
            self._size, self._shown = (width, height), []
            out.append(_CLEAR)
        wanted = list(lines[:height])
        wanted += [()] * (height - len(wanted))
        for number, line in enumerate(wanted):
            if number >= len(self._shown) or line != self._shown[number]:
                out.append(f"\x1b[{number + 1};1H{self._rendered(line, width)}{_TO_END}")
        self._shown = wanted
        if out:
            self._write("".join(out))

    def _rendered(self, line: Line, width: int) -> str:
        parts: list[str] = []
        left = width
        for text, style in line:
            if left <= 0:
                break
            if len(text) > left or not text.isascii():
                text = _cut(text, left)
            left -= len(text)
            parts.append(self._styled(text, style))
        return "".join(parts)

    def _styled(self, text: str, style: str) -> str:
        if not style or not self._colour:
            return text
        known = self._styles.get(style)
        if known is None:
            known = self._styles[style] = Style.parse(style)
        return known.render(text, color_system=ColorSystem.EIGHT_BIT)

    def _write(self, text: str) -> None:
        self.written += len(text)
        self._file.write(text)
        self._file.flush()


def padded(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` cells, on one line, and safe for the terminal."""
    if not (text.isascii() and text.isprintable()):
        text = _cut(printable(text), width)
        return set_cell_size(text, width)
    if len(text) > width:
        return text[: width - 1] + "…" if width > 1 else text[:width]
    return text.rjust(width) if right else text.ljust(width)


def at_right(value: object, width: int) -> str:
    """A figure in exactly `width` cells, at their right."""
    return padded(str(value), width, right=True)


def heads(columns: Iterable[tuple[str, int]], left: Container[str]) -> Line:
    """The heads of columns of these widths; those in `left` begin where their column does."""
    text = "".join(padded(name, width, right=name not in left) for name, width in columns)
    return ((text, "dim"),)


def _cut(text: str, width: int) -> str:
    cut = set_cell_size(text, width)
    return cut.rstrip() if len(cut) > len(text) else cut
