"""What a party alone hears: the whisper of an agent, and the sentences and music of those who wait.

The calls decide when; here is what, and from which file or text.
"""
