"""Requests of which no callback is made, because their number is not to be called, or is called for
somebody else. Their visitors must not learn that: they find the course of a callback at which
nobody answers.
"""
