"""Whether what the party of a leg says or keys in is secret now, and who is told of that."""

from collections.abc import Iterator
from contextlib import contextmanager

from .leg_listener import LegListener, ObservedLeg


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

    @property
    def partners(self) -> frozenset[ObservedLeg]:
        """Whom the party may hear, and who may hear it, whichever calls they are of."""
        return frozenset(
            partner
            for one in self._listeners
            for partner in one.partners_of(self)  # type: ignore[arg-type]
        )

    def tell_partners(self) -> None:
        """The party is joined with others from now on."""
        for listener in self._listeners:
            listener.partners_changed(self)  # type: ignore[arg-type]

    def _tell_secrecy(self) -> None:
        for listener in self._listeners:
            listener.secrecy_changed(self)  # type: ignore[arg-type]
