"""Whether the limits of browsers are those of each, also behind a reverse proxy."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network

from config.all_sections import AllSections
from config.value_checks.addresses import split_host_port

from .finding import Finding

_ADVICE = '{key} = ["127.0.0.1/32"], where a proxy of this machine sets X-Forwarded-For.'


def proxy_findings(settings: AllSections) -> Iterator[Finding]:
    """What listens for a proxy of this machine should know it; nobody else may be believed."""
    web, sip = settings.web, settings.sip
    served = [web.listen] if settings.sites or web.phone_server else []
    spoken = [text.removeprefix("ws:") for text in sip.listen if text.startswith("ws:")]
    for listen, key, trusted, places in (
        ("web.listen", "web.trusted_proxies", web.trusted_proxies, served),
        ("sip.listen", "sip.websocket.trusted_proxies", sip.websocket.trusted_proxies, spoken),
    ):
        if not trusted and any(map(_is_loopback, places)):
            what = f"{listen} is on loopback: behind a proxy all browsers share the limits of one."
            yield Finding(key, "warning", what, _ADVICE.format(key=key))
        elif everybody := _everybody(trusted):
            what = (
                f"Anybody in {everybody} may say to be somebody else: no limit of an address holds."
            )
            yield Finding(key, "warning", what, "Name the addresses of the proxies alone.")
        elif trusted and places:
            yield Finding(key, "ok", f"{', '.join(trusted)} may say where browsers are.")


def _is_loopback(place: str) -> bool:
    host, _port = split_host_port(place)
    return ip_address(host).is_loopback


def _everybody(networks: Sequence[str]) -> str:
    """The first network that is all there are; "" for none."""
    return next((one for one in networks if ip_network(one).prefixlen == 0), "")
