import mmap
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.bench import c_program, processes
from scripts.bench.c_relay import CRelay
from scripts.bench.machine import Machine


def test_cpu_time_of_a_process_is_its_own() -> None:
    before = processes.cpu_s(os.getpid())
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert processes.cpu_s(os.getpid()) - before == pytest.approx(0.05, abs=0.02)


def test_cpu_time_of_another_process() -> None:
    spin = "import time\nwhile time.process_time() < 0.2: pass\nprint(time.process_time())\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", spin], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        seen = float(child.stdout.readline())
        assert processes.cpu_s(child.pid) == pytest.approx(seen, abs=0.05)
        assert processes.descendants(os.getpid()).count(child.pid) == 1
        child.communicate("\n")


def test_memory_and_threads_of_this_process() -> None:
    before = processes.pss_bytes(os.getpid())
    # Mapped again: an array may be put where freed memory is still counted.
    with mmap.mmap(-1, 32 << 20) as block:
        for page in range(0, len(block), mmap.PAGESIZE):
            block[page] = 1
        assert processes.pss_bytes(os.getpid()) - before > 30 << 20
    assert processes.threads(os.getpid()) >= 1


def test_open_files_are_counted_by_kind(tmp_path: Path) -> None:
    before = processes.open_files(os.getpid())
    read, write = os.pipe()
    with (tmp_path / "file").open("w"):
        now = processes.open_files(os.getpid())
    os.close(read)
    os.close(write)
    assert now["pipe"] - before["pipe"] == 2
    assert now["file"] - before["file"] == 1


def test_without_a_compiler_the_c_relay_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_program, "COMPILERS", ("no-such-compiler",))
    with pytest.raises(c_program.NoCompiler, match="no C compiler here"):
        CRelay([])


def test_the_machine_reports_what_it_did() -> None:
    machine = Machine()
    time.sleep(0.3)
    seen = machine.words()
    assert "cores" in seen
    assert float(seen.partition("took ")[2].split()[0]) >= 1.0
