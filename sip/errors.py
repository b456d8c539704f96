"""Errors of the SIP room. Each has a `reason` that a person can read."""


class SipError(Exception):
    """Base class of the errors that `sip` raises."""

    def __init__(self, reason: str) -> None:
        if not reason.isascii():
            # A reason may quote the peer. Bytes that are not UTF-8 must not reach logs or JSON.
            reason = reason.encode("utf-8", "replace").decode()
        super().__init__(reason)
        self.reason = reason


class ParseError(SipError):
    """Text that breaks the grammar of RFC 3261, RFC 3264 or RFC 4566.

    `status` is the status of the response to a request with this fault.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class NegotiationFailed(SipError):
    """Offer and answer share no usable audio stream (488, RFC 3261 section 21.4.26).

    `warn_code` is the code of the Warning header that goes with the 488 (section 20.43).
    """

    def __init__(self, reason: str, warn_code: int = 399) -> None:
        super().__init__(reason)
        self.warn_code = warn_code


class ChallengeRefused(SipError):
    """A digest challenge that is not supported or that refuses the credentials."""
