"""What may be a caller id: the number that somebody who is called is shown."""

from config.sections import TRUNK_USERS
from sip.message.uri import SipUri

from ..numbers.number_plan import NumberPlan
from ..numbers.reading import NotDialable

ANONYMOUS = "anonymous"


def check_caller_id(text: str, plan: NumberPlan, accounts: tuple[str, ...] = ()) -> None:
    """Raise NotDialable where `text` is nothing that a phone can be called back at.

    It is a number, a short code, an extension, or one of `accounts`, which a registrar may want to
    see. `anonymous` shows nobody (RFC 3323).
    """
    if text == ANONYMOUS or text in accounts:
        return
    shown = SipUri("sip", "caller.invalid", text)
    if plan.read_user(shown, trunk="caller id", users=TRUNK_USERS).kind == "person":
        raise NotDialable(f"{text!r} is no number, and a caller id has to be one")
