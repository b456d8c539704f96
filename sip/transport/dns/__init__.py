"""Questions to the name service: addresses, SRV and NAPTR records, and what is remembered of them.

`lookups` answers from /etc/hosts, the cache and the name servers. What a SIP URI leads to is
decided in `sip/transport/resolver.py`.
"""
