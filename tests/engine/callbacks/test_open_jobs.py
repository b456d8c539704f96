"""Open jobs by id and by number: also those that are just being accepted."""

from engine.callbacks.open_jobs import OpenJobs
from engine.job import Job, Request

NUMBER = "+442079460123"


def job(name: str, called: str | None = NUMBER) -> Job:
    return Job(id=name, request=Request(to="x"), created=0.0, called=called)


def test_a_job_is_found_from_acceptance_to_its_end() -> None:
    jobs, one = OpenJobs(), job("one")
    jobs.expect(one)
    assert jobs.of_number(NUMBER) == (one,) and jobs.known("one") is one
    assert "one" not in jobs and jobs.get("one") is None and list(jobs.all()) == [one]
    jobs.add_job(one)
    assert "one" in jobs and jobs.get("one") is one and list(jobs.all()) == [one]
    assert jobs.by_id == {"one": one} and jobs.of_number(NUMBER) == (one,)
    jobs.remove(one)
    assert jobs.of_number(NUMBER) == () and jobs.known("one") is None and list(jobs.all()) == []


def test_one_that_was_not_accepted_leaves_nothing() -> None:
    jobs, one, other = OpenJobs(), job("one"), job("other")
    jobs.add_job(other)
    jobs.expect(one)
    jobs.forget(one)
    assert jobs.of_number(NUMBER) == (other,) and jobs.known("one") is None


def test_a_party_without_a_number_is_found_by_id_alone() -> None:
    jobs, one = OpenJobs(), job("one", called=None)
    jobs.add_job(one)
    assert jobs.get("one") is one
    assert jobs.of_number(None) == () and jobs.of_number("") == ()
    jobs.remove(one)
    assert list(jobs.all()) == []


def test_the_mapping_by_id_is_always_the_same() -> None:
    jobs = OpenJobs()
    seen = jobs.by_id
    jobs.add_job(job("one"))
    assert seen is jobs.by_id and list(seen) == ["one"]
