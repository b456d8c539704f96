"""Extensions of the INVITE dialog: one file each.

Session timers (RFC 4028), reliable provisional responses (RFC 3262), UPDATE (RFC 3311), INFO (RFC
6086), REFER (RFC 3515) and Replaces (RFC 3891).
"""
