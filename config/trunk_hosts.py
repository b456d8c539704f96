"""Where the requests to a trunk are sent: `uri`, `hosts`, `outbound_proxy` and `route`.

`uri` is the name that requests give the trunk. `hosts` are where they are sent, in place of where
`uri` leads; one that stands in `uri` as well is named by its own address.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .errors import reject, wrong
from .section import Section, first_duplicate
from .value_checks.addresses import check_dial_host
from .value_checks.sip_uris import check_sip_uri, host_of, is_sip_uri
from .values import SipUri

MOST_HOSTS = 16
MOST_ROUTES = 8
LONGEST_QUALIFY_S = 3600.0


def _check_place(text: str) -> str:
    """HOST, HOST:PORT or HOST:PORT;transport=tcp; or that as a sip: or sips: URI."""
    if not is_sip_uri(text):
        return check_dial_host(text)
    check_sip_uri(text)
    if "@" in text:
        raise reject(f"{text!r} has a user; it is the host alone")
    return text


def _check_proxy(text: str) -> str:
    return text and _as_sip_uri(_check_place(text))


def _check_route(text: str) -> str:
    """One value of Route: a sip: URI, with or without angle brackets."""
    is_bracketed = text.startswith("<") and text.endswith(">")
    uri = text[1:-1] if is_bracketed else text
    return f"<{check_sip_uri(uri)}>"


def _as_sip_uri(text: str, uri: str = "") -> str:
    """A host as a sip: URI. What it leaves out of scheme and parameters is as in `uri`."""
    if is_sip_uri(text):
        return text
    scheme = uri.partition(":")[0] if uri else "sip"
    parameters = uri.partition(";")[2] if ";" not in text else ""
    address = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
    return f"{scheme}:{address}{';' if parameters else ''}{parameters}"


def _check_qualify(seconds: float) -> float:
    if seconds and not 1.0 <= seconds <= LONGEST_QUALIFY_S:
        raise reject(f"must be 0, or 1 to {LONGEST_QUALIFY_S:g} seconds")
    return seconds


def _as_table(value: object) -> object:
    return {"host": value} if isinstance(value, str) else value


def _as_list(value: object) -> object:
    """One value may stand without brackets; commas part several, as in a Route header."""
    return [one.strip() for one in value.split(",")] if isinstance(value, str) else value


class TrunkHost(Section):
    """One of `trunks.hosts`: a host, how soon it is tried (`priority`), and its share (`weight`).

    The hosts of the lowest priority come first. Among those of one priority the weights say how
    often each is the first (RFC 2782).
    """

    host: Annotated[str, AfterValidator(_check_place)]
    priority: int = Field(default=1, ge=0, le=65_535)
    weight: int = Field(default=1, ge=0, le=65_535)


Proxy = Annotated[str, AfterValidator(_check_proxy)]
RouteValue = Annotated[str, AfterValidator(_check_route)]
Routes = Annotated[list[RouteValue], BeforeValidator(_as_list), Field(max_length=MOST_ROUTES)]
Hosts = Annotated[
    list[Annotated[TrunkHost, BeforeValidator(_as_table)]],
    BeforeValidator(_as_list),
    Field(max_length=MOST_HOSTS),
]
Qualify = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_check_qualify)]


class Reached(Section):
    """Where a trunk is, and by which proxies it is reached."""

    uri: SipUri = Field(default="", validate_default=False)
    hosts: Hosts = Field(default=[])
    outbound_proxy: Proxy = ""
    route: Routes = Field(default=[])
    qualify_s: Qualify = 0.0

    @model_validator(mode="after")
    def _check_where(self) -> Any:
        if not self.uri and not self.hosts:
            raise wrong("uri", "is missing: it, or hosts, says where the trunk is")
        uris = self.host_uris
        twice = first_duplicate([uri.lower() for uri in uris])
        if twice is not None:
            raise wrong("hosts", f"{twice!r} stands twice")
        if not self.uri:
            first = min(range(len(uris)), key=lambda number: self.hosts[number].priority)
            object.__setattr__(self, "uri", uris[first])
        return self

    @property
    def host_uris(self) -> list[str]:
        """The sip: URIs of `hosts`, in their order."""
        return [_as_sip_uri(one.host, self.uri) for one in self.hosts]

    @property
    def route_uris(self) -> list[str]:
        """The sip: URIs of `route`, in their order."""
        return [value[1:-1] for value in self.route]

    @property
    def sent_to(self) -> list[str]:
        """The sip: URIs that requests are sent to: of the proxy, else of the hosts, else `uri`."""
        if self.outbound_proxy:
            return [self.outbound_proxy]
        return self.host_uris or self.route_uris[:1] or [self.uri]

    @property
    def places(self) -> list[str]:
        """Every sip: URI that is of this trunk: what is configured to be at one of them is there,
        and who calls from one of them is the trunk."""
        proxies = [uri for uri in (self.outbound_proxy, *self.route_uris) if uri]
        return list(dict.fromkeys([self.uri, *self.host_uris, *proxies]))

    @property
    def host_names(self) -> set[str]:
        """The hosts of `places`."""
        return {host_of(uri) for uri in self.places}
