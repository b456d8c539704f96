"""What wire and real phones raise, and how long wire phones wait for what has to come."""

PATIENCE_S = 40.0
"""Long, because the machine may be busy."""


class PeerError(AssertionError):
    """A peer did not do what the test needs of it: a sentence, with what the peer said."""
