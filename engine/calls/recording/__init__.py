"""Recording of a talk: what runs while it is recorded, and the announcement before it."""
