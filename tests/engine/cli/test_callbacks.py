"""`ringback callback` and what is done with jobs, against an engine."""

import time

import pytest
from rich.console import Console

from engine.cli import callbacks
from engine.daemon import Daemon
from tests.support.command_line import ringback
from tests.support.engines.in_process import RunningEngine

NUMBER = "+442079460123"
LATER = ("--not-before", "4000000000")


@pytest.fixture
def daemon(engine: RunningEngine) -> Daemon:
    return engine.daemon


async def test_every_option_reaches_the_engine(daemon: Daemon) -> None:
    socket = daemon.settings.control.socket
    done = await ringback(
        socket, "callback", NUMBER, "--agent", "alice", "--id", "x", *LATER,
        "--number", "+442079460777", "--number", "+442079460888", "--site", "shop",
        "--source", "192.0.2.1", "--skill", "german=3", "--known-agent", "alice",
        "--on-crash", "ask", "--retry", "busy=3,60,300", "--no-join", "--script", "gold", "--json",
    )  # fmt: skip
    assert done.json["id"] == "x"
    request = daemon.dispatcher.jobs["x"].request
    assert request.numbers == ["+442079460777", "+442079460888"]
    assert (request.site, request.source, request.script) == ("shop", "192.0.2.1", "gold")
    assert (request.skills, request.known_agent, request.on_crash) == (
        {"german": 3}, "alice", "ask",
    )  # fmt: skip
    assert (request.retry["busy"].attempts, request.retry["busy"].spacing_s) == (3, (60.0, 300.0))
    joined = await ringback(socket, "callback", NUMBER, "--agent", "alice", *LATER, "--json")
    assert joined.json["joined_to"] == "x"


@pytest.mark.parametrize(
    "option", [("--skill", "german"), ("--retry", "busy"), ("--on-crash", "pray")]
)
async def test_options_that_make_no_sense_are_usage_errors(
    daemon: Daemon, option: tuple[str, str]
) -> None:
    socket = daemon.settings.control.socket
    await ringback(socket, "callback", NUMBER, "--agent", "alice", *option, status=2)
    assert not daemon.dispatcher.jobs


async def test_jobs_are_changed_from_the_shell(daemon: Daemon) -> None:
    socket = daemon.settings.control.socket
    await ringback(socket, "callback", NUMBER, "--agent", "alice", "--id", "x", *LATER)
    await ringback(
        socket, "reschedule", "x", "--not-before", "+3600", "--deadline", "+7200",
        "--number", "+442079460777",
    )  # fmt: skip
    job = daemon.dispatcher.jobs["x"]
    assert job.request.not_before == pytest.approx(time.time() + 3600, abs=60)
    assert job.request.numbers == ["+442079460777"]
    assert (await ringback(socket, "reprioritise", "x", "9", "--json")).json["priority"] == 9
    await ringback(socket, "decide", "x", "retry", status=1)
    await ringback(socket, "decide", "x", "perhaps", status=2)
    for span, found in ((("--from", "-1h"), ["x"]), (("--to", "-1h", "--zone", "UTC"), [])):
        listed = await ringback(socket, "jobs", *span, "--json")
        assert [job["id"] for job in listed.json["jobs"]] == found
    shown = await ringback(socket, "jobs", "x", "--json")
    assert shown.json["state"] == "queued"
    await ringback(socket, "callback", NUMBER, "--agent", "alice", *LATER)
    for_people = (await ringback(socket, "jobs", "x")).text.split()
    for word in ("priority", "9", "not_before", "deadline", "further", "requests", "1"):
        assert word in for_people
    await ringback(socket, "cancel", "x")
    await ringback(socket, "reschedule", "x", "--not-before", "+1", status=1)


def test_empty_list_of_jobs_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(width=160, record=True)
    monkeypatch.setattr(callbacks, "console", console)
    callbacks.print_jobs({"jobs": [], "cursor": None})
    assert "cause" in console.export_text()


async def test_a_poisoned_job_is_shown_and_released(daemon: Daemon) -> None:
    socket = daemon.settings.control.socket
    await ringback(socket, "callback", NUMBER, "--agent", "alice", "--id", "x", *LATER)
    job = daemon.dispatcher.jobs["x"]
    job.enter("poisoned")
    job.crashes, job.scheduled = 2, "it was under way in 2 crashes"
    await daemon.store.save(job, durable=True)
    listed = await ringback(socket, "jobs", "--state", "poisoned")
    assert "x" in listed.text
    assert "poisoned" in listed.text
    assert "2 crashes" in listed.text
    shown = await ringback(socket, "jobs", "x")
    assert "poisoned" in shown.text
    assert "2 crashes" in shown.text
    await ringback(socket, "decide", "x", "retry")
    assert job.state == "queued"


def test_a_job_that_has_cost_something_says_so() -> None:
    job = {"cost": {"amount": 0.17, "currency": "EUR"}, "joined": 2, "offers": [
        {"agent": "alice", "result": "no_answer"}, {"agent": "bob", "result": None},
    ]}  # fmt: skip
    assert callbacks._further(job) == {
        "further requests": "2", "offered to": "alice (no_answer), bob (rings)", "cost": "0.17 EUR",
    }  # fmt: skip
    assert callbacks._further({"cost": {"amount": 0.0, "currency": "EUR"}}) == {}
