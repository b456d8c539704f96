"""The alerts of the live screen: what needs attention now, in a sentence each."""

from collections.abc import Iterator, Mapping
from typing import Any

View = Mapping[str, Any]

# States of agents who take a call, now or after what they do now.
AT_WORK = frozenset({"available", "reserved", "ringing", "talking", "wrap_up"})
STORE_BACKLOG = 10_000
FAILED_LATELY_S = 60.0


def alerts(view: View) -> list[str]:
    """What needs attention now, worst first."""
    engine, now = view["engine"], view["time"]
    return [
        *_of_store(engine.get("store", {}), now),
        *_of_media(engine),
        *_of_trunks(engine.get("trunks", ())),
        *_of_queues(view),
        *_of_webhooks(engine.get("webhooks", ()), now),
        *(["draining: takes no new callbacks"] if engine.get("draining") else []),
    ]


def _of_store(store: View, now: float) -> Iterator[str]:
    error = store.get("last_error")
    if error is not None and now - error["time"] < FAILED_LATELY_S:
        yield f"the store cannot write: {error['message']}"
    elif store.get("pending", 0) > STORE_BACKLOG:
        yield f"the store is behind: {store['pending']} rows are not on the disk"


def _of_media(engine: View) -> Iterator[str]:
    if engine.get("media_workers") == 0:
        yield "no media worker runs: no call can be made"


def _of_trunks(trunks: Any) -> Iterator[str]:
    for trunk in trunks:
        if trunk["state"] == "failed":
            yield f"trunk {trunk['name']} failed: {trunk['reason'] or 'no reason given'}"


def _of_queues(view: View) -> Iterator[str]:
    staffed = {
        queue for agent in view["agents"] if agent["state"] in AT_WORK for queue in agent["queues"]
    }
    for queue in view["queues"]:
        if not queue["waiting"]:
            continue
        name, count = queue["queue"], queue["waiting"]
        if queue.get("paused"):
            yield f"queue {name} is paused, and {count} wait"
        elif name not in staffed:
            yield f"queue {name}: {count} wait, and no agent who serves it is at work"
        elif queue.get("why_waiting"):
            yield f"queue {name}: {queue['why_waiting']}"


def _of_webhooks(webhooks: Any, now: float) -> Iterator[str]:
    for hook in webhooks:
        error_at = hook["last_error_at"]
        if hook["pending"] and error_at is not None and now - error_at < FAILED_LATELY_S:
            yield f"webhook {hook['webhook']}: {hook['pending']} wait; {hook['last_error']}"
