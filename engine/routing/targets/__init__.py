"""The ways to a party that may be dialled: destinations, and their targets.

`trunk_targets` makes those by trunks, `number_rewriting` writes numbers as a trunk wants them.
"""
