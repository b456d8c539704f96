"""What happened, in figures: call detail records, live figures, history and reports.

It reads events as they are published and rows of the store. It changes nothing else.
"""
