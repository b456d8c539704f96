"""Requests to the engine for visitors, and what they are told where the engine does not do it."""

import asyncio
import time
from typing import Any

import structlog

from ringback_client import Client, ClientError, ConnectionLost, EngineError, RequestRejected

from .errors import Refusal

log = structlog.get_logger()

RETRY_S = 2.0


class EngineRequests:
    """Asks the engine. What it does not do is a Refusal, or an EngineError to be told apart."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reading = asyncio.Lock()

    async def call(self, method: str, **params: Any) -> Any:
        """The result of a request. Raises EngineError, and Refusal where nothing answers."""
        try:
            return await self._client.call(method, **params)
        except RequestRejected as error:
            if error.field == "to":
                raise Refusal(422, "invalid_number", field="number") from None
            raise Refusal(400, "bad_request") from None
        except ConnectionLost:
            # The request has the same id each time, so it may be sent again.
            try:
                return await self._client.call(method, **params)
            except ClientError:
                raise Refusal(503, "engine", retry_after_s=RETRY_S) from None
        except ClientError:
            raise Refusal(503, "engine", retry_after_s=RETRY_S) from None

    async def exported(self, **whose: str) -> dict[str, Any]:
        """When what happened in a job, call or request, and how much is recorded.

        Agents and their notes are nobody's here. The talk itself is not handed out: who has the
        link need not be who was called. Raises Refusal `engine`.
        """
        events: list[dict[str, Any]] = []
        recorded_bytes, cursor = 0, None
        async with self._reading:  # the whole event log is read for it
            while True:
                try:
                    page = await self.call("person.export", **whose, cursor=cursor)
                except EngineError:
                    raise Refusal(503, "engine", retry_after_s=RETRY_S) from None
                for item in page["items"]:
                    data = item["data"]
                    if item["kind"] == "event":
                        events.append({"type": data["type"], "time": data["time"]})
                    elif item["kind"] == "recording":
                        recorded_bytes += data["bytes"]
                cursor = page["cursor"]
                if cursor is None:
                    return {"events": events, "recorded_bytes": recorded_bytes}

    async def erase(self, **whose: str) -> bool:
        """Erase what is kept of a job, call or request. Gives whether there is such a one.

        Raises Refusal `not_over`, `engine`.
        """
        try:
            async with self._reading:
                await self.call("person.erase", **whose)
        except EngineError as error:
            if error.kind == "state":  # its call is up, or is being hung up yet
                raise Refusal(409, "not_over") from None
            # A call that never began is nobody's, and so not the gateway's either.
            if error.kind == "not_found" or (error.kind, error.field) == ("refused", "call"):
                return False
            raise Refusal(503, "engine", retry_after_s=RETRY_S) from None
        return True

    async def rate(self, id: str, rating: int) -> None:
        """Write back how the visitor rates a talk. Raises Refusal `engine`."""
        try:
            await self.call("callback.annotate", id=id, rating=rating)
        except EngineError:
            raise Refusal(503, "engine", retry_after_s=RETRY_S) from None


def refusal_of(error: EngineError) -> Refusal:
    """What a visitor is told of why the engine refuses, which is no more than they need."""
    data = error.data
    opens_at = data.get("opens_at")
    if data.get("reason") == "slot_full":
        return Refusal(409, "slot", field="when")
    if error.kind == "unavailable" and data.get("reason") == "full":
        return Refusal(503, "busy", retry_after_s=60.0)
    if data.get("policy") == "hours" or data.get("reason") == "closed" or opens_at is not None:
        reason = "closed" if opens_at is not None else "closed_now"
        return Refusal(409, reason, opens_at=opens_at)
    if error.kind == "unavailable":
        return Refusal(503, "busy", retry_after_s=60.0)
    if data.get("limit") in ("site", "source", "total"):
        wait_s = (data.get("retry_at") or 0.0) - time.time()
        return Refusal(429, "too_many", retry_after_s=max(wait_s, 60.0))
    if data.get("policy") is not None:
        return Refusal(422, "number", field="number")
    if error.kind == "refused" and error.field == "to":
        return Refusal(422, "invalid_number", field="number")
    # Nothing that the visitor can mend: the site's owner has to, a queue or script that is gone.
    log.error("refused_by_engine", reason=error.message, field=error.field)
    return Refusal(503, "engine", retry_after_s=RETRY_S)
