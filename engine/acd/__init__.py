"""Automatic call distribution: agents, queues, and who is offered to whom.

The matcher and what it uses have no clock and no loop; `queues` and `agents` tie them to both.
"""
