"""Personal data: all that is kept of one person, to hand out and to erase.

A person is known by their telephone number. `personal_data` hands out and erases, `collection`
finds what there is, and `scrub` says what stays.
"""
