"""The kernel and the processors: file limits, buffers, steal, governor, clock, memory."""

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from media.priority import Turn
from sip.transport.udp import RECEIVE_BUFFER_BYTES

from .finding import Finding

FILES_OF_A_CALL: Final = 6
FILES_OF_THE_ENGINE: Final = 300
"""What is open before the first call: sockets, the store, logs, processes that speak."""
MOST_STEAL_PERCENT: Final = 2.0
LEAST_MEMORY_MIB: Final = 300
SLOW_CLOCKS: Final = ("hpet", "acpi_pm", "jiffies")

_CAP_SYS_NICE: Final = 23  # capabilities(7)
_TIMEX_BYTES: Final = 512
_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised


def clock_state() -> int | None:
    """What adjtimex(2) says of the clock, which it does not change; None: it says nothing."""
    state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return state if state >= 0 else None


class Machine:
    """The machine under `root`, which is another one in tests. `pid`: one of the engine's,
    whose limits count; None: those of this process do."""

    def __init__(
        self,
        root: Path = Path("/"),
        pid: int | None = None,
        clock: Callable[[], int | None] = clock_state,
    ) -> None:
        self._root = root
        self._process = f"proc/{pid or 'self'}"
        self._clock = clock

    def read(self, path: str) -> str:
        """The text of a file of the kernel; "" where there is none."""
        try:
            return (self._root / path).read_text()
        except OSError:
            return ""

    def findings(self, max_calls: int, workers: int) -> Iterator[Finding]:
        """What is found, for an engine with this number of calls and of media workers."""
        yield from self._files(max_calls)
        yield from self._precedence()
        yield from self._buffers()
        yield from self._processors(workers)
        yield from self._memory()
        yield from self._time()

    # -- limits -------------------------------------------------------------------------------

    def _hard_limit(self, name: str) -> str:
        """A limit of three words of the process, which may be `unlimited`; "": there is none."""
        lines = self.read(f"{self._process}/limits").splitlines()
        return next((one.split()[4] for one in lines if one.startswith(name)), "")

    def _precedence(self) -> Iterator[Finding]:
        hard = self._hard_limit("Max realtime priority")
        if not hard:
            return
        status = self.read(f"{self._process}/status").splitlines()
        rights = next((one.split()[1] for one in status if one.startswith("CapEff")), "0")
        if int(rights, 16) >> _CAP_SYS_NICE & 1 or hard == "unlimited" or int(hard) >= max(Turn):
            yield Finding("packets", "ok", "Packets go before everything else on the machine.")
            return
        yield Finding(
            "packets",
            "note",
            "Packets may not go before everything else (SCHED_RR): beside other work they are late "
            "by some ten milliseconds.",
            f"Set LimitRTPRIO={max(Turn):d} in the unit (systemctl edit ringback), or "
            f"ulimit -r {max(Turn):d} before the start.",
        )

    def _files(self, max_calls: int) -> Iterator[Finding]:
        hard = self._hard_limit("Max open files")
        if not hard:
            return
        if hard == "unlimited":
            yield Finding("open files", "ok", "A process may open any number of files.")
            return
        room = max(0, int(hard) - FILES_OF_THE_ENGINE) // FILES_OF_A_CALL
        what = f"A process may open {hard} files: room for some {room} calls at once."
        if room >= max_calls:
            yield Finding("open files", "ok", what)
            return
        needed = FILES_OF_THE_ENGINE + FILES_OF_A_CALL * max_calls
        yield Finding(
            "open files",
            "warning",
            f"{what[:-1]}, and dial.max_calls is {max_calls}.",
            f"Set LimitNOFILE={needed} in the unit (systemctl edit ringback), or ulimit -Hn "
            "before the start; or lower dial.max_calls.",
        )

    def _buffers(self) -> Iterator[Finding]:
        text = self.read("proc/sys/net/core/rmem_max").strip()
        if text.isdigit():
            most, wanted = int(text), RECEIVE_BUFFER_BYTES
            if most >= wanted:
                yield Finding("buffers", "ok", f"net.core.rmem_max is {most}.")
            else:
                yield Finding(
                    "buffers",
                    "warning",
                    f"net.core.rmem_max is {most}, and SIP over UDP asks for {wanted} bytes: "
                    "a burst of calls may lose messages, which are sent again half a second later.",
                    f"sysctl -w net.core.rmem_max={wanted}, and the same line in /etc/sysctl.d/.",
                )
        text = self.read("proc/sys/net/core/somaxconn").strip()
        if text.isdigit() and int(text) < 1024:
            yield Finding(
                "buffers",
                "note",
                f"net.core.somaxconn is {text}: of more clients that connect at once, some wait.",
                "sysctl -w net.core.somaxconn=4096",
            )

    # -- processors and memory ----------------------------------------------------------------

    def _processors(self, workers: int) -> Iterator[Finding]:
        count = len(os.sched_getaffinity(0))
        what = f"{count} processors for the engine and {workers} media worker(s)."
        if workers >= count > 1 or (count == 1 and workers > 1):
            yield Finding(
                "processors", "warning", what,
                "Have fewer media.workers than processors, so that one is left for the engine.",
            )  # fmt: skip
        else:
            yield Finding("processors", "ok", what)
        times = self.read("proc/stat").partition("\n")[0].split()
        if len(times) > 8 and (total := sum(map(int, times[1:9]))):
            steal = 100.0 * int(times[8]) / total
            if steal > MOST_STEAL_PERCENT:
                yield Finding(
                    "processors",
                    "warning",
                    f"{steal:.1f} % of the time since the start of the machine, its processors "
                    "were given to other guests (steal): packets are late then.",
                    "Give this virtual machine processors of its own.",
                )
            else:
                yield Finding("processors", "ok", f"Steal is {steal:.1f} %.")
        governor = self.read("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()
        if governor == "powersave":
            yield Finding(
                "processors",
                "note",
                "The processors save power: the governor is powersave.",
                "cpupower frequency-set -g performance, or the profile latency-performance of "
                "tuned, makes a callback cost a tenth less.",
            )
        elif governor:
            yield Finding("processors", "ok", f"The governor is {governor}.")

    def _memory(self) -> Iterator[Finding]:
        lines = self.read("proc/meminfo").splitlines()
        free = next((int(one.split()[1]) for one in lines if one.startswith("MemAvailable")), None)
        if free is None:
            return
        mib = free // 1024
        if mib < LEAST_MEMORY_MIB:
            yield Finding(
                "memory", "warning", f"{mib} MiB of memory are available.",
                f"Have {LEAST_MEMORY_MIB} MiB: 130 for an engine that starts, 40 KiB for each "
                "call, the rest for speech and pages of the store.",
            )  # fmt: skip
        else:
            yield Finding("memory", "ok", f"{mib} MiB of memory are available.")

    # -- time ---------------------------------------------------------------------------------

    def _time(self) -> Iterator[Finding]:
        state = self._clock()
        if state == _TIME_ERROR:
            yield Finding(
                "clock",
                "warning",
                "The clock of this machine is not kept right: calls would be made at wrong times.",
                "Run chronyd, ntpd or systemd-timesyncd (timedatectl set-ntp true).",
            )
        elif state is not None:
            yield Finding("clock", "ok", "The clock is kept right by the network.")
        source = self.read(
            "sys/devices/system/clocksource/clocksource0/current_clocksource"
        ).strip()
        if source in SLOW_CLOCKS:
            yield Finding(
                "clock",
                "warning",
                f"The kernel reads the time from {source}, which takes a microsecond and more.",
                "Boot with clocksource=tsc where the processor has a stable one.",
            )
