"""The sockets of SIP: UDP, TCP, and the look-up of names (RFC 3261, section 18).

Together with `sip/endpoint.py` the only place of SIP that touches sockets and clocks.
"""
