"""More than two who talk: what several legs say is decoded, added up, and sent by the clock.

Two who talk alone are relayed, and have no part in this.
"""
