"""The gateway's own certificate: read at the start, and anew when it was renewed."""

import ssl

import structlog

log = structlog.get_logger()


class Certificate:
    """The files of a certificate and its key. Raises OSError where they cannot be used."""

    def __init__(self, certificate: str, key: str) -> None:
        self._files = certificate, key
        self._context = self._read()

    def context(self) -> ssl.SSLContext:
        """What the next handshake goes by; connections that there are keep theirs."""
        return self._context

    def read_again(self) -> None:
        """Take the files as they are now. Where they cannot be used, the old ones hold."""
        try:
            self._context = self._read()
        except OSError as error:  # ssl.SSLError is one
            log.error("certificate not read anew", file=self._files[0], reason=str(error))
        else:
            log.info("certificate read anew", file=self._files[0])

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self._files)
        return context
