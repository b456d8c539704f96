"""Whether the customer of a callback is joined: by who or what has answered.

It ends a leg that a machine has answered, leaves a message, or lets the two be joined.
"""
