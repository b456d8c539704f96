"""What a page and a refusal say, in each language: one TOML file each.

English has every text. The others have the same keys; a test compares them.
"""

import datetime
import tomllib
from collections.abc import Container, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton

from config.sites import LANGUAGES

FOLDER = Path(__file__).parent
DEFAULT = "en"


@cache
def texts(language: str) -> Mapping[str, Any]:
    """All texts of a language, by section and key; those of English where it is not known."""
    known = language if language in LANGUAGES else DEFAULT
    return tomllib.loads((FOLDER / f"{known}.toml").read_text("utf-8"))


def sentence(language: str, section: str, key: str, **filled: object) -> str:
    """One text, with what is to be filled in."""
    text: str = texts(language)[section][key]
    return text.format(**filled) if filled else text


def moment_text(at: float, time_zone: str, language: str) -> str:
    """A moment (Unix seconds) as people write it: the day of the week, the date, the time, and the
    time zone, which need not be that of the reader.

    `time_zone` "" is that of this machine.
    """
    zone = ZoneInfo(time_zone) if time_zone else None
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC).astimezone(zone)
    parts = [str(format_skeleton(one, moment, locale=language)) for one in ("yMMMEd", "Hm")]
    return " ".join([*parts, moment.strftime("(%Z)")])


def chosen_language(
    wanted: str | None, accepted: str, default: str, languages: Container[str] = LANGUAGES
) -> str:
    """The language of a visitor: the one they chose, else the first of Accept-Language (RFC 9110,
    section 12.5.4) that there is, else `default`."""
    by_weight = sorted(weighted(accepted), key=lambda pair: -pair[1])
    for tag in (wanted or "", *(one for one, weight in by_weight if weight > 0)):
        language = tag.strip().lower().partition("-")[0]
        if language in languages:
            return language
    return default


def weighted(accepted: str) -> list[tuple[str, float]]:
    """What a header field Accept or Accept-Language names, each with its weight, in its order."""
    found = []
    for part in accepted[:1000].split(","):
        name, _, parameter = part.partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        found.append((name, weight))
    return found
