"""Telephone numbers: what is one, how it is read and spelt, which are short or for emergencies."""
