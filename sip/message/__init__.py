"""SIP messages as text and as values: parser, headers, URIs (RFC 3261, section 7, 19 and 25).

Header values stay raw and are parsed when they are asked for.
"""
