"""Matching: which entry is offered to which agents, and when one leaves its queue.

`matcher` decides; the others are what it decides by. No clock and no loop is in here.
"""
