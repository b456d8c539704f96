"""The audit log: what is written of whom, what is left out of it, and how it is read."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from engine.control.audit import PARAMS_BYTES, REPEATED_S, Audit, shown
from engine.control.connections.peer import Peer
from engine.control.rights import Principal

BOARD = Principal("board", "read")
PEER = Peer("tcp", address="192.0.2.1:5000")


class Kept:
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.now = 100.0

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        assert table == "audit"
        self.rows.append(dict(row))


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def audit(kept: Kept) -> Audit:
    return Audit(kept, clock=lambda: kept.now)


def test_a_change(audit: Audit, kept: Kept) -> None:
    audit.done(Principal("alice", "none", "alice"), PEER, "agent.pause", b'{"agent":"alice"}')
    assert kept.rows == [
        {
            "time": 100.0,
            "who": "alice",
            "role": "agent",
            "peer": "tcp 192.0.2.1:5000",
            "method": "agent.pause",
            "params": '{"agent":"alice"}',
            "outcome": "done",
            "reason": None,
            "repeated": 0,
        }
    ]


def test_one_refusal_over_and_over_is_written_once_a_second(audit: Audit, kept: Kept) -> None:
    for port in range(50):
        peer = Peer("tcp", address=f"192.0.2.1:{port}")
        audit.refused(BOARD, peer, "engine.drain", b"{}", "no right")
    audit.refused(BOARD, PEER, "engine.reload", b"{}", "no right")
    assert [row["method"] for row in kept.rows] == ["engine.drain", "engine.reload"]
    kept.now += REPEATED_S
    audit.refused(BOARD, PEER, "engine.drain", b"{}", "no right")
    assert kept.rows[-1]["repeated"] == 49


def test_unknown_peers_do_not_fill_the_memory(audit: Audit, kept: Kept) -> None:
    for number in range(5000):
        audit.refused(BOARD, PEER, f"m{number}", b"{}", "no right")
    assert len(audit._refusals) <= 1000
    assert len(kept.rows) == 5000


@pytest.mark.parametrize(
    "params",
    [
        {"token": "geheim"},
        {"a": [{"api_password": "geheim"}]},
        {"Secret": {"x": "geheim"}, "token_of": 1},
    ],
)
def test_secrets_are_left_out(params: dict[str, Any]) -> None:
    assert "geheim" not in shown(json.dumps(params).encode())


def test_secrets_under_another_spelling_of_their_name() -> None:
    assert "geheim" not in shown(b'{"pass\\u0077ord":"geheim"}')
    assert shown(b'{"token":') == ""


def test_long_parameters_are_cut() -> None:
    text = shown(json.dumps({"context": {"x": "y" * 10_000}}).encode())
    assert len(text) == PARAMS_BYTES
    assert text.endswith("…")
    assert shown(b'{"to":"+44"}') == '{"to":"+44"}'
