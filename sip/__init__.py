"""SIP (RFC 3261): messages, SDP, digest, transactions, dialogs, transports.

`user_agent` is the sans-IO core; `endpoint` gives it sockets and a clock. It knows no media.
"""
