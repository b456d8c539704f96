"""The hosts of a trunk: where each is, in which order they are tried, and how each stands.

`trunk_hosts` has where requests go and by which route; `trunk_health` which hosts are down.
"""
