"""Whom a call shows as its caller: the number, and how trunks are told.

`caller_identity` says what goes into From and P-Asserted-Identity; `caller_id_check` whether a
client may ask for it.
"""
