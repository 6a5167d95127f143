"""The rim: an asyncio protocol that moves bytes between a transport and a connection's core.

It is the only module of this package that knows an event loop. Nothing here waits and nothing runs
as a task: bytes come in, the core answers, and one write takes the answers to the whole batch.

It works over whatever stream transport it is given: TCP, a Unix socket, TLS. Who may connect is
decided before, by whoever listens: over TLS that ALPN chose ``h2`` (RFC 9113 section 3.2), and
whose certificate it is.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast

from colorfast.extproc.http2._calls import Calls
from colorfast.extproc.http2._errors import ConnectionFault, ErrorCode

HANDSHAKE_WITHIN: Final = 10.0
"""Seconds from a connection to both sides' SETTINGS, acknowledged."""

QUIET: Final = 120.0
"""Seconds without a byte after which a client is pinged; after as many again it is gone."""

REFUSE_AFTER: Final = 1.0
"""Seconds from the first GOAWAY of a drain to the last, if the client does not answer."""

_LOG = logging.getLogger("colorfast.extproc")


class Rim(asyncio.Protocol):
    """One connection. *began* is called when it is there, *ended* when it is gone."""

    def __init__(
        self,
        calls: Calls,
        *,
        began: "Callable[[Rim], None]",
        ended: "Callable[[Rim], None]",
    ) -> None:
        calls.flush = self._flush
        self.calls = calls
        self._connection = calls.connection
        self._output = calls.connection.outbox.output
        self._began = began
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = False
        self._pinged = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client."""
        # uvloop's transports are not subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._began(self)
        self._connection.greet()
        self._flush()
        self._at(HANDSHAKE_WITHIN, self._check_handshake)

    def data_received(self, data: bytes) -> None:
        """Answer what *data* asks for."""
        self._heard = True
        try:
            self.calls.receive(data)
        except Exception:  # noqa: BLE001 (it must not reach other connections)
            _LOG.exception("a connection is closed: something in it could not be served")
            self._connection.close(ErrorCode.INTERNAL_ERROR)
        self._flush()

    def pause_writing(self) -> None:
        """The client does not take what it asked for, so it may not ask for more."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """End what was on it."""
        if self._timer is not None:
            self._timer.cancel()
        self.calls.lost()
        self.calls.flush = _nothing
        self._transport = None
        self._ended(self)

    def drain(self) -> None:
        """Take no new streams; close once those that are open have ended."""
        self._connection.drain()
        self._flush()
        self._at(REFUSE_AFTER, self._refuse_streams)

    def close(self) -> None:
        """End every stream, and close."""
        self._connection.close()
        self._flush()

    def abort(self) -> None:
        """Be gone at once."""
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        output, transport = self._output, self._transport
        if transport is None or transport.is_closing():
            output.clear()
            return
        if output:
            transport.write(b"".join(output))
            output.clear()
        if self._connection.done:
            transport.close()

    def _refuse_streams(self) -> None:
        self._connection.refuse_streams()
        self._flush()
        self._at(QUIET, self._check_quiet)

    def _check_handshake(self) -> None:
        if self._connection.settled:
            self._check_quiet()
            return
        why = "the handshake took too long"
        self._connection.fail(ConnectionFault(ErrorCode.SETTINGS_TIMEOUT, why))
        self._flush()
        # It may not even take that.
        self._at(HANDSHAKE_WITHIN, self.abort)

    def _check_quiet(self) -> None:
        """Find clients that are gone without a word: an idle connection is no reason to close."""
        if self._heard:
            self._heard = self._pinged = False
        elif self._pinged:
            self.abort()
            return
        else:
            self._pinged = True
            self._connection.ping()
            self._flush()
        self._at(QUIET, self._check_quiet)

    def _at(self, seconds: float, action: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, action)


def _nothing() -> None:
    pass
