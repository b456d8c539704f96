"""The requests of one connection: handled, and what is wrong with one, in words for who wrote it.

Which field, why, and what would be right.
"""
