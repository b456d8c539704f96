"""How the SIP endpoint works, from the configuration."""

import resource

from config.sections import Sip
from config.values import address_and_port
from sip.endpoint import EndpointOptions
from sip.rate_limit import RateLimit, SourceRates
from sip.transport.tcp_limits import TcpLimits


def endpoint_options(sip: Sip) -> EndpointOptions:
    """The options that [sip] asks for. Connections leave most file descriptors to calls."""
    together = sip.max_unknown_together_per_s
    return EndpointOptions(
        advertise=sip.advertise or None,
        product=sip.user_agent,
        rates=SourceRates(
            RateLimit(sip.max_messages_per_s, sip.max_messages_burst),
            RateLimit(sip.max_unknown_per_s, 2 * sip.max_unknown_per_s),
            RateLimit(together, 2 * together),
        ),
        tcp_limits=TcpLimits.within(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        name_servers=tuple(address_and_port(text) for text in sip.dns),
    )
