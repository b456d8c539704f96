"""What [sip] makes of the endpoint."""

from config.sip import Sip
from engine.routing.endpoint_options import endpoint_options
from sip.rate_limit import RateLimit


def test_every_key_arrives() -> None:
    options = endpoint_options(
        Sip(
            advertise="203.0.113.5",
            user_agent="Desk",
            max_messages_per_s=70,
            max_messages_burst=80,
            max_unknown_per_s=9,
            max_unknown_together_per_s=20,
            dns=["192.0.2.53:5353", "2001:db8::53"],
        )
    )
    assert (options.advertise, options.product) == ("203.0.113.5", "Desk")
    assert options.rates is not None and options.tcp_limits is not None
    assert options.rates.each == RateLimit(70, 80)
    assert options.rates.unknown == RateLimit(9, 18)
    assert options.rates.unknown_together == RateLimit(20, 40)
    assert options.name_servers == (("192.0.2.53", 5353), ("2001:db8::53", 53))


def test_nothing_advertised_is_the_address_itself() -> None:
    assert endpoint_options(Sip()).advertise is None
