"""The relay in C, fuzzed in a program of its own, which is compiled with sanitizers when wanted."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    Path(__file__).with_name("relay_fuzz.c"),
    *(ROOT / "media" / "relay" / name for name in ("rtp_relay.c", "tone_gate.c")),
)
COMPILERS = ("cc", "gcc", "clang")
WARNINGS = ("-Wall", "-Wextra", "-Werror")
NO_ROOM = "ThreadSanitizer: unexpected memory mapping"
# By mode of the program: what it is watched with.
SANITIZERS = {"turns": "address,undefined", "thread": "thread"}


class NotCompiled(RuntimeError):
    """There is no C compiler with sanitizers that work here; the text says more."""


def compile_for(mode: str, directory: Path) -> Path:
    """The program that fuzzes in this mode. Raises NotCompiled."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise NotCompiled(f"no C compiler here ({', '.join(COMPILERS)})")
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / f"relay-{mode}"
    command = [
        *(compiler, "-std=gnu11", "-g", "-O1", *WARNINGS, f"-I{SOURCES[1].parent}"),
        *(f"-fsanitize={SANITIZERS[mode]}", "-fno-sanitize-recover=all", "-pthread"),
        *(*map(str, SOURCES), "-lm", "-o", str(program)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotCompiled(f"{compiler} failed: {done.stderr.strip()}")
    return program


def fuzz_relay(seconds: float, directory: Path, seed: int = 1) -> tuple[int, str]:
    """Fuzz it for half of the time in each mode; its status, and what it said.

    Raises NotCompiled.
    """
    text = ""
    for mode in SANITIZERS:
        program = compile_for(mode, directory)
        done = subprocess.run(
            [*_unshuffled(mode), str(program), str(seconds / 2), str(seed), mode],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 300,
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},  # which needs to trace processes
        )
        if NO_ROOM in done.stderr:
            raise NotCompiled(f"the {SANITIZERS[mode]} sanitizer does not run on this kernel")
        text += f"{mode}: {done.stdout}{done.stderr}"
        if done.returncode != 0:
            return done.returncode, text
    return 0, text


def _unshuffled(mode: str) -> list[str]:
    """What the thread sanitizer needs where addresses are more random than it knows."""
    setarch = shutil.which("setarch")
    if mode != "thread" or setarch is None:
        return []
    works = subprocess.run([setarch, "-R", "true"], capture_output=True, check=False)
    return [setarch, "-R"] if works.returncode == 0 else []
