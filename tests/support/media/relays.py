"""Both relays, for tests that run on each: in Python, and in C where it was compiled."""

import pytest

from media.relay.implementation import native, plain


def _why_no_native() -> str:
    try:
        native()
    except ImportError as error:
        return f"the relay in C is not compiled here: {error}"
    return ""


NATIVE = pytest.param(
    native,
    id="native",
    marks=pytest.mark.skipif(bool(_why_no_native()), reason=_why_no_native() or "it is"),
)
BOTH = (pytest.param(plain, id="plain"), NATIVE)
"""Functions that make an implementation, for `parametrize` and `params`."""
