"""Calls that come in: who calls from where, the wait, a callback in its place.

`inbound` takes an INVITE from a trunk; `inbound_call` is one call from answer to hangup.
"""
