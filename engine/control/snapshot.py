"""The snapshot: what is there now, sent as events to a reader that has missed earlier events.

Each source is read a little at a time, so that a hundred thousand jobs do not hold up a
call. A view is therefore as new as the snapshot's number or newer; the events after that number
follow, and those that a view has already say again what it says.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec
import structlog

from ..store.event_log import encode_event

log = structlog.get_logger()

T = TypeVar("T")

SnapshotSources = Mapping[str, Callable[[], Iterable[Mapping[str, object]]]]
"""By name, what gives the views of everything of one kind that is there now."""

# Whose events say how the views of a source change, where they do not begin with its name.
EVENTS_OF: dict[str, tuple[str, ...]] = {
    "job": ("callback.",),
    "call": ("call.", "leg.", "bridge.", "recording."),
}


def views_of(
    table: Mapping[str, T], view: Callable[[T], Mapping[str, object]]
) -> Iterator[Mapping[str, object]]:
    """A source: the view of everything in `table`, which may change on the way."""
    for key in tuple(table):
        thing = table.get(key)
        if thing is not None:
            yield view(thing)


def lines(
    sources: SnapshotSources,
    epoch: str,
    types: tuple[str, ...],
    sees: Callable[[str, Mapping[str, Any]], bool] | None,
    seq: int,
) -> Iterator[bytes]:
    """The notifications of a snapshot for a reader of `types` who has everything up to `seq`.

    `sees` says whether a view of a source is for the reader (None: every one is).
    """
    encoder = msgspec.json.Encoder()
    stamp = {"seq": seq, "epoch": epoch, "time": time.time()}
    counts: dict[str, int] = {}
    for name, source in sources.items():
        if not _concerns(name, types):
            continue
        counts[name] = 0
        for view in _views(name, source()):
            if sees is not None and not sees(name, view):
                continue
            counts[name] += 1
            yield encode_event(encoder, {**stamp, "type": f"snapshot.{name}", "view": view})
    yield encode_event(encoder, {**stamp, "type": "snapshot.end", "counts": counts})


def _views(name: str, source: Any) -> Iterator[Mapping[str, object]]:
    try:
        yield from source
    except Exception:
        # A defect there must not keep the reader from what else there is.
        log.exception("snapshot_source_died", source=name)


def _concerns(name: str, types: tuple[str, ...]) -> bool:
    beginnings = EVENTS_OF.get(name, (f"{name}.",))
    return not types or any(
        event.startswith(type) or type.startswith(event) for event in beginnings for type in types
    )
