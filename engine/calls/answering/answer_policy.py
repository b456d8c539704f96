"""Whether it is to be told who or what answers, and what follows each label.

A request decides for itself. Otherwise its queue does, then the trunk that it went by, then the
configuration as a whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from config.detection import Detection, Follow
from config.queues import Queue
from config.sections import Trunk
from media.detection_limits import LABELS, DetectionLimits, Label

# Those of which the callback is tried again by cause `machine`, or ends so.
MACHINES: frozenset[Label] = frozenset({"voicemail", "ivr", "screening", "fax"})


def limits_of(settings: Detection) -> DetectionLimits:
    """The limits of the configuration as the media worker has them."""
    return msgspec.convert(settings.limits.model_dump(), DetectionLimits)


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """What is to be done with one answer. `message` is a text, or "file:" and a name."""

    limits: DetectionLimits
    waits: bool = True
    follow: Mapping[Label, Follow] = field(default_factory=dict)
    message: str = ""
    is_requested: bool = False
    """`message` is of a request, which may name the files of media.sounds alone."""
    language: str = ""
    """That of a recogniser, where one listens; "": that of [recognition]."""

    def after(self, label: Label) -> Follow:
        """What follows this label."""
        return self.follow.get(label, "join")

    @property
    def joins_machines(self) -> bool:
        """Whether it makes no difference which machine it is that can speak."""
        return all(self.after(label) == "join" for label in ("voicemail", "ivr", "screening"))

    @property
    def leaves_message(self) -> bool:
        """Whether a message may have to be left."""
        return "message" in self.follow.values()


class AnswerPolicy:
    """Makes the plan of each answer."""

    def __init__(
        self,
        settings: Detection | None = None,
        queues: Iterable[Queue] = (),
        trunks: Iterable[Trunk] = (),
    ) -> None:
        self.configure(settings or Detection(), queues, trunks)

    def configure(
        self, settings: Detection, queues: Iterable[Queue], trunks: Iterable[Trunk]
    ) -> None:
        """Decide by these settings from now on; answers that are looked at go on."""
        self._settings = settings
        self._queues = {queue.name: queue.detect for queue in queues}
        self._trunks = {trunk.name: trunk.detect for trunk in trunks}
        self.limits = limits_of(settings)

    def plan(
        self, asked: Mapping[str, Any] | None, queue: str | None, trunk: str | None
    ) -> AnswerPlan | None:
        """The plan of a callback, with what its request asks for; None: nobody wants to know."""
        settings, own = self._settings, asked or {}
        enabled = own.get("enabled")
        for choice in (self._queues.get(queue or ""), self._trunks.get(trunk or "")):
            enabled = choice if enabled is None else enabled
        if not (settings.enabled if enabled is None else enabled):
            return None
        message = own.get("message")
        return AnswerPlan(
            self.limits,
            waits=own.get("wait", settings.wait),
            follow={label: own.get(label) or getattr(settings, label) for label in LABELS},
            message=settings.message if message is None else message,
            is_requested=message is not None,
            language=own.get("language", ""),
        )

    def listens_to(self, trunk: str | None) -> bool:
        """Whether it is told of a call by command, by this trunk, that does not say so itself."""
        own = self._trunks.get(trunk or "")
        return self._settings.enabled if own is None else own
