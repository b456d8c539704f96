"""How many calls a trunk carries, and how many it begins a second.

`trunk_load` has the lines of each trunk, `pace` the calls that it begins.
"""
