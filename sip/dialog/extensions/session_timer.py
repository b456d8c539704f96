"""Session timers (RFC 4028): a session that nobody refreshes ends, and who refreshes is agreed.

One side, the refresher, sends an UPDATE or re-INVITE at half of the session interval. The other
side ends the session shortly before the interval is over.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol

from ...auth.authorization import Authorization
from ...errors import ParseError
from ...message.grammar import LWS, parse_params
from ...message.message import Fields, Message, Request, Response
from ...transaction.timers import Timer, TimerHeap

LEAST_EXPIRES_S: Final = 90
"""The shortest interval that RFC 4028 section 4 permits."""

LONGEST_EXPIRES_S: Final = 86_400
"""A longer interval is shortened to this where we may, so that a dead call ends within a day."""

MOST_RAISES: Final = 4
"""How often the proxies on the way may refuse the interval, each a shorter one."""

_MOST_DIGITS: Final = 20

Refresher = Literal["uac", "uas"]
"""The side of the last refresh request: `uac` sent it, `uas` answered it."""


class RefreshedSession(Protocol):
    """What a session timer asks of its session."""

    def refresh(self, now: float) -> None:
        """It is our turn to refresh."""

    def expire(self, now: float) -> None:
        """The peer has not refreshed in time."""


class SessionTimer:
    """The session timer of `session`.

    `expires_s` is the interval that we ask for in seconds; 0 asks for none, and what the peer asks
    for is granted all the same.
    """

    __slots__ = (
        "_expiry",
        "_least_s",
        "_raised",
        "_refresh",
        "_session",
        "_timers",
        "_wanted_s",
        "interval_s",
        "is_ours",
    )

    def __init__(self, timers: TimerHeap, expires_s: int, session: RefreshedSession) -> None:
        self._timers = timers
        self._session = session
        self._wanted_s = expires_s
        # Somebody who asks for a shorter interval than the standard permits also accepts it.
        self._least_s = min(expires_s or LEAST_EXPIRES_S, LEAST_EXPIRES_S)
        self._raised = 0
        self._refresh: Timer | None = None
        self._expiry: Timer | None = None
        self.interval_s = 0
        """The agreed session interval in seconds; 0: none is agreed."""
        self.is_ours = False
        """Whether we are the refresher."""

    # -- requests of ours

    def request_fields(self) -> Fields:
        """Return the fields of an INVITE or UPDATE of ours (RFC 4028 section 7.1)."""
        expires_s = self.interval_s or self._wanted_s
        if not expires_s:
            return []
        value = str(expires_s)
        if self.interval_s:
            # Keep the roles: whoever sends this request is its uac (section 7.4).
            value += ";refresher=" + ("uac" if self.is_ours else "uas")
        fields = [("Session-Expires", value)]
        if self._least_s > LEAST_EXPIRES_S:
            fields.append(("Min-SE", str(self._least_s)))
        return fields

    def accept_minimum(self, response: Response) -> bool:
        """Raise our interval to the Min-SE of a 422. Returns whether to send the request again.

        It is not where the peer demands nothing longer than was offered, or more than a day, or
        always something else.
        """
        least_s = _seconds(response.get("Min-SE"))
        if least_s is None or not self._least_s < least_s <= LONGEST_EXPIRES_S:
            return False
        self._raised += 1
        if self._raised > MOST_RAISES:
            return False
        self._least_s = least_s
        self._wanted_s = max(self._wanted_s, least_s)
        if self.interval_s:
            self.interval_s = max(self.interval_s, least_s)
        return True

    def answered(self, response: Response, now: float) -> None:
        """Start the timer after the 2xx to an INVITE or UPDATE of ours (section 7.2)."""
        expires_s, refresher = read_session_expires(response)
        if not expires_s:
            # The peer wants no session timer, or none any more.
            self.stop()
            return
        self._start(expires_s, is_ours=refresher != "uas", now=now)

    # -- requests of the peer

    def objection(self, request: Request) -> Fields | None:
        """Return the fields of the 422 for an interval that is too small (section 9).

        None if the request may be accepted.
        """
        expires_s, _ = read_session_expires(request)
        if expires_s is None or expires_s >= self._least_s or not supports_timer(request):
            return None
        return [("Min-SE", str(self._least_s))]

    def answer(self, request: Request, now: float) -> Fields:
        """Start the timer, and return the fields of our 2xx to an INVITE or UPDATE (section 9)."""
        expires_s, refresher = read_session_expires(request)
        has_timer = supports_timer(request)
        least_s = max(_seconds(request.get("Min-SE")) or 0, self._least_s)
        ours_s = max(self._wanted_s or LONGEST_EXPIRES_S, least_s)
        if expires_s is None:
            # The peer asks for none. We may, where it knows what that is.
            if not has_timer or not self._wanted_s:
                self._not_asked()
                return []
            expires_s, refresher = ours_s, None
        elif expires_s < self._least_s:
            # Asked for by a proxy, as the caller knows no timers: nothing can be agreed.
            self.stop()
            return []
        interval_s = max(min(expires_s, ours_s), min(expires_s, least_s))
        side: Refresher = "uas" if not has_timer else refresher or self._usual_refresher()
        self._start(interval_s, is_ours=side == "uas", now=now)
        fields = [("Session-Expires", f"{interval_s};refresher={side}")]
        if has_timer:
            fields.append(("Require", "timer"))
        return fields

    def _not_asked(self) -> None:
        """A request within the dialog says nothing of timers: expect no refresh any more.

        Ours go on: one too many harms nobody, and peers that forget the field may wait for one.
        """
        if not self.is_ours:
            self.stop()

    def _usual_refresher(self) -> Refresher:
        """Who refreshes if the peer leaves it to us: the same side as before, else the peer."""
        return "uas" if self.interval_s and self.is_ours else "uac"

    # -- the clock

    def _start(self, interval_s: int, *, is_ours: bool, now: float) -> None:
        self._cancel()
        # A peer may write less into its 2xx than it may. We do not refresh more often for that.
        self.interval_s = min(max(interval_s, self._least_s), LONGEST_EXPIRES_S)
        self.is_ours = is_ours
        margin_s = min(32.0, self.interval_s / 3)
        self._expiry = self._timers.schedule(now + self.interval_s - margin_s, self._expired)
        if is_ours:
            self._refresh = self._timers.schedule(now + self.interval_s / 2, self._due)

    @property
    def pause_s(self) -> float:
        """How long after a refused refresh the next one is sent."""
        return self.interval_s / 10

    def retry(self, after_s: float, now: float) -> None:
        """Refresh after a while: this time was not successful, and the session is not over yet."""
        self._timers.cancel(self._refresh)
        self._refresh = None
        if self.interval_s:
            self._refresh = self._timers.schedule(now + after_s, self._due)

    def _due(self, _: object, now: float) -> None:
        self._refresh = None
        self._session.refresh(now)

    def _expired(self, _: object, now: float) -> None:
        self._expiry = None
        self.stop()
        self._session.expire(now)

    def _cancel(self) -> None:
        self._timers.cancel(self._refresh)
        self._timers.cancel(self._expiry)
        self._refresh = self._expiry = None

    def stop(self) -> None:
        """End the timer: the session is over, or has no timer any more."""
        self._cancel()
        self.interval_s = 0
        self.is_ours = False


def read_session_expires(message: Message) -> tuple[int | None, Refresher | None]:
    """Return the interval of Session-Expires in seconds, and who refreshes (RFC 4028 section 4).

    None for what is missing or unreadable. An interval of any number of digits is read.
    """
    value = message.get("Session-Expires")
    if value is None:
        return None, None
    number, semicolon, params = value.partition(";")
    expires_s = _seconds(number)
    if expires_s is None:
        return None, None
    try:
        side = (parse_params(semicolon + params, "Session-Expires").get("refresher") or "").lower()
    except ParseError:
        side = ""
    return expires_s, "uac" if side == "uac" else "uas" if side == "uas" else None


class TimedSession(Protocol):
    """The part of a session whose requests may be challenged and their interval refused."""

    authorization: Authorization
    timer: SessionTimer


def may_send_again(session: TimedSession, request: Request, response: Response) -> bool:
    """Whether a refused request is sent again: with credentials, or with a longer interval."""
    if response.status == 422:
        return session.timer.accept_minimum(response)
    return session.authorization.accept_challenge(request, response)


def supports_timer(message: Message) -> bool:
    """Whether the sender says that it knows session timers, by Supported or Require."""
    for name in ("Supported", "Require"):
        try:
            if any(option.strip(LWS).lower() == "timer" for option in message.get_list(name)):
                return True
        except ParseError:
            continue
    return False


def _seconds(text: str | None) -> int | None:
    digits = (text or "").partition(";")[0].strip(LWS)
    if not digits.isascii() or not digits.isdigit():
        return None
    return int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
