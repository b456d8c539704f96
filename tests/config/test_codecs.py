"""The codecs of trunks and agents, and how long packets are."""

import pytest
from pydantic import ValidationError

from config.agents import Agent
from config.sections import Trunk


def trunk(**keys: object) -> Trunk:
    return Trunk.model_validate({"name": "carrier", "uri": "sip:192.0.2.1", **keys})


def test_codecs_are_named_in_any_case() -> None:
    names = ["G.722", "Opus", "pcma", "PCMU", "l16"]
    assert trunk(codecs=names).codecs == ["G722", "opus", "PCMA", "PCMU", "L16"]
    agent = Agent.model_validate({"name": "alice", "uri": "sip:a@192.0.2.2", "codecs": ["OPUS"]})
    assert agent.codecs == ["opus"]


def test_what_is_left_out() -> None:
    assert (trunk().codecs, trunk().ptime_ms, trunk().comfort_noise) == ([], 20, False)


@pytest.mark.parametrize("codecs", [["G729"], ["opus", "Opus"], "PCMU", [17], ["G.722", "G722"]])
def test_codecs_that_there_are_not(codecs: object) -> None:
    with pytest.raises(ValidationError):
        trunk(codecs=codecs)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 50, 60])
def test_packets_of_10_to_60_ms(ptime_ms: int) -> None:
    assert trunk(ptime_ms=ptime_ms).ptime_ms == ptime_ms


@pytest.mark.parametrize("ptime_ms", [0, 5, 15, 70, -20, "20"])
def test_packets_that_cannot_be_sent(ptime_ms: object) -> None:
    with pytest.raises(ValidationError):
        trunk(ptime_ms=ptime_ms)
