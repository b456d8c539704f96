"""Registrations: bindings at a registrar, kept alive (RFC 3261 section 10).

`registration` sends REGISTER; `grant` reads what the registrar answers.
"""
