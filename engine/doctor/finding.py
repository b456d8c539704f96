"""What was looked at, how it is, and what to do about it."""

from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["ok", "note", "warning", "fault"]
LEVELS: Final[tuple[Level, ...]] = ("ok", "note", "warning", "fault")


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one thing.

    `note`: it is left out, or could be better, and nothing asks for it. `warning`: it works, and
    not as well as it should, or not under load. `fault`: something that the configuration asks for
    does not work. `advice` is what to do; empty where nothing is.
    """

    about: str
    level: Level
    what: str
    advice: str = ""

    def view(self) -> dict[str, str]:
        """The finding as the commands print it in JSON."""
        return {
            "about": self.about, "level": self.level, "what": self.what, "advice": self.advice,
        }  # fmt: skip
