"""What a value of the configuration has to be: each check returns it, or says what is wrong.

The kinds of values that use them are in `values.py`.
"""
