"""Answers questions for A, AAAA, SRV and NAPTR, each put to the name servers once.

Which of them are asked for a peer is decided in sip/transport/resolver.py. However many wait for
an answer, the question is asked once.

What is asked for comes from /etc/hosts, from the cache, or from the name servers. While a name
that was known is not answered, its last answer is served (RFC 8767), so that a name service that
stalls delays only what it never answered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from .cache import Cache, Question
from .hosts_file import HostsFile
from .records import Answer, Kind, NameServiceError, Record

Ask = Callable[[str, Kind, float], Awaitable[Answer]]

LIMIT_S: Final = 5.0
"""How long the name servers have for one question."""
NOT_LONGER_S: Final = 0.05
"""How long more is waited for where an answer that will do is there: an old one, or that of the
other address family."""
MOST_QUESTIONS: Final = 256
"""Questions under way at once. Peers may name hosts, and must not make us ask without end."""


class Lookups:
    """Looks names up. `ask(name, kind, limit_s)` puts one question to the name servers."""

    def __init__(
        self, ask: Ask, hosts: HostsFile, cache: Cache | None = None, *, limit_s: float = LIMIT_S
    ) -> None:
        self._ask = ask
        self._hosts = hosts
        self._cache = cache or Cache()
        self._limit_s = limit_s
        self._under_way: dict[Question, asyncio.Task[Answer | str]] = {}
        self.stale_served = 0
        """Answers that were served after their time."""

    async def addresses(self, name: str, kinds: Sequence[Kind] = ("A", "AAAA")) -> list[str]:
        """The addresses of a name, those of the first kind before the others.

        Empty where it has none. Raises NameServiceError if nothing was answered.
        """
        known = self._hosts.addresses(name)
        if known:
            return [
                address
                for kind in kinds
                for address in known
                if (":" in address) == (kind == "AAAA")
            ]
        tasks = [asyncio.ensure_future(self.records(name, kind)) for kind in kinds]
        try:
            limit_s: float | None = None
            waiting = set(tasks)
            while waiting:
                done, waiting = await asyncio.wait(
                    waiting, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    break  # the family that is there will do
                if any(task.exception() is None and task.result() for task in done):
                    limit_s = NOT_LONGER_S
        finally:
            for task in tasks:
                task.cancel()
        answered = [task for task in tasks if task.done() and not task.cancelled()]
        failures = [failure for task in answered if (failure := task.exception()) is not None]
        found = [
            record
            for task in answered
            if task.exception() is None
            for record in task.result()
            if isinstance(record, str)
        ]
        if failures and not found:
            raise failures[0]
        return found

    async def records(self, name: str, kind: Kind) -> tuple[Record, ...]:
        """The records of a name; none where it has none. Raises NameServiceError."""
        question = (name.rstrip(".").lower(), kind)
        now = asyncio.get_running_loop().time()
        fresh = self._cache.fresh(question, now)
        if fresh is not None:
            if self._cache.is_ageing(question, now) and not self._cache.failure(question, now):
                self._task(question)  # so that the next call need not wait for it
            return fresh.records
        stale = self._cache.stale(question, now)
        answer: Answer | str | None = self._cache.failure(question, now)
        if answer is None:
            answer = await self._answer(question, None if stale is None else NOT_LONGER_S)
        if isinstance(answer, Answer):
            return answer.records
        if stale is None:
            raise NameServiceError(answer)
        self.stale_served += 1
        return stale.records

    async def _answer(self, question: Question, limit_s: float | None) -> Answer | str:
        """Wait for the answer. A text says why there is none, or none within `limit_s`."""
        task = self._task(question)
        if task is None:
            return f"{question[0]}: too many names are being looked up"
        await asyncio.wait([task], timeout=limit_s)
        if task.done() and not task.cancelled():
            return task.result()
        return _unanswered(question)

    def _task(self, question: Question) -> "asyncio.Task[Answer | str] | None":
        """The one task that puts this question. None where too many are being put."""
        task = self._under_way.get(question)
        if task is None and len(self._under_way) < MOST_QUESTIONS:
            task = asyncio.get_running_loop().create_task(self._put(question))
            self._under_way[question] = task
        return task

    async def _put(self, question: Question) -> Answer | str:
        """Ask one question, and keep the answer."""
        name, kind = question
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limit_s):
                answer = await self._ask(name, kind, self._limit_s)
        except (TimeoutError, NameServiceError) as error:
            reason = error.reason if isinstance(error, NameServiceError) else _unanswered(question)
            self._cache.store_failure(question, reason, loop.time())
            return reason
        else:
            self._cache.store(question, answer, loop.time())
            return answer
        finally:
            self._under_way.pop(question, None)

    async def close(self) -> None:
        """Give up what is being asked."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _unanswered(question: Question) -> str:
    return f"{question[0]}: no answer from the name service"
