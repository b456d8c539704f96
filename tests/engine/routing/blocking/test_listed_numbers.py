"""Registers of numbers in files."""

from pathlib import Path

from structlog.testing import capture_logs

from engine.routing.blocking.listed_numbers import Listed, ListedNumbers


def read(text: str) -> str | None:
    """As the number plan of London reads it."""
    digits = text.replace(" ", "")
    return f"+44{digits[1:]}" if digits.isdigit() and digits.startswith("0") else None


def test_numbers_of_several_files_are_found_with_what_is_said_of_them(tmp_path: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.csv"
    one.write_text("".join(f"+4420794{number:05d}\n" for number in range(0, 2000, 2)))
    two.write_text("number;reason;until\n020 8000 0000;asked;2027-03-01\n+15550100;;\n")
    numbers = ListedNumbers.read([str(one), str(two)], read)
    assert len(numbers) == 1002
    assert numbers.find("+442079400010") == Listed(str(one))
    assert numbers.find("+442079400011") is None
    assert numbers.find("+442080000000") == Listed(str(two), "asked", 1803859200.0)
    assert numbers.find("+15550100") == Listed(str(two))
    assert ListedNumbers().find("+15550100") is None


def test_a_line_that_is_no_number_is_logged_and_the_others_hold(tmp_path: Path) -> None:
    file = tmp_path / "register"
    file.write_text("hello 1\n+442079460123\n+44\n+442079460124,x,never\n")
    with capture_logs() as lines:
        numbers = ListedNumbers.read([str(file)], read)
    assert len(numbers) == 1 and numbers.find("+442079460123")
    warning, count = lines
    assert (warning["event"], warning["lines"], warning["first"]) == (
        "do_not_call_lines_not_read",
        3,
        [1, 3, 4],
    )
    assert (count["event"], count["numbers"]) == ("do_not_call_file", 1)
