"""Call-progress tones by country: dial, ringing, busy, congestion, special information.

Frequencies and cadences as the national networks use them (ITU-T E.180 Supplement 2). A country
that is not listed gets what E.180 recommends: 425 Hz, and for special information 950, 1400 and
1800 Hz. Ringing tones are those of ringback_tone.py.
"""

import re
from typing import Final, Literal, TypeAlias, get_args

from .ringback_tone import ringback_spec
from .tone_spec import ToneError

ProgressTone: TypeAlias = Literal["dial", "ringing", "busy", "congestion", "special_information"]
PROGRESS_TONES: Final = get_args(ProgressTone)

_SPECIAL = "950/330,1400/330,1800/330,0/1000"
_RECOMMENDED: Final[dict[str, str]] = {
    "dial": "425",
    "busy": "425/500,0/500",
    "congestion": "425/250,0/250",
    "special_information": _SPECIAL,
}
_NORTH_AMERICA: Final = {
    "dial": "350+440",
    "busy": "480+620/500,0/500",
    "congestion": "480+620/250,0/250",
    "special_information": "950/330,1400/330,1800/330,0/1000",
}
_GREAT_BRITAIN: Final = {
    "dial": "350+440",
    "busy": "400/375,0/375",
    "congestion": "400/400,0/350,400/225,0/525",
}
TONES: Final[dict[str, dict[str, str]]] = {
    "AT": {"dial": "420", "busy": "420/400,0/400", "congestion": "420/200,0/200"},
    "AU": {
        "dial": "413+438",
        "busy": "425/375,0/375",
        "congestion": "425/375,0/375",
        "special_information": "425/2500,0/500",
    },
    "BE": {
        "dial": "425",
        "busy": "425/500,0/500",
        "congestion": "425/167,0/167",
        "special_information": "900/330,1400/330,1800/330,0/1000",
    },
    "BR": {"dial": "425", "busy": "425/250,0/250", "congestion": "425/250,0/250"},
    "CA": _NORTH_AMERICA,
    "CH": {"dial": "425", "busy": "425/500,0/500", "congestion": "425/200,0/200"},
    "CN": {"dial": "450", "busy": "450/350,0/350", "congestion": "450/700,0/700"},
    "CZ": {
        "dial": "425/330,0/330,425/660,0/660",
        "busy": "425/330,0/330",
        "congestion": "425/165,0/165",
    },
    "DE": {"dial": "425", "busy": "425/480,0/480", "congestion": "425/240,0/240"},
    "DK": {"dial": "425", "busy": "425/500,0/500", "congestion": "425/200,0/200"},
    "ES": {
        "dial": "425",
        "busy": "425/200,0/200",
        "congestion": "425/200,0/200,425/200,0/200,425/200,0/600",
    },
    "FI": {"dial": "425", "busy": "425/300,0/300", "congestion": "425/200,0/200"},
    "FR": {"dial": "440", "busy": "440/500,0/500", "congestion": "440/250,0/250"},
    "GB": _GREAT_BRITAIN,
    "HK": {"dial": "350+440", "busy": "480+620/500,0/500", "congestion": "480+620/250,0/250"},
    "HU": {"dial": "425", "busy": "425/300,0/300", "congestion": "425/300,0/300"},
    "IE": {"dial": "425", "busy": "425/500,0/500", "congestion": "425/500,0/500"},
    "IL": {"dial": "414", "busy": "414/500,0/500", "congestion": "414/250,0/250"},
    "IN": {"dial": "400", "busy": "400/750,0/750", "congestion": "400/250,0/250"},
    "IT": {
        "dial": "425/200,0/200,425/600,0/1000",
        "busy": "425/500,0/500",
        "congestion": "425/200,0/200",
    },
    "JP": {"dial": "400", "busy": "400/500,0/500", "congestion": "400/500,0/500"},
    "KR": {"dial": "350+440", "busy": "480+620/500,0/500", "congestion": "480+620/300,0/200"},
    "MX": {"dial": "425", "busy": "425/250,0/250", "congestion": "425/250,0/250"},
    "NL": {"dial": "425", "busy": "425/500,0/500", "congestion": "425/250,0/250"},
    "NO": {"dial": "425", "busy": "425/500,0/500", "congestion": "425/200,0/200"},
    "NZ": {
        "dial": "400",
        "busy": "400/500,0/500",
        "congestion": "400/250,0/250",
        "special_information": "400/750,0/100,400/750,0/100,400/750,0/100,400/750,0/400",
    },
    "PL": {"dial": "425", "busy": "425/500,0/500", "congestion": "425/500,0/500"},
    "PT": {"dial": "425", "busy": "425/500,0/500", "congestion": "425/200,0/200"},
    "RU": {"dial": "425", "busy": "425/350,0/350", "congestion": "425/175,0/175"},
    "SE": {"dial": "425", "busy": "425/250,0/250", "congestion": "425/250,0/750"},
    "SG": {"dial": "425", "busy": "425/750,0/750", "congestion": "425/250,0/250"},
    "TR": {"dial": "450", "busy": "450/500,0/500", "congestion": "450/200,0/200"},
    "US": _NORTH_AMERICA,
    "ZA": {"dial": "383", "busy": "400/500,0/500", "congestion": "400/250,0/250"},
}
"""By ISO 3166 code. A tone that a country lacks here is the recommended one."""


def progress_spec(tone: ProgressTone, country: str) -> str:
    """A tone of a country ("GB"), in the notation of tones.py.

    Raises ToneError for what is not two letters.
    """
    if tone == "ringing":
        return ringback_spec(country)
    code = country.upper()
    if not re.fullmatch("[A-Z]{2}", code, re.ASCII):
        raise ToneError(country, "is not a country of two letters, such as GB")
    return TONES.get(code, _RECOMMENDED).get(tone, _RECOMMENDED[tone])
