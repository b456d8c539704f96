"""Short numbers of the public network: directory enquiries, hotlines, and what they cost.

`118118` and its like are no telephone numbers and no extensions. They are dialled only where
`numbering.short_codes` has them; what kind of line they reach is known all the same.
"""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import shortnumberinfo

from config.policy import LineType

from .phone_number import CalledNumber

_LINE_TYPES: dict[int, LineType] = {
    int(shortnumberinfo.ShortNumberCost.PREMIUM_RATE): "premium_rate",
    int(shortnumberinfo.ShortNumberCost.TOLL_FREE): "toll_free",
}
# ECC recommendation (99)01: directory enquiries in most of Europe, whether or not a list has them.
_ENQUIRIES = re.compile(r"118\d{2,3}")


@lru_cache(maxsize=4096)
def line_type_of(digits: str, region: str) -> LineType | None:
    """The kind of line of a public short number; None where these digits are none in `region`."""
    otherwise: LineType | None = "short_code" if _ENQUIRIES.fullmatch(digits) else None
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return otherwise
    if not shortnumberinfo.is_valid_short_number_for_region(number, region):
        return otherwise
    return _LINE_TYPES.get(
        int(shortnumberinfo.expected_cost_for_region(number, region)), "short_code"
    )


def short_number(digits: str, region: str) -> CalledNumber:
    """A short number as one that is called, whether or not it is known to be public."""
    return CalledNumber(digits, region, (), line_type_of(digits, region) or "short_code")
