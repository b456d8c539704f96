"""Personal data: all that is kept of one person, to hand out and to erase.

A person is known by their telephone number.
"""
