"""Positions in queues, as clients hear of them.

Each change of one that waits near the head is an event, some seconds later at most.
"""
