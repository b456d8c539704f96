"""The jobs of an earlier engine, until each has been looked at."""

from engine.callbacks.resumed_jobs import ResumedJobs
from tests.support.jobs import callback_job

NOW = 100.0


def test_it_says_once_that_all_that_are_due_have_been_looked_at() -> None:
    said: list[str] = []
    resumed = ResumedJobs()
    jobs = [callback_job("a"), callback_job("later", not_before=500.0), callback_job("b")]
    resumed.begin(jobs, NOW, lambda: said.append("done"))
    resumed.done()
    assert resumed and "a" in resumed and "later" not in resumed
    resumed.looked_at("a")
    resumed.looked_at("later")
    assert "a" not in resumed and said == []
    resumed.looked_at("b")
    resumed.looked_at("b")
    resumed.done()
    assert not resumed and said == ["done"]


def test_the_highest_priority_is_first_and_the_oldest_among_equals() -> None:
    jobs = [
        callback_job("old"),
        callback_job("urgent", priority=5),
        callback_job("new", not_before=NOW + 7),
    ]
    order = ResumedJobs().begin(jobs, NOW, lambda: None)
    assert [(job.id, at) for job, at in order] == [
        ("urgent", NOW), ("old", NOW), ("new", NOW + 7),
    ]  # fmt: skip


def test_without_any_it_says_so_at_once() -> None:
    said: list[str] = []
    resumed = ResumedJobs()
    resumed.begin([], NOW, lambda: said.append("done"))
    resumed.done()
    assert said == ["done"]
