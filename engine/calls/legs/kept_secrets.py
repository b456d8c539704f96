"""Whether what the party of a leg says or keys in is secret now, and who is told of that."""

from collections.abc import Iterator
from contextlib import contextmanager

from .leg_listener import LegListener


class KeptSecrets:
    """The part of a leg that knows when its party is asked for a secret.

    Whoever takes its sound elsewhere looks at `tells_secret`, and hears by `secrecy_changed` when
    that changes: supervisors, services, recognisers. Who talks with the party hears it on.
    """

    _listeners: tuple[LegListener, ...]
    _secrets: int = 0
    hears_secrets: bool = True
    """Whether the party may hear another one who tells a secret. No service may."""

    @property
    def tells_secret(self) -> bool:
        """Whether nobody but who asked, and who talks with the party, may know what it says."""
        return self._secrets > 0

    @contextmanager
    def telling_secret(self) -> Iterator[None]:
        """What the party says or keys in is secret in the body."""
        try:
            self._secrets += 1
            self._tell_secrecy()
            yield
        finally:
            self._secrets -= 1
            self._tell_secrecy()

    def _tell_secrecy(self) -> None:
        for listener in self._listeners:
            listener.secrecy_changed(self)  # type: ignore[arg-type]
