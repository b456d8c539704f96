"""Who calls: what the trunk says, who diverted the call, and whether the number is theirs.

`trunk_parties` reads each trunk in its own way. Nothing here answers a call.
"""
