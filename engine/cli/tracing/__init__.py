"""`ringback trace` and `ringback explain`: the SIP of calls as a ladder, as pcap, and in words.

`ladder` draws for a terminal, `pcap` writes for Wireshark. Secrets are masked by the engine.
"""
