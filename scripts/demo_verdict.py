"""The demo's verdict: what each side heard, how long each step took, whether all of it holds."""

from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from .hearing import Heard

AGENT_HZ, CUSTOMER_HZ = 600, 1000
RINGING_HZ = 400  # of the British tone, 400 + 450 Hz
SETTLED_S = 0.3  # a phone's jitter buffer and the window of the hearing, after a change of source
LEAST_WHISPER_S = 1.0
MOST_LOSS_PACKETS = 0
MOST_JITTER_MS = 20.0
MOST_OTHER_SOUND_S = 0.3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must hold: what was measured, and whether it is as it should be."""

    side: str
    what: str
    measured: str
    holds: bool


@dataclass(slots=True)
class Verdict:
    """All findings, and the times of the set-up in ms."""

    findings: list[Finding] = field(default_factory=list)
    times: list[tuple[str, float]] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every finding holds."""
        return bool(self.findings) and all(finding.holds for finding in self.findings)

    def add(self, side: str, what: str, measured: str, holds: bool) -> None:
        """Take one finding."""
        self.findings.append(Finding(side, what, measured, holds))

    def show(self, console: Console) -> None:
        """Print both tables."""
        times = Table(title="Set-up times")
        times.add_column("step")
        times.add_column("ms", justify="right")
        for step, milliseconds in self.times:
            times.add_row(step, f"{milliseconds:.1f}")
        heard = Table(title="What was heard")
        for name in ("side", "what", "measured", "holds"):
            heard.add_column(name)
        for item in self.findings:
            mark = "[green]yes[/]" if item.holds else "[bold red]NO[/]"
            heard.add_row(item.side, item.what, item.measured, mark)
        console.print(times)
        console.print(heard)


def judge(
    job: dict[str, Any],
    requested: float,
    hung_up: float,
    heard: dict[str, Heard],
    stats: dict[str, dict[str, Any]],
) -> Verdict:
    """Judge a completed agent-first callback; `heard` and `stats` by side, times in Unix time."""
    verdict = Verdict()
    agent, customer = job["attempts"][-1]["legs"]
    joined = job["bridged_at"]
    _judge_agent(verdict, heard["agent"], agent, customer, joined, hung_up)
    _judge_customer(verdict, heard["customer"], joined, hung_up)
    for side in ("agent", "customer"):
        _judge_stream(verdict, side, stats[side])
    verdict.add("both", "callback completed", str(job["cause"]), job["state"] == "completed")
    verdict.times = [
        ("request → agent rings", 1000 * (agent["ringing"] - requested)),
        ("agent rings → answers", 1000 * (agent["answered"] - agent["ringing"])),
        ("agent answers → INVITE to customer (the whisper)",
         1000 * (customer["started"] - agent["answered"])),
        ("INVITE to customer → customer answers",
         1000 * (customer["answered"] - customer["started"])),
        ("customer answers → joined", 1000 * (joined - customer["answered"])),
    ]  # fmt: skip
    return verdict


def _judge_agent(
    verdict: Verdict,
    heard: Heard,
    agent: dict[str, Any],
    customer: dict[str, Any],
    joined: float,
    hung_up: float,
) -> None:
    side = "agent"
    whisper = heard.at(agent["answered"], customer["started"])
    speech_s = whisper.other_s(AGENT_HZ, CUSTOMER_HZ, RINGING_HZ)
    verdict.add(
        side,
        "whisper before the customer is called",
        f"speech for {speech_s:.1f} s, {whisper.level_dbfs():.0f} dBFS",
        speech_s >= LEAST_WHISPER_S,
    )
    ringing_s = heard.at(customer["started"], joined).tone_s(RINGING_HZ)
    verdict.add(side, "ringing until the customer is there", f"{ringing_s:.1f} s", ringing_s >= 0.3)
    _judge_talk(verdict, side, heard, joined, hung_up, partner=CUSTOMER_HZ, own=AGENT_HZ)


def _judge_customer(verdict: Verdict, heard: Heard, joined: float, hung_up: float) -> None:
    side = "customer"
    _judge_talk(verdict, side, heard, joined, hung_up, partner=AGENT_HZ, own=CUSTOMER_HZ)
    other_s = heard.other_s(AGENT_HZ)
    verdict.add(
        side, "no whisper, nothing else", f"other sound: {other_s:.1f} s",
        other_s <= MOST_OTHER_SOUND_S,
    )  # fmt: skip


def _judge_talk(
    verdict: Verdict,
    side: str,
    heard: Heard,
    joined: float,
    hung_up: float,
    *,
    partner: float,
    own: float,
) -> None:
    talk = heard.at(joined + SETTLED_S, hung_up)
    partner_s, own_s = talk.tone_s(partner), talk.tone_s(own)
    verdict.add(
        side,
        f"partner's tone ({partner:g} Hz)",
        f"{partner_s:.1f} s of {talk.duration_s:.1f} s",
        talk.duration_s > 1 and partner_s >= 0.8 * talk.duration_s,
    )
    verdict.add(side, f"not its own tone ({own:g} Hz)", f"{own_s:.1f} s", own_s == 0)


def _judge_stream(verdict: Verdict, side: str, stats: dict[str, Any]) -> None:
    received, lost, jitter_ms = (stats.get(name, 0) for name in ("received", "lost", "jitter_ms"))
    verdict.add(
        side, "loss", f"{lost} of {received + lost} packets",
        received > 0 and lost <= MOST_LOSS_PACKETS,
    )  # fmt: skip
    verdict.add(side, "jitter", f"{jitter_ms:.2f} ms", jitter_ms <= MOST_JITTER_MS)
