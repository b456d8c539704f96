"""What the log says of deliveries that fail: a line when it begins, and a line when it is over."""

import structlog

log = structlog.get_logger()

LASTS_S = 600.0
"""While it lasts, the log has a line of each kind in so long."""
RETURNS_S = 60.0
"""Where it comes and goes, the log has a line of each kind in so long."""


class Outage:
    """Counts what fails between two deliveries that arrive, and writes few lines about it."""

    def __init__(self, webhook: str) -> None:
        self._webhook = webhook
        self._since: float | None = None
        self._failures = 0
        self._given_up = 0
        self._written: dict[str, float] = {}
        self._is_written: set[str] = set()  # of this one

    def failed(self, reason: str, now: float) -> None:
        """An attempt failed."""
        if self._since is None:
            self._since = now
        self._failures += 1
        if self._is_due("webhook_not_delivered", now):
            log.warning(
                "webhook_not_delivered",
                webhook=self._webhook,
                reason=reason,
                failures=self._failures,
            )

    def gave_up(self, reason: str, now: float) -> None:
        """A delivery is given up."""
        if self._since is None:
            self._since = now
        self._given_up += 1
        if self._is_due("webhook_given_up", now):
            log.error(
                "webhook_given_up", webhook=self._webhook, reason=reason, given_up=self._given_up
            )

    def delivered(self, now: float) -> None:
        """A delivery arrived."""
        if self._since is None:
            return
        if self._is_due("webhook_delivers_again", now):
            log.info(
                "webhook_delivers_again",
                webhook=self._webhook,
                after_s=round(max(0.0, now - self._since), 1),
                failures=self._failures,
                given_up=self._given_up,
            )
            self._failures = self._given_up = 0
        self._since = None
        self._is_written.clear()

    def _is_due(self, line: str, now: float) -> bool:
        written = self._written.get(line)
        pause_s = LASTS_S if line in self._is_written else RETURNS_S
        if written is not None and 0 <= now - written < pause_s:
            return False
        self._written[line] = now
        self._is_written.add(line)
        return True
