"""What stands twice, or hides what comes after it."""

from collections.abc import Iterator, Sequence

from ..all_sections import AllSections
from ..errors import Fault
from .known import NAMED


def check_entries(settings: AllSections) -> Iterator[Fault]:
    """The names of entries, the causes of retry and the prefixes of rates."""
    for section in (*NAMED, "rules", "rights"):
        yield from twice(section, "name", "name", [one.name for one in getattr(settings, section)])
    yield from twice("retry", "cause", "cause", [rule.cause for rule in settings.retry])
    yield from twice("rates", "prefix", "prefix", [rate.prefix for rate in settings.rates])


def check_accounts(settings: AllSections) -> Iterator[Fault]:
    """User names and groups."""
    rights = settings.rights
    for key in ("user", "group"):
        yield from twice("rights", key, key, [getattr(right, key) for right in rights])
    # One user name is one trunk's: it says who calls.
    users = [trunk.inbound_auth.username for trunk in settings.trunks]
    yield from twice("trunks", "inbound_auth.username", "user name", users)


def twice(section: str, key: str, noun: str, values: Sequence[str | int]) -> Iterator[Fault]:
    """A fault for each value that an entry before it has; "" is none."""
    seen: set[str | int] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield Fault(f"{section}[{index}].{key}", f"the {noun} {value!r} stands twice")
        if value != "":
            seen.add(value)


def check_prefixes(settings: AllSections) -> Iterator[Fault]:
    """No prefix takes what is for a later one, and each can match."""
    routes = [route.prefix for route in settings.routes]
    for index, prefix in enumerate(routes):
        key = f"routes[{index}].prefix"
        first = next((one for one in routes[:index] if prefix.startswith(one)), None)
        if first == prefix:
            yield Fault(key, f"the prefix {prefix!r} stands twice; first match wins")
        elif first is not None:
            reason = f"an earlier route for {first!r} takes all of {prefix!r}; first match wins"
            yield Fault(key, reason)
    codes = settings.numbering.short_codes
    for index, rule in enumerate(settings.rules):
        for prefix in rule.match.prefix or ():
            if not prefix.startswith("+") and not any(one.startswith(prefix) for one in codes):
                reason = f"{prefix!r} must begin with '+': numbers are compared as written in full"
                yield Fault(f"rules[{index}].match.prefix", reason)
