"""User-to-User (RFC 7433): a header that exchanges and many PBXs hand on as it is.

What it holds is written in hexadecimal, so that any text passes.
"""

from typing import Final

from sip.message.grammar import quoted_length, unquote

NAME: Final = "User-to-User"
_HEX: Final = ";encoding=hex"


def is_user_to_user(name: str) -> bool:
    """Whether a header of this name is User-to-User."""
    return name.lower() == NAME.lower()


def most_text_bytes(most_bytes: int) -> int:
    """How long a text may be whose value is to have `most_bytes` at most."""
    return (most_bytes - len(_HEX)) // 2


def written(text: str) -> str:
    """The value of the header that holds `text`."""
    return text.encode().hex() + _HEX


def read(value: str) -> str:
    """The text in the first value of the header; data that is no text stays in hexadecimal."""
    quoted = quoted_length(value.lstrip())
    if quoted:
        return unquote(value.lstrip()[:quoted])
    data, _, params = value.split(",")[0].partition(";")
    data = data.strip()
    encodings = [part.strip().lower() for part in params.split(";")]
    if "encoding=hex" not in encodings:
        return data
    try:
        return bytes.fromhex(data).decode()
    except ValueError:
        return data
