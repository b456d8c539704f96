"""The kinds of values of the configuration: each checks itself and says what is wrong with it."""

import grp
import ipaddress
import pwd
import re
from pathlib import Path
from typing import Annotated, Literal

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, Strict
from pydantic_core import PydanticCustomError

DNS_PORT = 53
TRANSPORTS = ("udp", "tcp", "tls")
SOCKET_PATH_BYTES = 107  # sockaddr_un.sun_path holds 108 with its closing zero

# From where the RTP of a peer is taken: from its signalled address alone, or, where that is silent,
# from another port of its host, or from the host that its SIP comes from.
Rtp = Literal["symmetric", "asymmetric", "strict"]
# Whether the RTP of a peer is protected with keys in SDP (SRTP by SDES, RFC 4568).
Srtp = Literal["off", "offered", "required"]

# How pressed keys are sent and understood: as telephone-events (RFC 4733), by SIP INFO alone, or as
# sound, which the engine does not listen to.
Dtmf = Literal["rfc4733", "info", "inband"]
Codec = Literal["PCMU", "PCMA"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?"
)
_NUMBER = re.compile(r"\+?[0-9]{1,32}")
_WRITTEN_NUMBER = re.compile(r"\+?[0-9][0-9 ()./-]{0,40}")
_NUMBER_PREFIX = re.compile(r"\+?[0-9*#]{0,32}")
# RFC 3261 section 25.1: token
_HEADER_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDERS = ("id", "to", "context")

# Headers that the SIP stack writes itself; a configured header must not fight with them.
_STACK_HEADERS = """
    accept accept-encoding allow authorization call-id contact content-encoding content-length
    content-type cseq expires from max-forwards mime-version min-expires min-se
    proxy-authenticate proxy-authorization proxy-require rack reason record-route require
    retry-after route rseq server session-expires supported timestamp to unsupported user-agent
    via warning www-authenticate c e f i k l m s t v x
"""

# Headers that say who is called, or for whom: their value must not come from a request.
_STEERING_HEADERS = """
    a accept-contact b d diversion history-info identity j join o p-asserted-identity
    p-called-party-id p-preferred-identity p-served-user path privacy r refer-sub refer-to
    referred-by reject-contact remote-party-id replaces request-disposition service-route
    target-dialog y
"""


def wrong(key: str, reason: str) -> PydanticCustomError:
    """An error about `key` of the section that is being checked as a whole."""
    return PydanticCustomError("wrong", "{reason}", {"key": key, "reason": reason})


def _reject(reason: str) -> PydanticCustomError:
    return wrong("", reason)


