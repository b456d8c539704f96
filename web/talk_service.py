"""Visitors who speak from a page: what they are given for it, and what is theirs afterwards.

A talk is a call to the queue of the site. Its id is the public one, so the link that is signed for
it leads to its record.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from config.sites import Site
from ringback_client import EngineError

from .engine_requests import EngineRequests, refusal_of
from .errors import Refusal
from .progress import Progress, queued
from .visitor_request import TalkForm, kept_context, printable

_NOT_OF_VISITOR = ("caller", "dialled")
"""Of the context what the engine itself adds to that of every call."""


class TalkService:
    """Asks the engine for talks, and for what is kept of them."""

    def __init__(self, engine: EngineRequests) -> None:
        self._engine = engine

    async def admit(
        self, new_id: Callable[[], str], site: Site, form: TalkForm, address: str, origin: str
    ) -> dict[str, Any]:
        """A token with which the page calls the site's queue, once, and the `id` of the talk.

        Raises Refusal.
        """
        asked: dict[str, Any] = {
            "site": site.name,
            "queue": site.queue,
            "origin": origin,
            "name": printable(form.name or ""),
            "priority": site.priority,
            "max_wait_s": site.max_wait_s,
            "context": kept_context(site, form, address, time.time()),
        }
        try:
            return await self._admitted(new_id(), asked)
        except EngineError as error:
            if error.kind != "conflict":
                raise refusal_of(error) from None
        # The connection was lost before the answer came: that token is nobody's, and runs out.
        try:
            return await self._admitted(new_id(), asked)
        except EngineError as error:
            raise refusal_of(error) from None

    async def _admitted(self, talk_id: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        # The id comes first: an entry of the audit log that is cut has it still.
        admitted = await self._engine.call("browser.admit", id=talk_id, **asked)
        return {**admitted, "id": talk_id}

    async def progress(self, talk_id: str) -> Progress:
        """Whether it is over: its page knows the rest. Raises Refusal `engine`."""
        record = await self._record(talk_id)
        if record is None:
            return queued(talk_id)
        has_talked = record["state"] == "completed"
        return {"id": talk_id, "stage": "completed" if has_talked else "failed", "at": None}

    async def cancel(self, talk_id: str) -> Progress:
        """The page hangs up by itself. Raises Refusal `over`."""
        raise Refusal(409, "over")

    async def rate(self, talk_id: str, rating: int) -> None:
        """Write back how the visitor rates the talk. Raises Refusal `no_talk`, `engine`."""
        record = await self._record(talk_id)
        if record is None or record["talk_at"] is None:
            raise Refusal(409, "no_talk")
        await self._engine.rate(talk_id, rating)

    async def kept(self, talk_id: str) -> dict[str, Any]:
        """What is kept of a talk once it is over, for its visitor to see. Raises Refusal `engine`.

        It has the members that a callback has.
        """
        record = await self._record(talk_id)
        if record is None:
            return {"id": talk_id}
        context = record["context"].items()
        return {
            "id": talk_id,
            "to": None,
            "created": record["created"],
            "not_before": None,
            "context": {name: value for name, value in context if name not in _NOT_OF_VISITOR},
            "rating": record["rating"],
            "state": record["state"],
            "ended_at": record["ended_at"],
            **await self._engine.exported(call=talk_id),
        }

    async def erase(self, talk_id: str) -> None:
        """Erase what the talk left. Raises Refusal `not_over`, `engine`."""
        if not await self._engine.erase(call=talk_id):
            # It never began. The audit log has what the page has told for it.
            await self._engine.erase(request=talk_id)

    async def _record(self, talk_id: str) -> Mapping[str, Any] | None:
        """What became of it; None while it is up, and where it never began."""
        try:
            record: Mapping[str, Any] = await self._engine.call("record.get", id=talk_id)
        except EngineError as error:
            if error.kind in ("not_found", "refused"):
                return None
            raise Refusal(503, "engine") from None
        return record
