"""The screen writes what changed, and nothing that commands the terminal."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.cli.live.screen import Line, Screen, padded


class Terminal(io.StringIO):
    """Takes what is written."""

    def taken(self) -> str:
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


def plain(*texts: str) -> list[Line]:
    return [((text, ""),) for text in texts]


def test_only_lines_that_changed_are_written() -> None:
    terminal = Terminal()
    screen = Screen(terminal)
    screen.draw(plain("one", "two"), 20, 3)
    first = terminal.taken()
    assert first.startswith("\x1b[2J")
    assert "\x1b[1;1Hone" in first and "\x1b[2;1Htwo" in first
    screen.draw(plain("one", "two"), 20, 3)
    assert terminal.taken() == ""
    screen.draw(plain("one", "TWO"), 20, 3)
    assert terminal.taken() == "\x1b[2;1HTWO\x1b[0m\x1b[K"
    screen.draw(plain("one"), 20, 3)
    assert terminal.taken() == "\x1b[2;1H\x1b[0m\x1b[K"


def test_another_size_is_drawn_again_and_nothing_is_wider_or_longer() -> None:
    terminal = Terminal()
    screen = Screen(terminal)
    screen.draw(plain("a" * 50, "b", "c"), 20, 3)
    terminal.taken()
    screen.draw(plain("a" * 50, "b", "c"), 10, 2)
    assert terminal.taken() == ("\x1b[2J\x1b[1;1Haaaaaaaaaa\x1b[0m\x1b[K\x1b[2;1Hb\x1b[0m\x1b[K")
    screen.draw([(("abc", ""), ("defgh", ""), ("x", ""))], 5, 2)
    assert "\x1b[1;1Habcde\x1b" in terminal.taken()


def test_styles_and_none_of_them() -> None:
    terminal = Terminal()
    Screen(terminal).draw([(("x", "bold red"),)], 5, 1)
    assert "\x1b[1;31mx\x1b[0m" in terminal.taken()
    Screen(terminal, colour=False).draw([(("x", "bold red"),)], 5, 1)
    assert "\x1b[1;31m" not in terminal.taken()


def test_the_terminal_is_given_back() -> None:
    terminal = Terminal()
    screen = Screen(terminal)
    screen.enter()
    screen.leave()
    assert terminal.getvalue().endswith("\x1b[?25h\x1b[?1049l")


@given(st.text(max_size=30), st.integers(1, 20), st.booleans())
def test_padded_text_has_its_width_and_commands_nothing(text: str, width: int, right: bool) -> None:
    found = padded(text, width, right=right)
    assert cell_len(found) == width
    assert found.isprintable()


def test_padded() -> None:
    assert padded("ab", 4) == "ab  "
    assert padded("ab", 4, right=True) == "  ab"
    assert padded("abcdef", 4) == "abc…"
    assert padded("\x1b[2J", 5) == "\N{REPLACEMENT CHARACTER}[2J "
