"""What is wrong with a request, in words for the person who wrote it.

Which field, why, and what would be right.
"""
