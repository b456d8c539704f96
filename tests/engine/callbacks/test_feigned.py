"""How a callback would go at which nobody answers, for a request of which none is made."""

from pathlib import Path
from typing import Any

import pytest

from config.sections import Dial
from engine.callbacks.feigned import feigned
from engine.job import Request, RetryRule
from tests.support.engines.in_process import refused_by_engine, running, settings_in

MORE = """
[[queues]]
name = "sales"
[[queues]]
name = "small"
max_length = 2
[limits.source]
per_hour = 2
"""
ASKED = {"to": "+442079460123", "queue": "sales", "to_kind": "number", "join": False}


def request(**more: Any) -> Request:
    given: dict[str, Any] = {
        "to": "+442079460123",
        "ring_s": 20.0,
        "max_attempts": 3,
        "max_duration_s": 60.0,
    }
    return Request(**(given | more))


@pytest.mark.parametrize(
    ("retry", "attempts", "spacing_s"),
    [
        ({}, 3, [5.0, 5.0]),
        ({"no_answer": RetryRule(attempts=4, spacing_s=(9.0, 60.0))}, 3, [9.0, 60.0]),
        ({"no_answer": RetryRule(attempts=1)}, 1, []),
        ({"busy": RetryRule(attempts=9)}, 2, [5.0]),
    ],
)
def test_it_is_tried_as_often_as_one_whose_customer_does_not_answer(
    retry: dict[Any, RetryRule], attempts: int, spacing_s: list[float]
) -> None:
    found = feigned(request(retry=retry), Dial(max_attempts=2, retry_s=5.0))
    assert (found["attempts"], found["spacing_s"], found["ring_s"]) == (attempts, spacing_s, 20.0)
    assert not found["whispers"]


async def test_a_request_is_refused_as_any_other_and_makes_no_job(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, more=MORE)) as (_daemon, client):
        await client.call("number.block", number=ASKED["to"])
        later = {"not_before": 4e9}
        found = await client.call("callback.feign", **ASKED, **later)
        assert (found["would_be_due"], found["order"], found["whispers"]) == (
            4e9,
            "agent_first",
            False,
        )
        assert (await client.call("callback.list"))["jobs"] == []
        for wrong, field in (
            ({"to": "0906 123 4567", "region": "GB"}, "to"), ({"to": "112"}, "to"),
            ({"queue": "nowhere"}, "queue"), ({"customer_script": "none"}, "customer_script"),
        ):  # fmt: skip
            error = await refused_by_engine(client, "callback.feign", **(ASKED | wrong))
            assert error.field == field
        small = ASKED | {"queue": "small"}
        await client.call("callback.feign", **small, queue_taken=1)
        for method in ("callback.feign", "callback.request"):
            to = {"to": "+442079460124"}
            error = await refused_by_engine(client, method, **(small | to), queue_taken=2)
            assert (error.kind, error.data["reason"]) == ("unavailable", "full")


async def test_it_counts_for_its_source_and_not_for_its_number(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, more=MORE)) as (_daemon, client):
        for id in ("a", "a", "b"):  # the same twice is one
            await client.call("callback.feign", **ASKED, id=id, source="192.0.2.7")
        for method in ("callback.feign", "callback.request"):
            error = await refused_by_engine(client, method, **ASKED, id="c", source="192.0.2.7")
            assert (error.data["policy"], error.data["limit"]) == ("velocity", "source")
        await client.call("callback.request", **ASKED, id="d", source="192.0.2.8")


async def test_places_of_which_the_engine_does_not_know_are_no_part_of_what_is_asked(
    tmp_path: Path,
) -> None:
    async with running(settings_in(tmp_path, more=MORE)) as (_daemon, client):
        first = await client.call("callback.request", **ASKED, id="a", not_before=4e9)
        again = await client.call(
            "callback.request", **ASKED, id="a", not_before=4e9, queue_taken=1
        )
        assert (again["id"], again["replayed"]) == (first["id"], True)
