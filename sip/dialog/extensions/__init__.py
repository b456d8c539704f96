"""Extensions of the INVITE dialog: session timers (RFC 4028), reliable provisional responses
(RFC 3262) and refreshes by UPDATE (RFC 3311).
"""
