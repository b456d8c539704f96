"""What a caller's Identity is worth: the attestation, and why there is none."""

from typing import Final, Literal, NamedTuple

Attestation = Literal["A", "B", "C", "failed", "none"]
"""RFC 8588 section 4: "A": the signer knows the caller, and that the number is theirs; "B": it
knows the caller; "C": it knows where the call came in. "failed": what was signed cannot be
believed. "none": nothing was signed, or verification is off."""

AttestationFailure = Literal[
    "too_large",
    "too_many",
    "malformed",
    "compact_form",
    "unsupported",
    "stale",
    "orig_mismatch",
    "dest_mismatch",
    "certificate_url",
    "certificate_unreachable",
    "certificate_invalid",
    "certificate_untrusted",
    "certificate_not_authorized",
    "signature",
    "late",
    "busy",
]
"""Why verification failed."""


class Verdict(NamedTuple):
    """The attestation of one call. `reason` is set where it has failed."""

    attestation: Attestation
    reason: AttestationFailure | None = None


NOT_SIGNED: Final = Verdict("none")


class VerificationFailed(Exception):
    """An Identity cannot be believed. `detail` is for the log."""

    def __init__(self, reason: AttestationFailure, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason: AttestationFailure = reason
        self.detail = detail
