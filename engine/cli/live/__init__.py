"""`ringback top`: queues and agents as they are now, on a screen that is open all day.

`top` asks the engine, `top_view` makes lines of the reply, `screen` draws them.
"""
