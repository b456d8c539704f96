"""Words among which a request chooses. The command line needs them, and nothing else of a request.

It starts for each command, and the rest of a request takes a third as long again to import.
"""

from typing import Literal

Order = Literal["agent_first", "customer_first"]
OnCrash = Literal["retry", "fail", "ask"]
CrashDecision = Literal["retry", "fail"]

# How `to` is to be read: a number alone, or anything that may be called.
ToKind = Literal["any", "number"]

# What becomes of one address of an agent: it rings first, or it is on or off.
AddressUse = Literal["first", "on", "off"]
