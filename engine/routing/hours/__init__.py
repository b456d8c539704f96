"""When a queue is open, and when people may be called: weekly hours in time zones, and holidays."""
