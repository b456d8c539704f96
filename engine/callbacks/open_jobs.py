"""The open jobs, by their ids and by the numbers that they call."""

from collections.abc import Iterator, Mapping

from ..job import Job


class OpenJobs:
    """Every job that has not ended, and the numbers of those that are being accepted."""

    def __init__(self) -> None:
        self._by_id: dict[str, Job] = {}
        self._by_number: dict[str, dict[str, Job]] = {}
        self._accepting: dict[str, Job] = {}

    @property
    def by_id(self) -> Mapping[str, Job]:
        """Every open job by its id; always the same mapping."""
        return self._by_id

    def all(self) -> Iterator[Job]:
        """Every open job, and those that are being accepted."""
        yield from self._by_id.values()
        yield from (job for job in self._accepting.values() if job.id not in self._by_id)

    def get(self, job_id: str) -> Job | None:
        """The open job of this id, if there is one."""
        return self._by_id.get(job_id)

    def known(self, job_id: str) -> Job | None:
        """The job of this id that is open, or has been published and is about to be."""
        return self._by_id.get(job_id) or self._accepting.get(job_id)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._by_id

    def of_number(self, number: str | None) -> tuple[Job, ...]:
        """The open jobs that call this number (E.164), and those about to be accepted."""
        return tuple(self._by_number.get(number or "", {}).values())

    def expect(self, job: Job) -> None:
        """Note a job that is being accepted, and its number. `add` or `forget` follows."""
        self._accepting[job.id] = job
        self._know_number(job)

    def _know_number(self, job: Job) -> None:
        if job.called is not None:
            self._by_number.setdefault(job.called, {})[job.id] = job

    def forget(self, job: Job) -> None:
        """Forget a job that was not accepted."""
        self._accepting.pop(job.id, None)
        self._forget_number(job)

    def _forget_number(self, job: Job) -> None:
        jobs = self._by_number.get(job.called or "")
        if jobs is not None:
            jobs.pop(job.id, None)
            if not jobs:
                del self._by_number[job.called or ""]

    def add_job(self, job: Job) -> None:
        """Note an accepted job as open."""
        self._accepting.pop(job.id, None)
        self._by_id[job.id] = job
        self._know_number(job)

    def remove(self, job: Job) -> None:
        """Forget a job that has ended."""
        self._by_id.pop(job.id, None)
        self._forget_number(job)
