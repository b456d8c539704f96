"""The names that a configuration has: what one section may name of another."""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from ..all_sections import AllSections
from ..errors import Fault
from ..value_checks.texts import is_name

NAMED = (
    "trunks",
    "agents",
    "webhooks",
    "alerts",
    "inbound",
    "rooms",
    "music",
    "scripts",
    "calendars",
    "centres",
    "queues",
)


class Known:
    """The names that the entries of each section have, also of entries that have a fault.

    Where the name itself has a fault, nothing is known of its section.
    """

    def __init__(self, names: Mapping[str, set[str]], unknown: Container[str] = ()) -> None:
        self._names, self._unknown = names, unknown

    @classmethod
    def in_data(cls, data: Mapping[str, Any], *, is_whole: bool = True) -> "Known":
        """Those of a configuration as it is written.

        Where it is not whole, sections that are not in it may have any names.
        """
        found: dict[str, set[str]] = {}
        unknown: set[str] = set()
        for section in NAMED:
            entries = data.get(section, [])
            written = entries if isinstance(entries, list) else [None]
            names = [one.get("name") if isinstance(one, Mapping) else None for one in written]
            found[section] = {name for name in names if isinstance(name, str) and is_name(name)}
            is_elsewhere = not is_whole and section not in data
            if is_elsewhere or not all(name in found[section] for name in names):
                unknown.add(section)
        return cls(found, unknown)

    @classmethod
    def of(cls, settings: AllSections) -> "Known":
        """Those of a configuration that has been read."""
        return cls({section: {one.name for one in getattr(settings, section)} for section in NAMED})

    def has(self, section: str, name: str) -> bool:
        """Whether an entry of the section has the name, or may have it."""
        return section in self._unknown or name in self._names[section]

    def missing(self, key: str, section: str, names: Iterable[str | None]) -> Iterator[Fault]:
        """A fault of `key` for each of the names that the section does not have; "" is none."""
        noun = section.removesuffix("s")
        for name in names:
            if name and not self.has(section, name):
                yield Fault(key, f"there is no {noun} named {name!r}")
