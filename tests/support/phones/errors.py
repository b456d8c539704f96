"""What wire and real phones raise."""


class PeerError(AssertionError):
    """A peer did not do what the test needs of it: a sentence, with what the peer said."""
