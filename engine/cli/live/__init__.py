"""`ringback top`: queues and agents as they are now, on a screen that is open all day."""
