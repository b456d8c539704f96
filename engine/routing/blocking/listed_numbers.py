"""The numbers that files say are not to be called: millions in little memory."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from config.number_csv import rows_of

log = structlog.get_logger()

# Such a text needs no reading (E.164: 15 digits at most); a register has little else.
_IN_FULL = re.compile(r"\+[1-9]\d{6,14}")
SHOWN_FAULTS = 10


@dataclass(frozen=True, slots=True)
class Listed:
    """A number of a file; `until` (Unix seconds) is None for good."""

    file: str
    reason: str | None = None
    until: float | None = None


@dataclass
class ListedNumbers:
    """The numbers of some files, by their digits; what a line says besides is kept apart."""

    _files: list[tuple[str, "array[int]"]] = field(default_factory=list)
    _said: dict[int, Listed] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(numbers) for _, numbers in self._files)

    def find(self, number: str) -> Listed | None:
        """What is said of a number in E.164, where a file has it."""
        if not self._files:
            return None
        digits = int(number.removeprefix("+"))
        for file, numbers in self._files:
            at = bisect_left(numbers, digits)
            if at < len(numbers) and numbers[at] == digits:
                return self._said.get(digits) or Listed(file)
        return None

    @classmethod
    def read(cls, files: Iterable[str], read: Callable[[str], str | None]) -> "ListedNumbers":
        """Read the files. A line that is no number is logged, and the others hold.

        `read` gives a number that is not written in full in E.164; None where it is none. Raises
        OSError.
        """
        found = cls()
        for file in files:
            found._add(file, read)
        return found

    def _add(self, file: str, read: Callable[[str], str | None]) -> None:
        numbers = array("Q")
        faults: list[int] = []
        with Path(file).open(encoding="utf-8-sig", errors="replace") as lines:
            for row in rows_of(lines):
                number = row.number if _IN_FULL.fullmatch(row.number) else read(row.number)
                if number is None or row.fault is not None:
                    faults.append(row.line)
                    continue
                digits = int(number.removeprefix("+"))
                numbers.append(digits)
                if row.reason is not None or row.until is not None:
                    self._said[digits] = Listed(file, row.reason, row.until)
        self._files.append((file, array("Q", sorted(numbers))))
        if faults:
            log.warning(
                "do_not_call_lines_not_read",
                file=file, lines=len(faults), first=faults[:SHOWN_FAULTS],
            )  # fmt: skip
        log.info("do_not_call_file", file=file, numbers=len(numbers))
