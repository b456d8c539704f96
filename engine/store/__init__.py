"""What survives a restart: SQLite, the event log, and how long each is kept.

Every change, its event and its acknowledgement are one transaction. It knows no calls.
"""
