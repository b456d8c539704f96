"""One TLS connection. Nothing is sent or handled before its handshake is complete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..hop import Hop
from ..message.framing import MessageFramer
from .tcp_connection import PEER_CLOSED, ConnectionOwner, TcpConnection
from .tls.certificate import names_of
from .tls.channel import TlsChannel
from .tls.failure import TlsFailed

MakeChannel = Callable[[], TlsChannel]
"""Raises TlsFailed where there can be none."""


class TlsConnection(TcpConnection):
    """A secure connection with the peer `hop`. Where we opened it, `secured` ends once it is.

    Its channel is made with the first bytes of one who connects, so that who is silent costs
    nothing.
    """

    def __init__(
        self,
        owner: ConnectionOwner,
        hop: Hop,
        framer: MessageFramer,
        make_channel: MakeChannel,
        *,
        is_known: bool,
        is_accepted: bool,
    ) -> None:
        super().__init__(owner, hop, framer, is_known=is_known, is_accepted=is_accepted)
        self._make_channel = make_channel
        self._channel: TlsChannel | None = None
        self._wants_handshake = False
        self._is_secured = False
        self._failure: TlsFailed | None = None
        self.secured: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # -- what the loop calls

    def _begin(self) -> None:
        """See TcpConnection. Who connects begins the handshake."""
        if not self.is_accepted:
            self._shake_hands()

    def _take(self, data: memoryview) -> None:
        """See TcpConnection."""
        try:
            self._made_channel().receive(data)
        except TlsFailed as failure:
            self._fail(failure)
            return
        if self._is_secured:
            self._decrypt()
            return
        if self.begun_at is None:
            self.begun_at = asyncio.get_running_loop().time()
        self._owner.received(self)
        # A handshake is expensive: it is done when it is this source's turn.
        self._wants_handshake = True
        self.take_turn()

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        super().connection_lost(error)
        if self._is_secured or self._failure is not None:
            return
        failure = TlsFailed("closed", "" if self._reason == PEER_CLOSED else self._reason)
        if self._is_given_up or self._channel is None:
            self._end_secured(failure)  # nothing of TLS has failed
        else:
            self._note_failure(failure)

    # -- the handshake

    @property
    def _has_work(self) -> bool:
        """See TcpConnection."""
        return self._wants_handshake or super()._has_work

    def _work(self) -> bool:
        """See TcpConnection."""
        if not self._wants_handshake:
            return super()._work()
        self._shake_hands()
        if not self._has_turn:
            self._read(True)
        return False

    def _made_channel(self) -> TlsChannel:
        if self._channel is None:
            self._channel = self._make_channel()
        return self._channel

    def _shake_hands(self) -> None:
        """Go on with the handshake by what has come."""
        self._wants_handshake = False
        try:
            channel = self._made_channel()
            is_complete = channel.shake_hands()
        except TlsFailed as failure:
            self._fail(failure)
            return
        self._send_output(channel)
        if is_complete:
            self._is_secure_now(channel)

    def _is_secure_now(self, channel: TlsChannel) -> None:
        """The handshake is complete: from now on it is a connection like others."""
        self._is_secured = True
        self.begun_at = None
        self.active_at = asyncio.get_running_loop().time()
        if self.is_accepted:
            name = self._owner.identify(self, names_of(channel.certificate))
            if name is not None:
                self.hop = self.hop._replace(name=name)
        if not self._owner.opened(self):
            self.abort("no place")
            return
        if not self.secured.done():
            self.secured.set_result(None)
        if channel.pending_bytes:
            self._decrypt()

    def time_out_handshake(self) -> None:
        """Close at once: the handshake takes too long."""
        if self._failure is None:
            self._note_failure(TlsFailed("handshake_timeout"))
        self.abort(self._reason)

    def is_late(self, now: float) -> bool:
        """Whether its handshake should be complete by now."""
        return not self._is_secured and now - self.made_at > self._owner.limits.handshake_s

    # -- failures

    def _fail(self, failure: TlsFailed) -> None:
        """It cannot be made or kept secure. The peer is told, where TLS has a word for it."""
        self._note_failure(failure)
        if self._channel is not None:
            self._send_output(self._channel)
        if self._transport is not None:
            self._transport.close()

    def _note_failure(self, failure: TlsFailed) -> None:
        self._failure = failure
        self._reason = failure.reason
        self._end_secured(failure)
        self._owner.tls_failed(self, failure)

    def _end_secured(self, failure: TlsFailed) -> None:
        if not self.secured.done():
            self.secured.set_exception(failure)
            self.secured.exception()  # nobody may be waiting for it

    # -- what is sent and received

    def _decrypt(self) -> None:
        assert self._channel is not None
        try:
            data = self._channel.decrypt()
        except TlsFailed as failure:
            self._fail(failure)
            return
        self._send_output(self._channel)
        self._framer.push(data)
        self._received()
        if self._channel.is_over:
            asyncio.get_running_loop().call_soon(self.close)

    def _send(self, data: bytes) -> None:
        """See TcpConnection."""
        if self._channel is None or not self._is_secured:
            return
        try:
            self._channel.encrypt(data)
        except TlsFailed as failure:
            self.abort(failure.reason)
            return
        super()._send(self._channel.take_output())

    def _send_output(self, channel: TlsChannel) -> None:
        """Send what the TLS library has to send."""
        output = channel.take_output()
        if output:
            super()._send(output)

    @property
    def held_bytes(self) -> int:
        """See TcpConnection."""
        return super().held_bytes + (0 if self._channel is None else self._channel.pending_bytes)

    def close(self) -> None:
        """See TcpConnection. The peer is told that no more comes."""
        if self.is_open and self._channel is not None:
            self._send(self._framer.say_goodbye())
            self._channel.say_goodbye()
            self._send_output(self._channel)
        super().close()
