"""Errors of the SIP room; every one carries a reason written for a person."""


class SipError(Exception):
    """Base of every error that `sip` raises on purpose."""

    def __init__(self, reason: str) -> None:
        if not reason.isascii():
            # A reason may quote the peer; bytes that were no UTF-8 must not get into logs or JSON.
            reason = reason.encode("utf-8", "replace").decode()
        super().__init__(reason)
        self.reason = reason


class ParseError(SipError):
    """Text that is not what RFC 3261, RFC 3264 or RFC 4566 says it must be.

    `status` is the response that a request with this fault deserves.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class NegotiationFailed(SipError):
    """An offer or answer that leaves no audio stream to talk over (488, RFC 3261 21.4.26)."""


class ChallengeRefused(SipError):
    """A digest challenge that cannot be answered: nothing supported, or credentials refused."""
