"""The transport ``http2``: a processor, and a health, on connections of this package."""

import asyncio
from contextlib import suppress
from typing import Final

from colorfast.extproc._address import Address
from colorfast.extproc._errors import PeerError
from colorfast.extproc._health import Health
from colorfast.extproc._listening import Door, Listener, listen
from colorfast.extproc._processor import Processor
from colorfast.extproc._reports import Reports
from colorfast.extproc._transport import MAX_MESSAGE
from colorfast.extproc.http2._calls import Calls
from colorfast.extproc.http2._errors import ConnectionFault, ErrorCode, Flood, FloodFault
from colorfast.extproc.http2._limits import Limits
from colorfast.extproc.http2._protocol import Rim
from colorfast.extproc.http2._routes import Process, Routes

FATAL: Final = (
    ErrorCode.PROTOCOL_ERROR,
    ErrorCode.FLOW_CONTROL_ERROR,
    ErrorCode.SETTINGS_TIMEOUT,
    ErrorCode.STREAM_CLOSED,
    ErrorCode.FRAME_SIZE_ERROR,
    ErrorCode.COMPRESSION_ERROR,
)
"""What connections end with by their peers' fault, beside floods."""

FAREWELL: Final = 1.0
"""Seconds that last words may take to leave when a connection is closed by force."""


class Http2Transport:
    """See ``Transport``.

    *door* says how its address is opened, and to whom: without TLS, HTTP/2 is known beforehand.
    """

    def __init__(
        self,
        processor: Processor,
        health: Health | None = None,
        *,
        door: Door | None = None,
        limits: Limits | None = None,
    ) -> None:
        reports = Reports()
        self._resolve = Routes(processor, health, reports).resolve
        self._counters = processor.counters
        self._counters.open_connections = lambda: len(self._rims)
        self._counters.open_streams = self._open_streams
        # A counter that is there from the start can be seen to rise.
        self._counters.floods = {(str(flood),): 0 for flood in Flood}
        self._counters.broken_connections = {(code.name,): 0 for code in FATAL}
        self._reports = reports
        self._door = door or Door()
        self._limits = limits or Limits(message=MAX_MESSAGE)
        self._rims: set[Rim] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._listener: Listener | None = None

    async def start(self, address: Address) -> Address:
        """See ``Transport``."""
        self._listener = await listen(address, self._rim, self._door)
        return self._listener.address

    async def stop(self, grace: float | None) -> None:
        """See ``Transport``."""
        if self._listener is not None:
            self._listener.close()
        if grace:
            for rim in tuple(self._rims):
                rim.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), grace)
        for rim in tuple(self._rims):
            rim.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), FAREWELL)
        for rim in tuple(self._rims):
            rim.abort()

    def _rim(self) -> Rim:
        calls = Calls(self._resolve, self._limits)
        return Rim(calls, began=self._began, ended=self._ended)

    def _open_streams(self) -> int:
        streams = (rim.calls.connection.streams.values() for rim in self._rims)
        return sum(isinstance(one.plan, Process) for each in streams for one in each)

    def _began(self, rim: Rim) -> None:
        self._rims.add(rim)
        self._empty.clear()

    def _ended(self, rim: Rim) -> None:
        self._rims.discard(rim)
        if not self._rims:
            self._empty.set()
        fault = rim.calls.connection.fault
        if fault is not None:
            self._note(fault)

    def _note(self, fault: ConnectionFault) -> None:
        if isinstance(fault, FloodFault):
            self._counters.floods[str(fault.flood),] += 1
            code, what = "CF607", f"a peer floods its connection: {fault.flood}"
        else:
            self._counters.broken_connections[fault.code.name,] += 1
            code, what = "CF606", f"a peer broke HTTP/2, {fault.code.name}: {fault.why}"
        fix = "look for another client of this address"
        self._reports.report(PeerError(code, what, fix=fix, grpc_status=0))
