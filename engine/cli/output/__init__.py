"""What the command line prints: tables, formats of times and numbers, CSV and JSON.

Commands hand rows over; nothing here asks the engine.
"""
