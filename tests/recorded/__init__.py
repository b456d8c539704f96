"""What an earlier engine did, held against what the engine does now.

`control_session.jsonl.gz` and `sip_session.jsonl` are sessions on the control socket and at the
SIP wire. `store.db.gz` is a store with jobs in every state, and `store_session.jsonl.gz` how that
engine went on with it. `ringback.toml` is its documented configuration; `configuration.json` is
what it read from that file and the others here. All are of one engine, the last that had all of its
files in one folder.
"""
