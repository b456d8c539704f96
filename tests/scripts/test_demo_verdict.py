"""scripts/demo_verdict.py: a demo whose sound is wrong must not pass."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scripts.demo_verdict import AGENT_HZ, CUSTOMER_HZ, Verdict, judge
from scripts.hearing import Heard

from .test_hearing import RATE, silence, sine

# Agent answers at 100, whisper of 2 s, customer rings from 102 to 103.5, talk until 107.
JOB: dict[str, Any] = {
    "state": "completed",
    "cause": "customer hung up",
    "bridged_at": 103.51,
    "attempts": [
        {
            "legs": [
                {"started": 99.0, "ringing": 99.1, "answered": 100.0},
                {"started": 102.0, "ringing": 102.1, "answered": 103.5},
            ]
        }
    ],
}
STATS = {"received": 350, "lost": 0, "jitter_ms": 0.5}
SPEECH = np.random.default_rng(7).normal(0, 0.1, 2 * RATE)  # sound that is no tone
RINGING = np.concatenate([sine(400, 0.4, 0.1) + sine(450, 0.4, 0.1), silence(1.1)])


def agent(
    whisper: NDArray[np.float64] = SPEECH,
    ringing: NDArray[np.float64] = RINGING,
    talk_hz: float = CUSTOMER_HZ,
) -> Heard:
    return Heard(np.concatenate([whisper, ringing, sine(talk_hz, 3.5)]), RATE, 100.0)


def customer(before: NDArray[np.float64] | None = None, talk_hz: float = AGENT_HZ) -> Heard:
    start = silence(0) if before is None else before
    return Heard(np.concatenate([start, sine(talk_hz, 3.5)]), RATE, 103.5 - len(start) / RATE)


def verdict(
    agent_heard: Heard, customer_heard: Heard, job: dict[str, Any] = JOB, **stats: float
) -> Verdict:
    heard = {"agent": agent_heard, "customer": customer_heard}
    return judge(job, 99.0, 107.0, heard, dict.fromkeys(heard, STATS | stats))


def test_a_callback_as_it_should_be_holds() -> None:
    result = verdict(agent(), customer())
    assert [f"{item.side} {item.what}" for item in result.findings if not item.holds] == []
    assert result.holds
    assert [round(milliseconds) for _, milliseconds in result.times] == [100, 900, 2000, 1500, 10]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (lambda: verdict(agent(whisper=silence(2)), customer()), "whisper"),
        (lambda: verdict(agent(ringing=silence(1.5)), customer()), "ringing"),
        (lambda: verdict(agent(talk_hz=AGENT_HZ), customer()), "own tone"),
        (lambda: verdict(agent(talk_hz=1700), customer()), "partner's tone"),
        (lambda: verdict(agent(), customer(talk_hz=CUSTOMER_HZ)), "own tone"),
        (lambda: verdict(agent(), customer(before=SPEECH)), "no whisper"),
        (lambda: verdict(agent(), customer(before=RINGING)), "no whisper"),
        (lambda: verdict(agent(), customer(), lost=1), "loss"),
        (lambda: verdict(agent(), customer(), received=0), "loss"),
        (lambda: verdict(agent(), customer(), jitter_ms=30.0), "jitter"),
        (lambda: verdict(agent(), customer(), JOB | {"state": "failed"}), "completed"),
    ],
)
def test_whatever_is_wrong_is_found(wrong: Any, what: str) -> None:
    result = wrong()
    assert not result.holds
    assert any(what in item.what for item in result.findings if not item.holds)


def test_a_verdict_without_findings_does_not_hold() -> None:
    assert not Verdict().holds
