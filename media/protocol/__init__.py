"""What the engine and its media processes say to each other: messages, figures, and their frames.

Records without behaviour, and the channel that carries them. Nothing here moves sound.
"""
