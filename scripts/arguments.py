"""Kinds of arguments of the commands in this folder: faults are said before anything starts."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number from `least` to `most`."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"not a whole number: {text}") from None
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return number

    return read


def seconds(text: str) -> float:
    """A time, none or more."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text}") from None
    if not 0 <= value <= 1e9:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text}")
    return value


def some_seconds(text: str) -> float:
    """A time that is not nothing."""
    value = seconds(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be more than 0 seconds")
    return value


def readable(text: str) -> str:
    """The path of a file that can be read."""
    try:
        with open(text, "rb"):
            return text
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from error


def writable(text: str) -> str:
    """The path of a file that can be written: its directory is there."""
    directory = Path(text).parent
    if not directory.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there is no directory {directory}")
    if Path(text).is_dir() or not os.access(directory, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text}: cannot be written")
    return text


def sip_uri(text: str) -> str:
    """A sip: or sips: URI with a host."""
    scheme, _, rest = text.partition(":")
    if scheme.lower() not in ("sip", "sips") or not rest or any(map(str.isspace, text)):
        raise argparse.ArgumentTypeError(f"{text} is no sip: URI, as sip:desk@127.0.0.1:5080")
    return text
