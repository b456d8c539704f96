"""Whom a call shows as its caller: the number, and how trunks are told."""
