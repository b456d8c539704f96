"""Matching: which entry is offered to which agents, and when one leaves its queue.

`agent_strategy` picks the agent for a caller, `candidates` the caller for an agent; `matcher` asks
them. No clock and no loop is in here.
"""
