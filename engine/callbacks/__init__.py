"""Callback jobs: accepted, scheduled, attempted, retried, completed and recovered.

`intake` is the only way in, `dispatcher` starts attempts, `attempt` is one of them.
"""
