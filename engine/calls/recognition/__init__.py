"""What the party of a leg says, as text: recognised by the stream host.

`recognitions` are those under way; `recognised_legs` publish what a client asked to hear of.
"""
