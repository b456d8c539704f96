"""Where a call may go: numbers, dialplan, trunks, rules, and the policies that admit or refuse.

It decides about a request before anybody is dialled. It rings nobody itself.
"""
