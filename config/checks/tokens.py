"""Tokens of the control protocol: long enough, there where one is needed, and none twice."""

from collections.abc import Iterator

from ..all_sections import AllSections
from ..errors import Fault
from ..rights import TOKEN_LENGTH


def check_tokens(settings: AllSections) -> Iterator[Fault]:
    """Each token opens for one, and TCP needs one."""
    control, rights = settings.control, settings.rights
    own = control.token.get_secret_value()
    given = [(f"rights[{n}].token", one.token.get_secret_value()) for n, one in enumerate(rights)]
    tokens = [(key, token) for key, token in (("control.token", own), *given) if token]
    if own and len(own) < TOKEN_LENGTH and (rights or control.default_role):
        yield Fault("control.token", f"must have at least {TOKEN_LENGTH} characters")
    seen: set[str] = set()
    for key, token in tokens:
        if token in seen:
            yield Fault(key, "one token stands twice")
        seen.add(token)
    if control.tcp and not tokens:
        reason = "control.tcp needs a token (or token_file), here or in [[rights]]"
        yield Fault("control.token", reason)
