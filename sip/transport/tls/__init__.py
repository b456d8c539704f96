"""TLS for SIP: certificates and their names, the bytes of one connection, and why it failed.

Nothing here touches a socket or a clock.
"""
