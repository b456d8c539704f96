"""Requests that are pipelined: never more at a time than the clients may have, each its own."""

import asyncio
from typing import Any

import pytest

from scripts.bench.accept_part import IN_FLIGHT, Requests
from tests.support import virtual_loop


class Clerk:
    """Answers each request after 10 ms."""

    def __init__(self, state: str = "queued") -> None:
        self.state = state
        self.asked: list[dict[str, Any]] = []
        self.waiting = self.most_waiting = 0

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        assert method == "callback.request"
        self.asked.append(params)
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        await asyncio.sleep(0.01)
        self.waiting -= 1
        return {"id": params["id"], "state": self.state}


def test_requests_are_shared_out_and_bounded() -> None:
    clerks = [Clerk(), Clerk()]

    async def story() -> None:
        await Requests(clerks).as_fast_as_answered(200)  # type: ignore[arg-type]

    virtual_loop.run(story())
    assert [len(clerk.asked) for clerk in clerks] == [100, 100]
    assert max(clerk.most_waiting for clerk in clerks) <= 2 * IN_FLIGHT
    assert len({params["to"] for clerk in clerks for params in clerk.asked}) == 200


def test_every_request_is_timed() -> None:
    async def story() -> list[float]:
        return await Requests([Clerk()]).at_rate(20, 500.0)  # type: ignore[list-item]

    assert len(virtual_loop.run(story())) == 20


def test_one_that_is_not_queued_is_no_acceptance() -> None:
    async def story() -> None:
        await Requests([Clerk("failed")]).at_rate(1, 500.0)  # type: ignore[list-item]

    with pytest.raises(RuntimeError, match="is failed, not queued"):
        virtual_loop.run(story())
