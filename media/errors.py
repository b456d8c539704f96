"""What may go wrong between the engine and its media workers, with a reason for a person."""


class MediaError(Exception):
    """Root of the errors of this room. `reason` is a sentence for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoPortLeft(MediaError):
    """Every RTP port pair of the worker is in use, quarantined or taken by another process."""


class WorkerFailed(MediaError):
    """The worker process could not be started."""


class WorkerGone(MediaError):
    """The worker process died, or is not running, so that the request has no answer."""


class BadAddress(MediaError):
    """A host that is no numeric address of the worker's family, or a port out of range."""


class UnknownLeg(MediaError):
    """A request named a leg that is not open."""


class RecordingFailed(MediaError):
    """The recording could not be started or written."""
