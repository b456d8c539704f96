"""What the engine and the WebRTC process say to each other, in frames (media/protocol/framing.py).

A session is the audio of one call of a browser, by its Call-ID.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from .turn_credentials import time_limited

Setup: TypeAlias = Literal["actpass", "active", "passive"]


class Candidate(msgspec.Struct, array_like=True, frozen=True):
    """A transport address of ICE (RFC 8445 section 5.1.1)."""

    foundation: str
    component: int
    transport: str
    priority: int
    host: str
    port: int
    kind: str
    related_host: str = ""
    related_port: int = 0


class IceDtls(msgspec.Struct, array_like=True, frozen=True):
    """How one side is reached: its ICE credentials and candidates, and its certificates' hashes.

    A fingerprint is the name of the hash and its value (RFC 8122 section 5).
    """

    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: Setup
    candidates: tuple[Candidate, ...] = ()
    is_lite: bool = False

    def __repr__(self) -> str:
        """Without the password, so that no log can have it."""
        return f"IceDtls(ufrag={self.ufrag!r}, candidates={len(self.candidates)})"


class IceServers(msgspec.Struct, array_like=True, frozen=True):
    """STUN and TURN servers, as URIs of RFC 7064 and RFC 7065; "" for none.

    With `relay_only` audio goes through the TURN server alone. `advertise` replaces the address of
    candidates of this host. With `turn_secret` credentials are made that hold for `turn_ttl_s`.
    """

    stun: str = ""
    turn: str = ""
    turn_username: str = ""
    turn_password: str = ""
    relay_only: bool = False
    advertise: str = ""
    turn_secret: str = ""
    turn_ttl_s: float = 3600.0

    def turn_credentials(self, now: float) -> tuple[str, str]:
        """The name and the password for the TURN server, at `now` (Unix seconds)."""
        if not self.turn_secret:
            return self.turn_username, self.turn_password
        return time_limited(self.turn_secret, now + self.turn_ttl_s)

    def __repr__(self) -> str:
        """Without the password."""
        return f"IceServers(stun={self.stun!r}, turn={self.turn!r})"


class _Message(msgspec.Struct, array_like=True):
    pass


# Engine to process


class Configure(_Message, tag=1):
    """Use these servers for sessions from now on. The first message."""

    servers: IceServers


class Open(_Message, tag=2):
    """Describe a session. Answered by Described or Failed.

    `remote` is what a browser offers; None where we offer. Where a browser offers with other
    credentials than before, ICE is restarted (RFC 8445 section 9).
    """

    request: int
    session: str
    remote: IceDtls | None = None


class Answered(_Message, tag=3):
    """A browser has answered our offer."""

    session: str
    remote: IceDtls


class Connect(_Message, tag=4):
    """Where the plain RTP and RTCP of the session go."""

    session: str
    host: str
    port: int
    rtcp_port: int


class Close(_Message, tag=5):
    """The call of the session is over."""

    session: str


Command: TypeAlias = Configure | Open | Answered | Connect | Close


# Process to engine


class Described(_Message, tag=64):
    """Our side of a session: what the browser is told, and the ports of plain RTP and RTCP."""

    request: int
    local: IceDtls
    port: int
    rtcp_port: int


class Failed(_Message, tag=65):
    """There is no session, with the reason."""

    request: int
    reason: str


class StateChanged(_Message, tag=66):
    """A browser is reached, cannot be reached, or is reached no more."""

    session: str
    state: Literal["connected", "failed", "lost"]
    reason: str = ""


Report: TypeAlias = Described | Failed | StateChanged

command_decoder: Final = msgspec.msgpack.Decoder(list[Command])
report_decoder: Final = msgspec.msgpack.Decoder(list[Report])
