"""In which order the files of tests are begun, where several processes run them at once.

Files whose tests wait for processes and sockets alternate with those that compute, so that the
processor is never idle for long, and the long ones come first, so that none is left at the end.
"""

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Final

LONGEST: Final = (
    "test_wheel.py",
    "sipp/test_dialogs.py",
    "integration/test_crashes.py",
    "integration/test_first_trunk.py",
    "integration/test_inbound.py",
    "engine/cli/test_main.py",
    "integration/test_web_phone.py",
    "integration/test_web_states.py",
    "media/test_worker_links.py",
    "integration/test_agents.py",
    "integration/test_tls.py",
    "scripts/test_site.py",
    "integration/test_unknown_sources.py",
    "integration/test_who_is_dialled.py",
    "integration/test_changes_of_sound.py",
    "integration/test_trunk_hosts.py",
    "integration/test_several_workers.py",
    "integration/test_streams.py",
)
"""The files of over ten seconds on a quiet machine; the longest first."""

LAST_THAT_WAITS: Final = 0.85
"""When this share of the others has begun, all those that wait have."""


def in_order(tests_of: Mapping[str, int], waiting: Iterable[str]) -> list[str]:
    """The files in the order in which they are begun.

    `tests_of` has the number of tests of each; those `waiting` wait for processes and sockets.
    """
    waiting = set(waiting)
    place = dict(zip(LONGEST, count(), strict=False))

    def begins(name: str) -> tuple[int, int, str]:
        return place.get(name, len(place)), -tests_of[name], name

    kinds = (
        (sorted(waiting, key=begins), LAST_THAT_WAITS),
        (sorted(tests_of.keys() - waiting, key=begins), 1.0),
    )
    begun = {
        name: until * number / len(names)
        for names, until in kinds
        for number, name in enumerate(names)
    }
    return sorted(begun, key=lambda name: (begun[name], name))
