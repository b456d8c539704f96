"""Words among which a request, and what the configuration says of requests, choose.

Each command of the command line starts with them, so this file imports nothing else.
"""

from typing import Literal

Order = Literal["agent_first", "customer_first"]
OnCrash = Literal["retry", "fail", "ask"]
CrashDecision = Literal["retry", "fail"]

# How `to` is to be read: a number alone, or anything that may be called.
ToKind = Literal["any", "number"]

# What becomes of one address of an agent: it rings first, or it is on or off.
AddressUse = Literal["first", "on", "off"]
