"""The numbers that are not to be called.

`do_not_call` is the list, which is asked before anybody is dialled; `listed_numbers` is what files
add to it.
"""
