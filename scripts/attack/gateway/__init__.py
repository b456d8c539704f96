"""Attacks on the web gateway, and what its visitors and the engine behind it notice of them."""
