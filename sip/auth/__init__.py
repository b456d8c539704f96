"""Digest authentication (RFC 3261, section 22, RFC 7616 and RFC 8760).

It reads challenges and makes the credentials that answer them (`digest`), and it challenges who
calls us and checks their credentials (`digest_server`).
"""
