"""IP addresses, hosts and ports, as they may be written."""

import ipaddress
import re

from ..errors import reject

DNS_PORT = 53
TRANSPORTS = ("udp", "tcp", "tls")
LISTEN_TRANSPORTS = (*TRANSPORTS, "ws", "wss")

_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?"
)


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


def check_listen(text: str) -> str:
    """TRANSPORT:ADDRESS:PORT, where the engine listens for SIP."""
    transport, colon, rest = text.partition(":")
    if not colon or transport not in LISTEN_TRANSPORTS:
        raise reject(
            f'{text!r} must look like "udp:127.0.0.1:5060", "tcp:[::1]:5060" or "tls:[::1]:5061",'
            " or the same with ws or wss"
        )
    try:
        host, _ = split_host_port(rest)
    except ValueError as error:
        raise reject(str(error)) from error
    if not is_ip_address(host):
        raise reject(f"{host!r} is not an IP address")
    return text


def check_host_port(text: str) -> str:
    """ADDRESS:PORT; empty: none."""
    if not text:
        return text
    try:
        host, _ = split_host_port(text)
    except ValueError as error:
        raise reject(str(error)) from error
    if not is_ip_address(host):
        raise reject(f"{host!r} is not an IP address")
    return text


def address_and_port(text: str) -> tuple[str, int]:
    """A name server taken apart: `address:port`, or an address alone for port 53."""
    if is_ip_address(text):
        return text, DNS_PORT
    return split_host_port(text)


def check_name_server(text: str) -> str:
    """ADDRESS:PORT, or an address alone for port 53."""
    try:
        host, port = address_and_port(text)
    except ValueError as error:
        raise reject(str(error)) from error
    if not is_ip_address(host) or not port:
        raise reject(f'{text!r} is not a name server; it is "ADDRESS:PORT"')
    return text


def check_address(text: str) -> str:
    """A numeric IP address."""
    if not is_ip_address(text):
        raise reject(f"{text!r} is not an IP address")
    return text


def check_network(text: str) -> str:
    """A network such as 192.0.2.0/24."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise reject(f"{text!r} is not a network such as 192.0.2.0/24: {error}") from error


def check_advertised(text: str) -> str:
    """A host; empty: none."""
    return check_host(text) if text else text


def check_host(text: str) -> str:
    """A host name or IP address, in small letters and without brackets."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if is_ip_address(bare):
        return str(ipaddress.ip_address(bare))
    if not _HOST_NAME.fullmatch(bare.lower()):
        raise reject(f"{text!r} is neither an IP address nor a host name")
    return bare.lower()


def check_dial_host(text: str) -> str:
    """HOST, HOST:PORT or HOST:PORT;transport=tcp, as a sip: or sips: URI has it."""
    address, _, parameter = text.partition(";")
    if parameter and parameter.lower() not in [f"transport={one}" for one in TRANSPORTS]:
        raise reject(f"{text!r}: after ';' stands transport=udp, transport=tcp or transport=tls")
    host, _, port = address.rpartition(":") if not is_ip_address(address) else (address, "", "")
    if not host or address.endswith("]"):
        host, port = address, ""
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise reject(f"{text!r}: {port!r} is not a port")
    host = check_host(host)
    if not port and not parameter:
        return host
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}{':' if port else ''}{port}{';' if parameter else ''}{parameter.lower()}"


def check_url_host(text: str) -> str:
    """HOST or HOST:PORT, as a URL has it."""
    if ";" in text:
        raise reject(f"{text!r} is neither HOST nor HOST:PORT")
    return check_dial_host(text)


def check_ports(ports: tuple[int, int]) -> tuple[int, int]:
    """Whole pairs for RTP and RTCP: from an even port to an odd one."""
    low, high = ports
    if low < 1024 or high > 65535:
        raise reject("both ports must be from 1024 to 65535")
    # RFC 3550 section 11: RTP on an even port, RTCP on the next one.
    low, high = low + low % 2, high - (high + 1) % 2
    if low >= high:
        raise reject(f"[{ports[0]}, {ports[1]}] holds no pair of an even port and the next one")
    return low, high


def check_certificate_name(text: str) -> str:
    """A name as it stands in a certificate; `*.example.com` is such a name, and no pattern."""
    wildcard = "*." if text.startswith("*.") else ""
    return wildcard + check_host(text.removeprefix("*."))
