"""/etc/hosts: names that the machine itself knows. Read again when the file has changed."""

import ipaddress
import logging
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_MOST_BYTES: Final = 4 << 20
# RFC 6761 section 6.3: these never go to a name server.
_LOOPBACK: Final = ("127.0.0.1", "::1")


class HostsFile:
    """The addresses of the names in one file of the form of hosts(5)."""

    def __init__(self, path: str = "/etc/hosts") -> None:
        self._path = Path(path)
        self._state: object = None
        self._addresses: dict[str, tuple[str, ...]] = {}

    def addresses(self, name: str) -> tuple[str, ...]:
        """The addresses of a name, in the order of the file; none where it is not there."""
        self._refresh()
        name = name.rstrip(".").lower()
        found = self._addresses.get(name, ())
        if not found and (name == "localhost" or name.endswith(".localhost")):
            return _LOOPBACK
        return found

    def _refresh(self) -> None:
        try:
            stat = self._path.stat()
            state = (stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_dev)
            if state == self._state:
                return
            with self._path.open("rb") as file:
                text = file.read(_MOST_BYTES).decode("utf-8", "replace")
        except OSError as error:
            if self._state != error.errno:
                _log.info("%s cannot be read: %s", self._path, error.strerror)
            self._state, self._addresses = error.errno, {}
            return
        self._state = state
        self._addresses = _read(text)


def _read(text: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        try:
            numeric = str(ipaddress.ip_address(address))
        except ValueError:
            continue
        for name in names:
            found.setdefault(name.rstrip(".").lower(), {})[numeric] = None
    return {name: tuple(addresses) for name, addresses in found.items()}
