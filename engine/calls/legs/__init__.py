"""What belongs to one leg beside the call that it is made of.

How many events its phone may cause, and what is shown of it.
"""
