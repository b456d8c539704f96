"""The certificates and rules by which TLS connections are made, read from files."""

import contextlib
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from ...errors import SipError
from .own_certificate import own_certificate

VerifyClient = Literal["no", "optional", "yes"]
MinVersion = Literal["1.2", "1.3"]

ALPN_PROTOCOL: Final = "sip/2"
"""The name of SIP in ALPN, as IANA has registered it."""


class TlsFileError(SipError):
    """A file that cannot be used. `key` is which: cert, key, ca or ciphers; `local` is the trunk
    that it is configured for, "" for all of them."""

    def __init__(self, local: str, key: str, reason: str) -> None:
        super().__init__(reason)
        self.local = local
        self.key = key


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: our certificate with those of its issuers, its key, and the issuers that we trust.

    Without `ca` those count that the system trusts. `names` are further names that a peer's
    certificate may have, besides the host that is called.
    """

    cert: str = ""
    key: str = ""
    ca: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How TLS is spoken. `own` are the files of trunks that have some of their own.

    `verify_client`: whether a peer that connects has to show a certificate, is asked for one, or
    is not asked. `ciphers` are those of TLS 1.2 as OpenSSL names them.
    """

    files: TlsFiles = TlsFiles()
    verify_client: VerifyClient = "no"
    min_version: MinVersion = "1.2"
    ciphers: str = ""
    alpn: tuple[str, ...] = ()
    own: Mapping[str, TlsFiles] = field(default_factory=dict)


class TlsContexts:
    """The contexts of all connections. Connections that are up keep theirs when it is replaced."""

    def __init__(self, options: TlsOptions) -> None:
        """Read the files. Raises TlsFileError."""
        self.valid_until: dict[str, float] = {}
        """The Unix time until which each of our certificates is valid, by trunk ("": of all
        others); 0 for one that has expired."""
        self._servers: dict[str, ssl.SSLContext] = {}
        self._web_servers: dict[str, ssl.SSLContext] = {}
        self._clients: dict[str, ssl.SSLContext] = {}
        # A browser shows no certificate, and ALPN has another meaning for it.
        for_browsers = replace(options, verify_client="no", alpn=())
        shared = options.files
        self._names = {local: files.names for local, files in options.own.items()}
        for local, files in {"": shared, **options.own}.items():
            used = TlsFiles(
                files.cert or shared.cert,
                files.key if files.cert else shared.key,
                files.ca or shared.ca,
            )
            self._clients[local] = _context(local, used, options, is_server=False)
            if used.cert:
                self._servers[local] = _context(local, used, options, is_server=True)
                self._web_servers[local] = _context(local, used, for_browsers, is_server=True)
            if files.cert:
                own = own_certificate(files.cert, files.key)
                self.valid_until[local] = 0.0 if own is None else own.not_after

    def client(self, local: str) -> ssl.SSLContext:
        """For connections that we open to the peers of a trunk, or to all others (`local` "")."""
        return self._clients.get(local) or self._clients[""]

    def names(self, local: str) -> tuple[str, ...]:
        """What else the certificate of a trunk may be of than the host that is called."""
        return self._names.get(local, ())

    def server(self, local: str) -> ssl.SSLContext:
        """For connections to the addresses of a trunk, or to the shared ones. Raises KeyError."""
        return self._servers.get(local) or self._servers[""]

    def web_server(self, local: str) -> ssl.SSLContext:
        """The same for browsers, which show no certificate. Raises KeyError."""
        return self._web_servers.get(local) or self._web_servers[""]


def _context(
    local: str, files: TlsFiles, options: TlsOptions, *, is_server: bool
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = (
        ssl.TLSVersion.TLSv1_3 if options.min_version == "1.3" else ssl.TLSVersion.TLSv1_2
    )
    # A peer could have us compute handshakes without end on one connection.
    context.options |= ssl.OP_NO_RENEGOTIATION
    # Names are checked by the rules of SIP, once the certificate is known to be good.
    context.check_hostname = False
    if not is_server or options.verify_client == "yes":
        context.verify_mode = ssl.CERT_REQUIRED
    elif options.verify_client == "optional":
        context.verify_mode = ssl.CERT_OPTIONAL
    else:
        context.verify_mode = ssl.CERT_NONE
    if options.ciphers:
        with _reading(local, "ciphers", options.ciphers):
            context.set_ciphers(options.ciphers)
    if files.ca:
        with _reading(local, "ca", files.ca):
            context.load_verify_locations(files.ca)
    else:
        context.load_default_certs(
            ssl.Purpose.CLIENT_AUTH if is_server else ssl.Purpose.SERVER_AUTH
        )
    if files.cert:
        # OpenSSL does not say which of the two files it could not read.
        with _reading(local, "cert", files.cert):
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(files.cert)
        with _reading(local, "key", files.key or files.cert):
            context.load_cert_chain(files.cert, files.key or None, password=_no_password)
    if options.alpn:
        context.set_alpn_protocols(list(options.alpn))
    return context


def _no_password() -> str:
    """Nobody is there to be asked for one."""
    raise ValueError("the key is encrypted; it has to be readable without a password")


@contextlib.contextmanager
def _reading(local: str, key: str, name: str) -> Iterator[None]:
    """Raises TlsFileError where what is inside cannot be used."""
    try:
        yield
    except ssl.SSLError as error:
        raise TlsFileError(local, key, f"{name}: {_reason(key, error)}") from error
    except OSError as error:
        raise TlsFileError(local, key, f"{name}: {error.strerror or error}") from error
    except ValueError as error:
        raise TlsFileError(local, key, f"{name}: {error}") from error


def _reason(key: str, error: ssl.SSLError) -> str:
    reason: str = getattr(error, "reason", None) or ""
    if reason == "KEY_VALUES_MISMATCH":
        return "is not the key of the certificate"
    if key == "ciphers":
        return "names no cipher that there is"
    detail = f" ({reason.replace('_', ' ').lower()})" if reason else ""
    return f"has no {'key with its certificate' if key == 'key' else 'certificate'} in it{detail}"
