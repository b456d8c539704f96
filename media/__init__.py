"""Media: RTP, RTCP, relay, prompts and the worker process that runs them. Knows no SIP."""
