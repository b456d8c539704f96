"""Causes of ITU-T Q.850 and SIP statuses, after RFC 3398: the one table for both directions.

A gateway says with a Q.850 cause what the telephone network said. It is finer than the status.
"""

from typing import Final

from sip.message.reason import Q850, Reason

# Cause: its name, and the status that RFC 3398 section 7.2.4.1 has for it.
CAUSES: Final[dict[int, tuple[str, int]]] = {
    1: ("Unallocated number", 404),
    2: ("No route to network", 404),
    3: ("No route to destination", 404),
    16: ("Normal call clearing", 480),
    17: ("User busy", 486),
    18: ("No user responding", 408),
    19: ("No answer from the user", 480),
    20: ("Subscriber absent", 480),
    21: ("Call rejected", 603),
    22: ("Number changed", 410),
    23: ("Redirection to new destination", 410),
    25: ("Exchange routing error", 500),
    26: ("Non-selected user clearing", 404),
    27: ("Destination out of order", 502),
    28: ("Address incomplete", 484),
    29: ("Facility rejected", 501),
    31: ("Normal unspecified", 480),
    34: ("No circuit available", 503),
    38: ("Network out of order", 503),
    41: ("Temporary failure", 503),
    42: ("Switching equipment congestion", 503),
    47: ("Resource unavailable", 503),
    55: ("Incoming calls barred within the group", 403),
    57: ("Bearer capability not authorized", 403),
    58: ("Bearer capability not available", 503),
    65: ("Bearer capability not implemented", 488),
    70: ("Only restricted digital available", 488),
    79: ("Service not implemented", 501),
    87: ("User not member of the group", 403),
    88: ("Incompatible destination", 503),
    102: ("Recovery on timer expiry", 504),
    111: ("Protocol error", 500),
    127: ("Interworking", 500),
}

# Where several causes have one status, or the status has another cause (section 8.2.6.1).
_OF_STATUS: Final[dict[int, int]] = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 79, 406: 79, 407: 21, 408: 102, 410: 22,
    413: 127, 414: 127, 415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41,
    482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 487: 16, 488: 65, 500: 41, 501: 79, 502: 38,
    503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1, 606: 65, 607: 21, 608: 21,
}  # fmt: skip


def name_of(cause: int) -> str:
    """What a cause means."""
    return CAUSES[cause][0] if cause in CAUSES else f"Q.850 cause {cause}"


def status_of(cause: int) -> int | None:
    """The SIP status that a cause stands for; None for one that stands for none."""
    return CAUSES[cause][1] if cause in CAUSES else None


def cause_of(status: int) -> int:
    """The cause that a SIP status 400 to 699 stands for."""
    return _OF_STATUS.get(status, 127)


def reason_header(cause: int) -> str:
    """The value of a Reason header with this cause."""
    return Reason(Q850, cause, name_of(cause)).encode()
