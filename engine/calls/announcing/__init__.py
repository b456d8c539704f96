"""What one party alone hears: an agent's whisper, and the music and sentences of a waiting party.

`due_announcements` chooses what is announced when, `waiting_room` plays it, `whisper` has text
spoken.
"""
