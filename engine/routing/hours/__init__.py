"""When a queue is open, and when people may be called: weekly hours in time zones, and holidays.

Hours are local. Days on which clocks change are read from the time zone.
"""
