"""sip: and sips: URIs, as they may be written."""

import re

from ..errors import reject
from .addresses import TRANSPORTS, check_host, split_host_port

_NUMBER = re.compile(r"\+?[0-9]{1,32}")
_BROWSER = re.compile(r"webrtc:[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_WRITTEN_NUMBER = re.compile(r"\+?[0-9][0-9 ()./-]{0,40}")


def check_sip_uri(text: str) -> str:
    """A sip: or sips: URI that can be called: its host, port and transport are looked at."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in ("sip", "sips"):
        raise reject(f"{text!r} is not a sip: or sips: URI")
    if any(c <= " " or c in '<>"' or c == "\x7f" for c in rest):
        raise reject("a sip: URI has no blanks, quotes or angle brackets")
    address, _, parameters = rest.partition(";")
    if "?" in rest:
        raise reject("a configured URI has no ?header part")
    user, at, host = address.rpartition("@")
    if at and not user:
        raise reject("has an '@' but no user before it")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        try:
            host, port = split_host_port(host)
        except ValueError as error:
            raise reject(str(error)) from error
        if port == 0:
            raise reject("port 0 cannot be called")
    if not host:
        raise reject("has no host")
    check_host(host)
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.lower() != "transport":
            continue
        if value.lower() not in TRANSPORTS:
            raise reject(f"transport {value!r} is not supported; it is udp, tcp or tls")
        if scheme.lower() == "sips" and value.lower() == "udp":
            raise reject("sips: needs TLS, and there is none over udp")
    return text


def check_agent_uri(text: str) -> str:
    """A sip: URI with a user in it."""
    check_sip_uri(text)
    if "@" not in text:
        raise reject("an agent's URI names a user: sip:user@host")
    return text


def check_agent_address(text: str) -> str:
    """How an agent is called: a number, a browser, or a sip: URI with a user in it."""
    if _NUMBER.fullmatch(text) or _BROWSER.fullmatch(text):
        return text
    if text[:7].lower() == "webrtc:":
        raise reject(f"{text!r} must be webrtc: and the agent's name")
    return check_agent_uri(text)


def browser_of(text: str) -> str | None:
    """The name by which an agent's browser signs in, where the address is a browser."""
    return text.removeprefix("webrtc:") if _BROWSER.fullmatch(text) else None


def check_outside(text: str) -> str:
    """A telephone number or a sip: URI; empty: none."""
    if not text or _WRITTEN_NUMBER.fullmatch(text):
        return text
    if not is_sip_uri(text):
        raise reject(f"{text!r} is neither a telephone number nor a sip: URI")
    return check_sip_uri(text)


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
