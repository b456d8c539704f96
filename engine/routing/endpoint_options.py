"""How the SIP endpoint works, from the configuration."""

import resource
import time
from collections.abc import Sequence
from typing import Final

import structlog

from config.sections import Trunk
from config.sip import Sip
from config.trusted_proxies import TrustedProxies
from config.value_checks.addresses import address_and_port
from sip.endpoint import SipEndpoint
from sip.endpoint_options import EndpointOptions
from sip.rate_limit import RateLimit, SourceRates
from sip.transport.sockets import ListenError
from sip.transport.tcp_places import TcpLimits
from sip.transport.tls.contexts import (
    ALPN_PROTOCOL,
    TlsFileError,
    TlsFiles,
    TlsOptions,
    VerifyClient,
)

log = structlog.get_logger()

DAY_S: Final = 86_400.0
SOON_DAYS: Final = 21.0


def endpoint_options(sip: Sip, trunks: Sequence[Trunk] = ()) -> EndpointOptions:
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
        tcp_limits=TcpLimits.within(
            resource.getrlimit(resource.RLIMIT_NOFILE)[0], sip.keepalive_s, sip.pong_s
        ),
        name_servers=tuple(address_and_port(text) for text in sip.dns),
        tls=tls_options(sip, trunks) if _listens_on_tls(sip, trunks) else None,
        dscp=sip.dscp,
        origins=tuple(sip.websocket.origins),
        proxies=TrustedProxies(sip.websocket.trusted_proxies),
    )


def reconfigure(endpoint: SipEndpoint, sip: Sip, trunks: Sequence[Trunk]) -> None:
    """Have the endpoint read its certificates again, and listen where trunks need it now.

    What cannot be had is logged: calls go on as before.
    """
    if endpoint.resolver.has_tls or _listens_on_tls(sip, trunks):
        try:
            endpoint.configure_tls(tls_options(sip, trunks))
        except TlsFileError as error:
            log.error("certificate_not_read", key=error.key, reason=error.reason)
        tell_of_certificates(endpoint, time.time())
    for trunk in trunks:
        try:
            endpoint.listen_for(trunk.name, trunk.listen, trunk.advertise)
        except ListenError as error:
            log.error("trunk_does_not_listen", trunk=trunk.name, reason=error.reason)


def tell_of_certificates(endpoint: SipEndpoint, now: float) -> None:
    """Log which of our certificates has ended, or ends soon. `now` is Unix time."""
    for trunk, until in endpoint.tcp.certificates.items():
        whose = {"trunk": trunk} if trunk else {}
        days = (until - now) / DAY_S
        if days <= 0.0:
            log.error("certificate_has_expired", **whose)
        elif days < SOON_DAYS:
            log.warning("certificate_expires", in_days=round(days, 1), **whose)


def _listens_on_tls(sip: Sip, trunks: Sequence[Trunk]) -> bool:
    own = [text for trunk in trunks for text in trunk.listen]
    return any(text.startswith(("tls:", "wss:")) for text in (*sip.listen, *own))


def tls_options(sip: Sip, trunks: Sequence[Trunk]) -> TlsOptions:
    """How TLS is spoken, with the certificates of single trunks."""
    tls = sip.tls
    verify: VerifyClient = "no"
    if tls.verify_client:
        verify = "optional" if tls.verify_client == "optional" else "yes"
    return TlsOptions(
        TlsFiles(tls.cert, tls.key, tls.ca),
        verify_client=verify,
        min_version=tls.min_version,
        ciphers=tls.ciphers,
        alpn=(ALPN_PROTOCOL,) if tls.alpn else (),
        own={
            trunk.name: TlsFiles(
                trunk.tls_cert, trunk.tls_key, trunk.tls_ca, tuple(trunk.tls_names)
            )
            for trunk in trunks
            if trunk.tls_cert or trunk.tls_ca or trunk.tls_names
        },
    )
