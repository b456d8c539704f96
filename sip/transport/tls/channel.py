"""The TLS of one connection as bytes in and bytes out, without a socket and a clock."""

import contextlib
import ssl
from typing import Final

from .certificate import Certificate, is_of, names_of
from .failure import TlsFailed, failure_of

_READ_BYTES: Final = 64 * 1024
_RECORD_TYPES: Final = range(0x14, 0x18)
"""The first byte of a TLS record: change_cipher_spec, alert, handshake, application data."""


def looks_like_tls(data: bytes | bytearray) -> bool:
    """Whether a stream that begins so is TLS. Two bytes decide; one is taken to be."""
    return data[:1] != b"" and data[0] in _RECORD_TYPES and data[1:2] in (b"", b"\3")


class TlsChannel:
    """One end of a TLS connection. What is to be sent is taken by `take_output`.

    `name` is the name that the peer's certificate has to have, also told to the peer (SNI, RFC
    6066); "" where we are the server. One of `or_names` will do as well.
    """

    __slots__ = (
        "_in",
        "_is_checked",
        "_name",
        "_or_names",
        "_out",
        "_tls",
        "is_established",
        "is_over",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        is_server: bool,
        name: str = "",
        or_names: tuple[str, ...] = (),
    ) -> None:
        """Raises TlsFailed for a name that no certificate can have."""
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._name = name
        self._or_names = or_names
        self._is_checked = False
        try:
            self._tls = context.wrap_bio(
                self._in, self._out, server_side=is_server, server_hostname=name or None
            )
        except (ValueError, UnicodeError) as error:
            raise TlsFailed("certificate_wrong_name", f"{name!r}: {error}") from None
        self.is_established = False
        self.is_over = False
        """Whether the peer has said that it sends no more (close_notify)."""

    def receive(self, data: bytes | memoryview) -> None:
        """Bytes have come from the peer. Raises TlsFailed where they are no TLS."""
        if not self._is_checked:
            self._is_checked = True
            start = bytes(data[:2])
            if not looks_like_tls(start):
                raise TlsFailed("not_tls")
        self._in.write(data)

    @property
    def pending_bytes(self) -> int:
        """What came and is not decrypted."""
        return self._in.pending

    def shake_hands(self) -> bool:
        """Go on with the handshake. True once it is complete. Raises TlsFailed."""
        if not self.is_established:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                return False
            except ssl.SSLError as error:
                raise failure_of(error) from error
            accepted = (self._name, *self._or_names)
            if self._name and not any(is_of(self.certificate, name) for name in accepted):
                shown = ", ".join(names_of(self.certificate)) or "none"
                detail = f"{self._name!r} is expected, it is of {shown}"
                raise TlsFailed("certificate_wrong_name", detail)
            self.is_established = True
        return True

    def decrypt(self) -> bytes:
        """What the peer has sent. See `is_over`. Raises TlsFailed."""
        parts = []
        try:
            while part := self._tls.read(_READ_BYTES):
                parts.append(part)
            self.is_over = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            if not parts:
                raise failure_of(error) from error
        return b"".join(parts)

    def encrypt(self, data: bytes) -> None:
        """Send this, once the handshake is complete. Raises TlsFailed."""
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise failure_of(error) from error

    def say_goodbye(self) -> None:
        """Tell the peer that no more is sent (close_notify)."""
        if self.is_established:
            # The peer has not said so yet, and need not.
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()

    def take_output(self) -> bytes:
        """What is to be sent to the peer."""
        return self._out.read()

    @property
    def certificate(self) -> Certificate:
        """That of the peer, which was verified. Empty where it has shown none."""
        return self._tls.getpeercert() or {}

    @property
    def description(self) -> str:
        """Version and cipher, such as `TLSv1.3 TLS_AES_256_GCM_SHA384`."""
        cipher = self._tls.cipher()
        return f"{self._tls.version()} {cipher[0] if cipher else ''}".strip()
