"""`ringback trace` and `ringback explain`: the SIP of calls as a ladder, as pcap, and in words."""
