"""What one engine leaves to the next: the dialogs of its calls, and its media workers.

It is written to the store while calls are up, and read at a start. It knows no call flows.
"""
