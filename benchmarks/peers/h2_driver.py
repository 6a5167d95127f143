"""Colorfast's own processor on python-hyper/h2, driven directly from an asyncio protocol.

What the library for HTTP/2 in Python costs here: the decision is the same code as Colorfast's, the
transport is not. No coroutine on the path, one write for what was read, as one would tune it.
Usage: ``h2_driver.py POLICY``.
"""

import asyncio
import sys
from importlib.metadata import version
from pathlib import Path
from typing import cast

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import uvloop

from colorfast.extproc import Processor, StreamOptions
from colorfast.policy import Engine, load_policy

_PREFIX = 5
"""Bytes in front of a gRPC message: a flag, and the length."""

_HEAD = ((":status", "200"), ("content-type", "application/grpc"))
_TRAILERS = (("grpc-status", "0"),)

_WINDOW = (1 << 31) - 1
"""As wide as a window can be: flow control never stops anybody here."""


class Driver(asyncio.Protocol):
    """One connection."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        config = h2.config.H2Configuration(
            client_side=False,
            header_encoding=None,
            # The checks that it can do without: they would cost a third of its time.
            validate_inbound_headers=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self._connection = h2.connection.H2Connection(config)
        self._streams: dict[int, StreamOptions] = {}
        self._messages: dict[int, bytearray] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not an instance
        connection = self._connection
        connection.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1 << 20,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
            },
        )
        connection.initiate_connection()
        connection.increment_flow_control_window(_WINDOW - (1 << 16))
        self._transport.write(connection.data_to_send())

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._connection.receive_data(data):
                self._take(event)
        except h2.exceptions.ProtocolError as error:
            print(f"closed: {error!r}", file=sys.stderr)
            self._transport.close()
        self._transport.write(self._connection.data_to_send())

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            pairs = [(name.decode(), value.decode()) for name, value in event.headers]
            self._streams[event.stream_id] = StreamOptions.from_metadata(pairs)
            self._messages[event.stream_id] = bytearray()
        elif isinstance(event, h2.events.DataReceived):
            self._connection.acknowledge_received_data(
                event.flow_controlled_length, event.stream_id
            )
            self._messages[event.stream_id] += event.data
            self._answer(event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self._connection.send_headers(event.stream_id, _TRAILERS, end_stream=True)
            self._forget(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self._forget(event.stream_id)

    def _answer(self, stream: int) -> None:
        message = self._messages[stream]
        if len(message) < _PREFIX:
            return
        size = _PREFIX + int.from_bytes(message[1:_PREFIX], "big")
        if len(message) < size:
            return
        answer = self._processor.process(bytes(message[_PREFIX:size]), self._streams[stream])
        del message[:size]
        self._connection.send_headers(stream, _HEAD)
        self._connection.send_data(stream, b"\0" + len(answer).to_bytes(4, "big") + answer)

    def _forget(self, stream: int) -> None:
        self._streams.pop(stream, None)
        self._messages.pop(stream, None)


async def main(policy: str) -> None:
    processor = Processor(Engine(load_policy(policy).policy))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Driver(processor), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    versions = ", ".join(f"{name} {version(name)}" for name in ("h2", "hpack", "uvloop"))
    print(f"serving with {versions} on 127.0.0.1:{port}")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1]).read_text()))
