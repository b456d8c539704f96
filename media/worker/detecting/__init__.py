"""Who or what speaks on legs: asked of a detector, in a thread."""
