"""Short numbers of the public network: directory enquiries, hotlines, and what they cost.

`118118` and its like are no telephone numbers and no extensions. They are dialled only where
`numbering.short_codes` has them; what kind of line they reach is known all the same.
"""

from functools import lru_cache

import phonenumbers
from phonenumbers import shortnumberinfo

from config.policy import LineType

from .phone_number import CalledNumber

_LINE_TYPES: dict[int, LineType] = {
    int(shortnumberinfo.ShortNumberCost.PREMIUM_RATE): "premium_rate",
    int(shortnumberinfo.ShortNumberCost.TOLL_FREE): "toll_free",
}


@lru_cache(maxsize=4096)
def line_type_of(digits: str, region: str) -> LineType | None:
    """The kind of line of a public short number; None where these digits are none in `region`."""
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not shortnumberinfo.is_valid_short_number_for_region(number, region):
        return None
    return _LINE_TYPES.get(
        int(shortnumberinfo.expected_cost_for_region(number, region)), "short_code"
    )


def short_number(digits: str, region: str) -> CalledNumber:
    """A short number as one that is called, whether or not it is known to be public."""
    return CalledNumber(digits, region, (), line_type_of(digits, region) or "short_code")
