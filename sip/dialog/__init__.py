"""Dialogs and what happens in them: INVITE, ACK, BYE, re-INVITE, registration.

One file for each exchange; a session is the dialog of one call (RFC 3261, section 12 to 15).
"""
