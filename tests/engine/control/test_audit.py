"""The audit log: what is written of whom, what is left out of it, and how it is read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config.sections import Store as StoreSettings
from engine.control.audit import PARAMS_BYTES, REPEATED_S, Audit, shown
from engine.control.peer import Peer
from engine.control.rights import Principal
from tests.support.engines.in_process import request, running, settings_in

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


async def test_the_log_of_an_engine(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, client):
        await client.callback(**request(id="a"))
        await client.call("callback.get", id="a")
        await client.call("callback.cancel", id="a")
        with pytest.raises(Exception, match="already ended"):
            await client.call("callback.cancel", id="a")
        page = await client.call("audit.list")
        seen = [(one["method"], one["outcome"]) for one in page["entries"]]
        assert seen == [
            ("callback.cancel", "state"), ("callback.cancel", "done"), ("callback.request", "done")
        ]  # fmt: skip
        assert page["entries"][2]["params"]["id"] == "a"
        assert "already ended" in page["entries"][0]["reason"]
        assert page["cursor"] is None

        first = await client.call("audit.list", limit=2)
        second = await client.call("audit.list", limit=2, cursor=first["cursor"])
        numbers = [one["number"] for one in (*first["entries"], *second["entries"])]
        assert numbers == sorted(numbers, reverse=True)

        only = await client.call("audit.list", outcome="done", method="callback.c")
        assert [one["method"] for one in only["entries"]] == ["callback.cancel"]
        assert (await client.call("audit.list", who="nobody"))["entries"] == []
        until = page["entries"][-1]["time"]
        assert (await client.call("audit.list", to=until))["entries"] == []
        assert len((await client.call("audit.list", **{"from": until}))["entries"]) >= 3
        for cursor in ("x", str(1 << 63)):
            with pytest.raises(Exception, match="cursor"):
                await client.call("audit.list", cursor=cursor)

        few = StoreSettings.model_construct(keep_audit=2)  # fewer than may be configured
        daemon.retention.configure(few, 0.0)
        await daemon.retention.sweep()
        left = (await client.call("audit.list"))["entries"]
        assert len(left) == 2
        daemon.retention.configure(StoreSettings(keep_audit_days=1e-9), 0.0)
        await daemon.retention.sweep()
        assert len((await client.call("audit.list"))["entries"]) <= 1