def is_ip_address(host: str) -> bool:
    """Whether `host` is a numeric IPv4 or IPv6 address (without brackets)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def split_host_port(text: str) -> tuple[str, int]:
    """`host:port` or `[ipv6]:port` taken apart. Raises ValueError with a reason."""
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError(f"{text!r} is not host:port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host:
            raise ValueError(f"brackets are for IPv6 addresses: {text!r}")
    elif ":" in host:
        raise ValueError(f"an IPv6 address stands in brackets: [{host}]:{port}")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError(f"{port!r} is not a port (0 to 65535)")
    return host, int(port)


def is_name(text: str) -> bool:
    """Whether `text` may be the name of an entry."""
    return _NAME.fullmatch(text) is not None


def _check_name(text: str) -> str:
    if not is_name(text):
        raise _reject(
            "must be 1 to 64 letters, digits, '.', '_' or '-', and begin with one of the first two"
        )
    return text


def _check_socket_path(path: Path) -> Path:
    _check_printable(str(path))
    size = len(str(path).encode())
    if not path.name:
        raise _reject("must be the path of a socket")
    if size > SOCKET_PATH_BYTES:
        raise _reject(f"is {size} bytes long; a Unix socket path has at most {SOCKET_PATH_BYTES}")
    return path


def _check_file_path(path: Path) -> Path:
    _check_printable(str(path))
    if not path.name:
        raise _reject("must be the path of a file")
    return path


def _check_listen(text: str) -> str:
    transport, colon, rest = text.partition(":")
    if not colon or transport not in TRANSPORTS:
        raise _reject(
            f'{text!r} must look like "udp:127.0.0.1:5060", "tcp:[::1]:5060" or "tls:[::1]:5061"'
        )
    try:
        host, _ = split_host_port(rest)
    except ValueError as error:
        raise _reject(str(error)) from error
    if not is_ip_address(host):
        raise _reject(f"{host!r} is not an IP address")
    return text


def _check_host_port(text: str) -> str:
    if not text:
        return text
    try:
        host, _ = split_host_port(text)
    except ValueError as error:
        raise _reject(str(error)) from error
    if not is_ip_address(host):
        raise _reject(f"{host!r} is not an IP address")
    return text


def address_and_port(text: str) -> tuple[str, int]:
    """A name server taken apart: `address:port`, or an address alone for port 53."""
    if is_ip_address(text):
        return text, DNS_PORT
    return split_host_port(text)


def _check_name_server(text: str) -> str:
    try:
        host, port = address_and_port(text)
    except ValueError as error:
        raise _reject(str(error)) from error
    if not is_ip_address(host) or not port:
        raise _reject(f'{text!r} is not a name server; it is "ADDRESS:PORT"')
    return text


def _check_address(text: str) -> str:
    if not is_ip_address(text):
        raise _reject(f"{text!r} is not an IP address")
    return text


def _check_network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise _reject(f"{text!r} is not a network such as 192.0.2.0/24: {error}") from error


def _check_advertised(text: str) -> str:
    return _check_host(text) if text else text


def _check_host(text: str) -> str:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if is_ip_address(bare):
        return str(ipaddress.ip_address(bare))
    if not _HOST_NAME.fullmatch(bare.lower()):
        raise _reject(f"{text!r} is neither an IP address nor a host name")
    return bare.lower()


def _check_dial_host(text: str) -> str:
    """HOST, HOST:PORT or HOST:PORT;transport=tcp, as a sip: or sips: URI has it."""
    address, _, parameter = text.partition(";")
    if parameter and parameter.lower() not in [f"transport={one}" for one in TRANSPORTS]:
        raise _reject(f"{text!r}: after ';' stands transport=udp, transport=tcp or transport=tls")
    host, _, port = address.rpartition(":") if not is_ip_address(address) else (address, "", "")
    if not host or address.endswith("]"):
        host, port = address, ""
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise _reject(f"{text!r}: {port!r} is not a port")
    host = _check_host(host)
    if not port and not parameter:
        return host
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}{':' if port else ''}{port}{';' if parameter else ''}{parameter.lower()}"


def _check_url_host(text: str) -> str:
    """HOST or HOST:PORT, as a URL has it."""
    if ";" in text:
        raise _reject(f"{text!r} is neither HOST nor HOST:PORT")
    return _check_dial_host(text)


def _check_ports(ports: tuple[int, int]) -> tuple[int, int]:
    low, high = ports
    if low < 1024 or high > 65535:
        raise _reject("both ports must be from 1024 to 65535")
    # RFC 3550 section 11: RTP on an even port, RTCP on the next one.
    low, high = low + low % 2, high - (high + 1) % 2
    if low >= high:
        raise _reject(f"[{ports[0]}, {ports[1]}] holds no pair of an even port and the next one")
    return low, high


def _check_session_expires(seconds: int) -> int:
    """0, or 30 s to a day. Peers refuse less than 90 s, unless they are set up to take it."""
    if seconds and not 30 <= seconds <= 86_400:
        raise _reject("must be 0, or 30 to 86400 seconds")
    return seconds


def _check_sip_uri(text: str) -> str:
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in ("sip", "sips"):
        raise _reject(f"{text!r} is not a sip: or sips: URI")
    if any(c <= " " or c in '<>"' or c == "\x7f" for c in rest):
        raise _reject("a sip: URI has no blanks, quotes or angle brackets")
    address, _, parameters = rest.partition(";")
    if "?" in rest:
        raise _reject("a configured URI has no ?header part")
    user, at, host = address.rpartition("@")
    if at and not user:
        raise _reject("has an '@' but no user before it")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        try:
            host, port = split_host_port(host)
        except ValueError as error:
            raise _reject(str(error)) from error
        if port == 0:
            raise _reject("port 0 cannot be called")
    if not host:
        raise _reject("has no host")
    _check_host(host)
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.lower() != "transport":
            continue
        if value.lower() not in TRANSPORTS:
            raise _reject(f"transport {value!r} is not supported; it is udp, tcp or tls")
        if scheme.lower() == "sips" and value.lower() == "udp":
            raise _reject("sips: needs TLS, and there is none over udp")
    return text


def _check_agent_uri(text: str) -> str:
    _check_sip_uri(text)
    if "@" not in text:
        raise _reject("an agent's URI names a user: sip:user@host")
    return text


def _check_agent_address(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else _check_agent_uri(text)


def _check_outside(text: str) -> str:
    if not text or _WRITTEN_NUMBER.fullmatch(text):
        return text
    if not is_sip_uri(text):
        raise _reject(f"{text!r} is neither a telephone number nor a sip: URI")
    return _check_sip_uri(text)


def is_sip_uri(text: str) -> bool:
    """Whether the text is meant as a sip: or sips: URI."""
    return text[:5].lower().startswith(("sip:", "sips:"))


def uses_tls(uri: str) -> bool:
    """Whether a configured URI leads to TLS by what it says itself."""
    parameters = uri.lower().split(";")[1:]
    return uri[:5].lower() == "sips:" or "transport=tls" in parameters


def host_of(uri: str) -> str:
    """The host of a configured sip: URI, as dial.allow_hosts has it."""
    host = uri.partition(":")[2].partition(";")[0].rpartition("@")[2]
    return (host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]).lower()


def _check_prefix(text: str) -> str:
    if not _NUMBER_PREFIX.fullmatch(text):
        raise _reject(f"{text!r} must be the start of a number: '+' (or none), then digits")
    digits = text[1:]
    if text.startswith("+") and digits.isdigit() and not _may_be_country(digits):
        raise _reject(f"{text!r} is the beginning of no number: there is no such country code")
    return text


def _may_be_country(digits: str) -> bool:
    """Whether a country code begins with these digits, or they with one."""
    codes = map(str, COUNTRY_CODE_TO_REGION_CODE)
    return any(code.startswith(digits) or digits.startswith(code) for code in codes)


def _check_route_prefix(text: str) -> str:
    _check_prefix(text)
    if text.startswith("00"):
        raise _reject(f"{text!r} must begin with '+': numbers are routed as written in full")
    return text


def _check_region(text: str) -> str:
    if text not in SUPPORTED_REGIONS:
        raise _reject(f"{text!r} is not a region; it is two capital letters such as GB")
    return text


def _check_country(text: str) -> str:
    if text.upper() not in SUPPORTED_REGIONS:
        hint = "; Great Britain is GB" if text.upper() == "UK" else ""
        raise _reject(f"{text!r} is not a country; it is two letters such as DE{hint}")
    return text


def _check_printable(text: str) -> str:
    if not text.isprintable():
        raise _reject("must be printable characters on one line")
    return text


def _check_template(text: str) -> str:
    rest = _PLACEHOLDER.sub("", text)
    if "{" in rest or "}" in rest:
        raise _reject("has a brace without its partner")
    for placeholder in _PLACEHOLDER.findall(text):
        if placeholder not in _PLACEHOLDERS and not re.fullmatch(r"context\.[^.]+", placeholder):
            known = ", ".join(f"{{{name}}}" for name in _PLACEHOLDERS)
            raise _reject(f"{{{placeholder}}} is not known; there are {known} and {{context.KEY}}")
    return _check_printable(text)


def _check_header_name(text: str) -> str:
    if not _HEADER_NAME.fullmatch(text):
        raise _reject(f"{text!r} is not a header name")
    if text.lower() in _STACK_HEADERS.split():
        raise _reject(f"{text} is written by the SIP stack itself")
    return text


def steers(name: str, template: str) -> bool:
    """Whether a header that says who is called would be filled from a request."""
    return name.lower() in _STEERING_HEADERS.split() and bool(_PLACEHOLDER.search(template))


def check_user(user: str | int) -> int:
    """The number of a user who is given by name or number."""
    if isinstance(user, int):
        if user < 0:
            raise _reject(f"{user} is not a user number")
        return user
    if user.isascii() and user.isdigit():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise _reject(f"there is no user {user!r} on this machine") from None


def _check_group(group: str) -> str:
    if group:
        try:
            grp.getgrnam(group)
        except KeyError:
            raise _reject(f"there is no group {group!r} on this machine") from None
    return group


def _check_secret(secret: SecretStr) -> SecretStr:
    _check_printable(secret.get_secret_value())
    return secret


def _check_certificate_name(text: str) -> str:
    """A name as it stands in a certificate; `*.example.com` is such a name, and no pattern."""
    wildcard = "*." if text.startswith("*.") else ""
    return wildcard + _check_host(text.removeprefix("*."))


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _check_codecs(codecs: list[str]) -> list[str]:
    if len(set(codecs)) < len(codecs):
        raise _reject("a codec stands twice")
    return codecs


def _check_per_s(per_s: float) -> float:
    if per_s and not 0.01 <= per_s <= 1000:
        raise _reject("must be 0, or 0.01 to 1000 a second")
    return per_s


Name = Annotated[str, AfterValidator(_check_name)]
# How often something begins; 0: as often as it comes.
PerSecond = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_check_per_s)]
# In the order of preference; none: every codec, that of the other party first.
Codecs = Annotated[list[Codec], AfterValidator(_check_codecs)]
SocketPath = Annotated[Path, Strict(False), AfterValidator(_check_socket_path)]
FilePath = Annotated[Path, Strict(False), AfterValidator(_check_file_path)]
# Empty means: none.
OptionalPath = Annotated[str, AfterValidator(_check_printable)]
Listen = Annotated[str, AfterValidator(_check_listen)]
# One address may stand without brackets around it.
Listens = Annotated[
    list[Listen], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]
NameServer = Annotated[str, AfterValidator(_check_name_server)]
HostPort = Annotated[str, AfterValidator(_check_host_port)]
IpAddress = Annotated[str, AfterValidator(_check_address)]
Network = Annotated[str, AfterValidator(_check_network)]
Host = Annotated[str, AfterValidator(_check_host)]
UrlHost = Annotated[str, AfterValidator(_check_url_host)]
DialHost = Annotated[str, AfterValidator(_check_dial_host)]
AdvertisedHost = Annotated[str, AfterValidator(_check_advertised)]
PortRange = Annotated[tuple[int, int], BeforeValidator(_as_tuple), AfterValidator(_check_ports)]
# The interval of session timers (RFC 4028) in whole seconds; 0: none is asked for.
SessionExpires = Annotated[int, AfterValidator(_check_session_expires)]
SipUri = Annotated[str, AfterValidator(_check_sip_uri)]
AgentAddress = Annotated[str, AfterValidator(_check_agent_address)]
OptionalAgentAddress = Annotated[
    str, AfterValidator(lambda text: text and _check_agent_address(text))
]
# A number or sip: URI outside, which takes calls in an agent's place; empty: none.
OutsideNumber = Annotated[str, AfterValidator(_check_outside)]
NumberPrefix = Annotated[str, AfterValidator(_check_prefix)]
RoutePrefix = Annotated[str, AfterValidator(_check_route_prefix)]
Country = Annotated[str, AfterValidator(_check_country)]
Region = Annotated[str, AfterValidator(_check_region)]
Printable = Annotated[str, AfterValidator(_check_printable)]
Template = Annotated[str, Field(max_length=1000), AfterValidator(_check_template)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]
User = Annotated[str | int, AfterValidator(check_user)]
Group = Annotated[str, AfterValidator(_check_group)]
CertificateName = Annotated[str, AfterValidator(_check_certificate_name)]
Secret = Annotated[SecretStr, AfterValidator(_check_secret)]
Seconds = Annotated[float, Field(gt=0, le=86400 * 7, allow_inf_nan=False)]
