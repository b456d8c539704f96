"""Who or what speaks on legs: asked of a detector, in a thread.

Packets are handed over in batches; the verdict comes back as a message to the engine.
"""
