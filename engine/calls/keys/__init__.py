"""Keys that a party is asked for: gathered, and hidden from all others where they are secret."""
