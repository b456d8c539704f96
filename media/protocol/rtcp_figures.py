"""What an RTCP report says, as the engine hears of it (RFC 3550 section 6.4.1)."""

import msgspec


class RtcpSender(msgspec.Struct, array_like=True):
    """What a sender report says of the sender's own stream (RFC 3550 section 6.4.1)."""

    ntp: int  # seconds since 1900, as 32.32 bits
    timestamp: int
    packets: int
    octets: int


class RtcpBlock(msgspec.Struct, array_like=True):
    """What a report says of one received stream (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction_lost: int  # 256ths
    cumulative_lost: int
    highest_sequence: int
    jitter: int  # timestamp units
    last_report: int
    delay: int  # 65536ths of a second
