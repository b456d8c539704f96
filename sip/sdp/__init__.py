"""Session descriptions (RFC 4566) and the offer/answer exchange (RFC 3264).

It says what is offered and agreed. It moves no media.
"""
