"""STIR/SHAKEN: whether the caller's number is the caller's, as a signed Identity header says.

RFC 8224 (Identity), RFC 8225 (PASSporT), RFC 8226 (certificates), RFC 8588 (SHAKEN). `verifier`
gives the verdict on an INVITE; `passport` and `certificate` are what is looked at, without waiting;
`certificate_cache` and `fetcher` get the certificates that callers name.
"""
