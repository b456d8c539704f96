"""Events to URLs: each webhook is a position in the event log and a delivery policy.

Deliveries are signed, retried, and kept in order for each job.
"""
