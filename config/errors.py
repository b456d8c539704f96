"""The errors of this room: one fault of a configuration, and all that a file has."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import PydanticCustomError


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one key. `line` is its line in the file; None where it has none."""

    key: str
    reason: str
    line: int | None = None


class ConfigError(Exception):
    """A configuration that cannot be used. Its text is a line for each fault of `faults`:
    `FILE:LINE: key: reason`. `key`, `reason` and `line` are those of the first."""

    def __init__(self, file: str, key: str, reason: str, line: int | None = None) -> None:
        self._take(file, [Fault(key, reason, line)])

    @classmethod
    def of(cls, file: str, faults: Sequence[Fault]) -> "ConfigError":
        """The error of all these faults, of which there is at least one."""
        error = cls(file, "", "")
        error._take(file, faults)
        return error

    def _take(self, file: str, faults: Sequence[Fault]) -> None:
        self.file = file
        self.faults = tuple(
            Fault(one.key, " ".join(one.reason.split()), one.line) for one in faults
        )
        first = self.faults[0]
        self.key, self.reason, self.line = first.key, first.reason, first.line
        super().__init__("\n".join(_line(file, one) for one in self.faults))

    def view(self) -> list[dict[str, str | int | None]]:
        """Every fault, as replies have it."""
        return [{"key": one.key, "line": one.line, "reason": one.reason} for one in self.faults]


def _line(file: str, fault: Fault) -> str:
    where = file if fault.line is None else f"{file}:{fault.line}"
    return ": ".join(part for part in (where, fault.key, fault.reason) if part)


def wrong(key: str, reason: str) -> PydanticCustomError:
    """An error about `key` of the section that is being checked as a whole."""
    return PydanticCustomError("wrong", "{reason}", {"key": key, "reason": reason})


def reject(reason: str) -> PydanticCustomError:
    """An error about the value that is being checked."""
    return wrong("", reason)
