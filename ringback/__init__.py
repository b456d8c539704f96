"""The folder in which the engine is installed: its rooms, its client, and what starts it."""
