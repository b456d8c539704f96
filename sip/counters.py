"""Counters of a user agent."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counters:
    """Totals since the start. They never decrease."""

    received: int = 0
    """Datagrams and framed messages."""
    sent: int = 0
    malformed: int = 0
    """Messages that could not be parsed: dropped, or answered 4xx or 505."""
    read_past: int = 0
    """Unreadable header values and SDP lines that were skipped because nothing needed them."""
    rate_limited: int = 0
    """Messages dropped without parsing because their source exceeded its rate."""
    overloaded: int = 0
    """Requests refused because a table was full, or because their call had sent too many."""
    keep_alives: int = 0
    """CRLF and empty datagrams."""
    retransmissions_received: int = 0
    retransmissions_sent: int = 0
    unmatched_responses: int = 0
    unmatched_acks: int = 0
    unknown_dialog: int = 0
    """Requests answered 481."""
    missing_extensions: int = 0
    """Requests that could not be served because one side demands an extension that the other
    lacks: 420 and 421 of either side."""
    refused_methods: int = 0
    """Requests answered 405."""
    gave_way: int = 0
    """Calls that came in, were never acknowledged, and ended early because others waited."""
    not_permitted: int = 0
    """Contacts and Record-Routes of peers that lead where requests may not go."""
    too_small: int = 0
    """Requests of unknown sources that got no answer, as it would be larger than they are."""
    transport_failures: int = 0
    unmatched_errors: int = 0
    """ICMP errors that quote no message of a call of ours. Anybody can cause them."""
    internal_errors: int = 0
    """Messages and timers dropped because of a bug of ours. Must stay zero."""

    def add_read_past(self, number: int = 1) -> None:
        """Add to the number of skipped values and lines."""
        self.read_past += number

    def as_dict(self) -> dict[str, int]:
        """Return the totals by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
