"""What every call is made of: legs, the bridge, ringing agents, waiting, whisper, recording.

Callbacks and inbound calls are made of these parts. Nothing here knows a job.
"""
