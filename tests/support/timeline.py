"""What happened, line by line for a person: events and phones side by side, in order."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

# What an event says besides its type and whom it is about.
TOLD = (
    "role", "uri", "sip_status", "result", "reason", "cause", "agents", "attempt", "work",
    "next_attempt_at", "place", "to_queue", "target", "by",
)  # fmt: skip
WHOM = ("job", "agent", "queue", "leg")


class Called(Protocol):
    """A call as a phone saw it. Times are Unix seconds."""

    @property
    def user(self) -> str:
        """Whose phone it is."""

    @property
    def began(self) -> float:
        """When it was called."""

    @property
    def answered(self) -> float | None:
        """When it answered."""

    @property
    def ended(self) -> float | None:
        """When it was hung up."""


def timeline(
    events: Iterable[Mapping[str, Any]],
    calls: Iterable[Called] = (),
    *,
    about: str | None = None,
    others: Iterable[tuple[float, str]] = (),
) -> str:
    """The lines, each with its time in seconds since the first. `about` one job: only what is."""
    seen = [
        (event["time"], _event(event)) for event in events if about is None or _is_of(event, about)
    ]
    for call in calls:
        if about is None or call.user == about:
            seen.append((call.began, f"    {call.user}'s phone is called"))
            if call.answered is not None:
                seen.append((call.answered, f"    {call.user}'s phone answers"))
            if call.ended is not None:
                seen.append((call.ended, f"    {call.user}'s phone is done"))
    seen += list(others)
    seen.sort(key=lambda one: one[0])
    if not seen:
        return "nothing happened"
    begin = seen[0][0]
    return "\n".join(f"{at - begin:9.3f}  {what}" for at, what in seen)


def _is_of(event: Mapping[str, Any], job: str) -> bool:
    kind = event["type"]
    return bool(event.get("job") == job or event.get("work") == job or kind.startswith("engine."))


def _event(event: Mapping[str, Any]) -> str:
    whom = " ".join(str(event[name]) for name in WHOM if event.get(name) is not None)
    seen = " ".join(f"{name}={event[name]}" for name in TOLD if event.get(name) is not None)
    return f"{event['type']:<26} {whom}  {seen}".rstrip()
