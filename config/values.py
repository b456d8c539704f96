"""The kinds of values of the configuration. What each has to be is checked in `value_checks/`."""

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, Strict

from .errors import reject
from .value_checks.addresses import (
    check_address,
    check_advertised,
    check_certificate_name,
    check_dial_host,
    check_host,
    check_host_port,
    check_listen,
    check_name_server,
    check_network,
    check_ports,
    check_url_host,
)
from .value_checks.numbers import check_country, check_prefix, check_region, check_route_prefix
from .value_checks.sip_uris import check_agent_address, check_outside, check_sip_uri
from .value_checks.texts import (
    check_header_name,
    check_key,
    check_name,
    check_printable,
    check_secret,
    check_template,
)
from .value_checks.this_machine import check_file_path, check_group, check_socket_path, check_user

# From where the RTP of a peer is taken: from its signalled address alone, or, where that is silent,
# from another port of its host, or from the host that its SIP comes from.
Rtp = Literal["symmetric", "asymmetric", "strict"]
# Whether the RTP of a peer is protected with keys in SDP (SRTP by SDES, RFC 4568).
Srtp = Literal["off", "offered", "required"]

# How pressed keys are sent and understood: as telephone-events (RFC 4733), by SIP INFO alone, or as
# sound.
Dtmf = Literal["rfc4733", "info", "inband"]
# By their encoding names; L16 at 16 kHz, or at 8 kHz where the peer has no more.
Codec = Literal["PCMU", "PCMA", "G722", "opus", "L16"]


def _check_session_expires(seconds: int) -> int:
    """0, or 30 s to a day. Peers refuse less than 90 s, unless they are set up to take it."""
    if seconds and not 30 <= seconds <= 86_400:
        raise reject("must be 0, or 30 to 86400 seconds")
    return seconds


def _check_codecs(codecs: list[str]) -> list[str]:
    if len(set(codecs)) < len(codecs):
        raise reject("a codec stands twice")
    return codecs


def _check_per_s(per_s: float) -> float:
    if per_s and not 0.01 <= per_s <= 1000:
        raise reject("must be 0, or 0.01 to 1000 a second")
    return per_s


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _known_codecs(value: object) -> object:
    """Names of codecs as people write them: `Opus`, `G.722`, `pcma`."""
    if not isinstance(value, list):
        return value
    return [_CODEC_NAMES.get(str(one).upper().replace(".", ""), one) for one in value]


def _check_ptime_ms(ptime_ms: int) -> int:
    if ptime_ms % 10 or not 10 <= ptime_ms <= 60:
        raise reject("must be 10, 20, 30, 40, 50 or 60 ms")
    return ptime_ms


_CODEC_NAMES = {name.upper(): name for name in get_args(Codec)}
Name = Annotated[str, AfterValidator(check_name)]
# How often something begins; 0: as often as it comes.
PerSecond = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_check_per_s)]
# In the order of preference; none: G.711, and another only for who has no G.711.
Codecs = Annotated[list[Codec], BeforeValidator(_known_codecs), AfterValidator(_check_codecs)]
# How long packets are.
Ptime = Annotated[int, AfterValidator(_check_ptime_ms)]
SocketPath = Annotated[Path, Strict(False), AfterValidator(check_socket_path)]
FilePath = Annotated[Path, Strict(False), AfterValidator(check_file_path)]
# Empty means: none.
OptionalPath = Annotated[str, AfterValidator(check_printable)]
Listen = Annotated[str, AfterValidator(check_listen)]
# One address may stand without brackets around it.
Listens = Annotated[
    list[Listen], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]
NameServer = Annotated[str, AfterValidator(check_name_server)]
HostPort = Annotated[str, AfterValidator(check_host_port)]
IpAddress = Annotated[str, AfterValidator(check_address)]
Network = Annotated[str, AfterValidator(check_network)]
Host = Annotated[str, AfterValidator(check_host)]
UrlHost = Annotated[str, AfterValidator(check_url_host)]
DialHost = Annotated[str, AfterValidator(check_dial_host)]
AdvertisedHost = Annotated[str, AfterValidator(check_advertised)]
PortRange = Annotated[tuple[int, int], BeforeValidator(_as_tuple), AfterValidator(check_ports)]
# The interval of session timers (RFC 4028) in whole seconds; 0: none is asked for.
SessionExpires = Annotated[int, AfterValidator(_check_session_expires)]
SipUri = Annotated[str, AfterValidator(check_sip_uri)]
AgentAddress = Annotated[str, AfterValidator(check_agent_address)]
OptionalAgentAddress = Annotated[
    str, AfterValidator(lambda text: text and check_agent_address(text))
]
# A number or sip: URI outside, which takes calls in an agent's place; empty: none.
OutsideNumber = Annotated[str, AfterValidator(check_outside)]
NumberPrefix = Annotated[str, AfterValidator(check_prefix)]
RoutePrefix = Annotated[str, AfterValidator(check_route_prefix)]
Country = Annotated[str, AfterValidator(check_country)]
Region = Annotated[str, AfterValidator(check_region)]
Printable = Annotated[str, AfterValidator(check_printable)]
Template = Annotated[str, Field(max_length=1000), AfterValidator(check_template)]
HeaderName = Annotated[str, AfterValidator(check_header_name)]
User = Annotated[str | int, AfterValidator(check_user)]
Group = Annotated[str, AfterValidator(check_group)]
CertificateName = Annotated[str, AfterValidator(check_certificate_name)]
# A key of a telephone; empty: none.
PhoneKey = Annotated[str, AfterValidator(check_key)]
Secret = Annotated[SecretStr, AfterValidator(check_secret)]
Seconds = Annotated[float, Field(gt=0, le=86400 * 7, allow_inf_nan=False)]
