"""A program that does nothing beside a measurement: when it is late, the machine was not there."""

import contextlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .c_program import compiled

SOURCE: Final = Path(__file__).with_name("bystander.c")
ON_NO_CORE: Final = -1


@dataclass(frozen=True, slots=True)
class Pause:
    """A thread of it was not let run, in nanoseconds of the real-time clock.

    `which` is its core, or ON_NO_CORE for the one that has niceness and short slices alone.
    """

    which: int
    from_ns: int
    until_ns: int

    @property
    def ms(self) -> float:
        """How long."""
        return (self.until_ns - self.from_ns) / 1e6


class Bystander:
    """The running program. Raises NoCompiler. Use as a context manager."""

    def __init__(self) -> None:
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="bystander-"))
            program = compiled(SOURCE, Path(directory))
            self._process = stack.enter_context(
                subprocess.Popen(
                    [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            self._exit = stack.pop_all()
        self.goes_first = self._read() == "1"
        """Whether its threads of the cores go before everything else that runs there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exit.close()

    def pauses(self) -> list[Pause]:
        """Those since it was asked last."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found = []
        while line := self._read():
            which, from_ns, until_ns = map(int, line.split())
            found.append(Pause(which, from_ns, until_ns))
        return found

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")
