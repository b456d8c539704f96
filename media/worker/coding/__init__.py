"""Sound that a leg cannot be sent as it came: decoded, and encoded for its peer.

A leg of G.711 that is sent packets of 20 ms has no part in this.
"""
