"""Telephone numbers, as visitors write them."""

import phonenumbers


def one_number(text: str, region: str) -> str:
    """A number of `region` in E.164, however it is written; its digits, where it is none."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return "".join(one for one in text if one.isdecimal())
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
