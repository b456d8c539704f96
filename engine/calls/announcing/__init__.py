"""What a party alone hears: the whisper of an agent, and the sentences and music of those who wait.

`due_announcements` chooses what is announced when, `waiting_room` plays it, `whisper` has text
spoken.
"""
