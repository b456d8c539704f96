"""The jobs of an earlier engine, until each has been looked at."""

from engine.callbacks.resumed_jobs import ResumedJobs


def test_it_says_once_that_all_have_been_looked_at() -> None:
    said: list[str] = []
    jobs = ResumedJobs()
    jobs.begin(["a", "b"], lambda: said.append("done"))
    jobs.done()
    assert jobs and "a" in jobs
    jobs.looked_at("a")
    jobs.looked_at("other")
    assert "a" not in jobs and said == []
    jobs.looked_at("b")
    jobs.looked_at("b")
    jobs.done()
    assert not jobs and said == ["done"]


def test_without_any_it_says_so_at_once() -> None:
    said: list[str] = []
    jobs = ResumedJobs()
    jobs.begin([], lambda: said.append("done"))
    jobs.done()
    assert said == ["done"]
