"""Just enough SIP text for a phone that talks to one known engine: read fast, answer by template.

This is no parser to rely on: it takes well-formed messages, as the engine must send them.
"""

from base64 import b64encode
from dataclasses import dataclass

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
}
PHRASES = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    404: "Not Found",
    405: "Method Not Allowed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    603: "Decline",
}


@dataclass(slots=True)
class SipText:
    """A message taken apart: `method` is empty in a response, `status` 0 in a request."""

    method: str
    uri: str
    status: int
    headers: dict[str, str]
    vias: list[str]
    routes: list[str]
    body: str

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.headers.get("call-id", "")


def read_sip(data: bytes) -> SipText | None:
    """Take a message apart; None when it is none (a keep-alive, say)."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 3:
        return None
    headers: dict[str, str] = {}
    vias: list[str] = []
    routes: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        name = _COMPACT.get(name, name)
        value = value.strip()
        if name == "via":
            vias.append(value)
        elif name == "record-route":
            routes.append(value)
        else:
            headers[name] = value
    if words[0] == "SIP/2.0":
        return SipText("", "", int(words[1]), headers, vias, routes, body)
    return SipText(words[0], words[1], 0, headers, vias, routes, body)


def user_of(uri: str) -> str:
    """The user part of a SIP URI."""
    return uri.partition(":")[2].partition("@")[0].partition(";")[0]


def uri_in(value: str) -> str:
    """The URI of a name-addr."""
    _, found, rest = value.partition("<")
    return rest.partition(">")[0] if found else value.partition(";")[0]


def audio_address(sdp: str) -> tuple[str, int] | None:
    """Address and port of the audio stream of a session description."""
    host, port = "", 0
    for line in sdp.splitlines():
        if line.startswith("c=IN IP4 "):
            host = line[9:].strip()
        elif line.startswith("m=audio "):
            port = int(line.split(" ", 2)[1])
    return (host, port) if host and port else None


PHONE_KEY = bytes(range(30))
"""The master key and salt of every phone."""
SUITE = "AES_CM_128_HMAC_SHA1_80"


def crypto_answer(offer: str) -> str:
    """The a=crypto line that answers an offer of SRTP; empty for an offer of plain RTP."""
    if "RTP/SAVP" not in offer:
        return ""
    for line in offer.splitlines():
        if line.startswith("a=crypto:") and SUITE in line:
            tag = line[9:].partition(" ")[0]
            return f"a=crypto:{tag} {SUITE} inline:{b64encode(PHONE_KEY).decode()}\r\n"
    return ""


def sdp_text(host: str, port: int, crypto: str = "") -> str:
    """The description of a phone that speaks PCMU and sends telephone-events.

    With the line `crypto` its RTP is SRTP.
    """
    protocol = "RTP/SAVP" if crypto else "RTP/AVP"
    return (
        f"v=0\r\no=- {port} 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} {protocol} 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        f"{crypto}"
    )


def answer_text(
    request: SipText, status: int, *, to_tag: str, contact: str = "", sdp: str = ""
) -> bytes:
    """A response to this request; `contact` is a URI."""
    return _answer(request, status, to_tag, f"<{contact}>" if contact else "", sdp)


def registered_text(register: SipText) -> bytes:
    """The 200 of a registrar that grants what was asked for."""
    expires = register.headers.get("expires", "3600")
    contact = register.headers["contact"].partition(";expires=")[0]
    return _answer(register, 200, "registrar", f"{contact};expires={expires}")


def _answer(request: SipText, status: int, to_tag: str, contact: str, sdp: str = "") -> bytes:
    headers = request.headers
    to = headers["to"]
    lines = [f"SIP/2.0 {status} {PHRASES.get(status, 'Other')}"]
    lines += [f"Via: {via}" for via in request.vias]
    lines += [f"Record-Route: {route}" for route in request.routes]
    lines.append(f"From: {headers['from']}")
    lines.append(f"To: {to}" if ";tag=" in to or not to_tag else f"To: {to};tag={to_tag}")
    lines.append(f"Call-ID: {headers['call-id']}")
    lines.append(f"CSeq: {headers['cseq']}")
    if contact:
        lines.append(f"Contact: {contact}")
    if sdp:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(sdp)}\r\n\r\n{sdp}")
    return "\r\n".join(lines).encode()


def bye_text(
    invite: SipText, *, to_tag: str, local: str, branch: str, transport: str = "UDP"
) -> bytes:
    """The BYE of the side that was called."""
    headers = invite.headers
    lines = [
        f"BYE {uri_in(headers['contact'])} SIP/2.0",
        f"Via: SIP/2.0/{transport} {local};branch={branch};rport",
        "Max-Forwards: 70",
        *(f"Route: {route}" for route in invite.routes),
        f"From: {headers['to']};tag={to_tag}",
        f"To: {headers['from']}",
        f"Call-ID: {headers['call-id']}",
        "CSeq: 1 BYE",
        "Content-Length: 0\r\n\r\n",
    ]
    return "\r\n".join(lines).encode()
