"""Telephone numbers, as visitors write them."""

import unicodedata

import phonenumbers


def plain(text: str) -> str:
    """A number without what cannot be seen: a pasted one may have marks of direction around it, and
    blanks of other widths."""
    seen = (one for one in text if unicodedata.category(one) != "Cf")
    return "".join(" " if one.isspace() else one for one in seen).strip()


def one_number(text: str, region: str) -> str:
    """A number of `region` in E.164, however it is written; its digits, where it is none."""
    text = plain(text)
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return "".join(one for one in text if one.isdecimal())
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
