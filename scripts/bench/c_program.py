"""Small C programs of the bench: compiled when they are wanted."""

import shutil
import subprocess
from pathlib import Path

COMPILERS = ("cc", "gcc", "clang")


class NoCompiler(RuntimeError):
    """There is no C compiler, or it did not compile; the text says which."""


def compiled(source: Path, directory: Path) -> Path:
    """The program of one source file, made in `directory`. Raises NoCompiler."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise NoCompiler(f"no C compiler here ({', '.join(COMPILERS)})")
    program = directory / source.stem
    command = [compiler, "-O2", "-Wall", "-Wextra", "-pthread", "-o", str(program), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoCompiler(f"{compiler} failed: {done.stderr.strip()}")
    return program
