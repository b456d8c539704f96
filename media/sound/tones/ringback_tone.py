"""Ringback tones by region: what a caller hears while the other side rings.

Frequencies and cadences as the national networks use them (ITU-T E.180 Supplement 2). A region
that is not listed gets the cadence that E.180 recommends and most of the world follows.
"""

import re
from typing import Final

from .tone_spec import ToneError

_RECOMMENDED = "425/1000,0/4000"
_DOUBLE_GB = "400+450/400,0/200,400+450/400,0/2000"
_NORTH_AMERICA = "440+480/2000,0/4000"

RINGBACK: Final = {
    "AU": "413+438/400,0/200,413+438/400,0/2000",
    "BE": "425/1000,0/3000",
    "CA": _NORTH_AMERICA,
    "CN": "450/1000,0/4000",
    "CY": "425/1500,0/3000",
    "FR": "440/1500,0/3500",
    "GB": _DOUBLE_GB,
    "HK": "440+480/400,0/200,440+480/400,0/3000",
    "HU": "425/1250,0/3750",
    "IE": _DOUBLE_GB,
    "IL": "400/1000,0/3000",
    "IN": "375+425/400,0/200,375+425/400,0/2000",
    "JP": "384+416/1000,0/2000",
    "KR": "440+480/1000,0/2000",
    "NZ": _DOUBLE_GB,
    "PT": "425/1000,0/5000",
    "RU": "425/800,0/3200",
    "SG": "401+449/400,0/200,401+449/400,0/2000",
    "TR": "450/2000,0/4000",
    "US": _NORTH_AMERICA,
    "ZA": "367+433/400,0/200,367+433/400,0/2000",
}


def ringback_spec(region: str) -> str:
    """The ringback tone of a region (ISO 3166 code, "GB"), in the notation of tone_spec.py.

    Raises ToneError for what is not two letters.
    """
    code = region.upper()
    if not re.fullmatch("[A-Z]{2}", code, re.ASCII):
        raise ToneError(region, "is not a region of two letters, such as GB")
    return RINGBACK.get(code, _RECOMMENDED)
