"""The ``h2`` package as peer: as a client that does valid things, and as a server that judges.

Both see the same bytes as ours; hypothesis draws what is done.
"""

from collections.abc import Callable
from contextlib import suppress
from struct import pack
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from http2.peer import (
    ACK,
    BLOCK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    GREETING,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PUSH,
    REQUEST,
    RST,
    SETTINGS,
    WINDOW,
    Server,
    call,
    frames,
    message,
    ping,
    reset,
    window,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colorfast.extproc.http2 import Limits
from colorfast.extproc.http2._frames import PREFACE, frame

SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))
INITIAL_WINDOW = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
FRAME_SIZE = h2.settings.SettingCodes.MAX_FRAME_SIZE
OTHER = (*REQUEST[:2], (b":path", b"/test.Echo/Other"), *REQUEST[3:])

EXTRA = st.lists(
    st.tuples(
        st.sampled_from([b"x-a", b"traceparent"]),
        st.text("0123456789abcdef", min_size=1, max_size=40).map(str.encode),
    ),
    max_size=2,
)


class Conversation:
    """An h2 client and our server, and what the client has sent and got, by stream."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        limits = Limits(stream_window=draw(st.sampled_from([65_535, 100_000])))
        self.server = Server(limits, greeted=False)
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self.client = h2.connection.H2Connection(config)
        self.client.initiate_connection()
        self.client.update_settings(
            {INITIAL_WINDOW: draw(st.sampled_from([0, 1, 10, 65_535, 1 << 20]))}
        )
        self.client.receive_data(
            b"".join(
                frame(one.kind, one.flags, one.stream, one.payload) for one in self.server.greeting
            )
        )
        self.sent: dict[int, bytes] = {}
        self.got: dict[int, bytes] = {}
        self.status: dict[int, bytes | None] = {}
        self.open: list[int] = []
        self.pings = 0
        self.owed: list[tuple[int, int]] = []
        self.pump()

    def pump(self) -> None:
        """Carry bytes until both are silent; the client's are cut anywhere."""
        for _ in range(100):
            ahead = self.client.data_to_send()
            cut = self.draw(st.integers(0, len(ahead))) if len(ahead) < 500 else 0
            for segment in (ahead[:cut], ahead[cut:]):
                self.server.calls.receive(segment)
            back = self.server.connection.take()
            assert self.server.connection.fault is None
            for event in self.client.receive_data(back):
                self.take(event)
            if not back and not ahead:
                return
        raise AssertionError("they never stop talking")

    def take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                fields = dict(event.headers)
                assert fields.get(b":status", b"200") == b"200"
                if b"grpc-status" in fields:
                    self.status[event.stream_id] = fields[b"grpc-status"]
            case h2.events.DataReceived():
                self.got[event.stream_id] = self.got.get(event.stream_id, b"") + event.data
                self.owed.append((event.flow_controlled_length, event.stream_id))
            case h2.events.PingAckReceived():
                self.pings -= 1
            case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                raise AssertionError(event)

    # What the client may do.

    def begin(self) -> None:
        stream = self.client.get_next_available_stream_id()
        path = self.draw(st.sampled_from([REQUEST, REQUEST, REQUEST, OTHER]))
        priority = self.draw(
            st.sampled_from([{}, {"priority_weight": 7, "priority_depends_on": 0}])
        )
        self.client.send_headers(stream, [*path, *self.draw(EXTRA)], **priority)
        self.sent[stream] = b""
        self.open.append(stream)
        if path is OTHER:
            self.client.send_data(stream, b"\0\0", end_stream=True)
            self.open.remove(stream)

    def say(self) -> None:
        stream = self.draw(st.sampled_from(self.open))
        size = self.draw(st.sampled_from([0, 1, 5, 100, 3000, 20_000]))
        whole = message(b"m" * size)
        pad = self.draw(st.sampled_from([None, None, 0, 7]))
        if self.client.local_flow_control_window(stream) < len(whole) + 600:
            return
        largest = self.client.max_outbound_frame_size - 300
        cut = min(self.draw(st.integers(1, len(whole))), largest)
        self.client.send_data(stream, whole[:cut], pad_length=pad)
        for at in range(cut, len(whole), largest):
            self.client.send_data(stream, whole[at : at + largest])
        self.sent[stream] += whole

    def end(self) -> None:
        stream = self.open.pop(self.draw(st.integers(0, len(self.open) - 1)))
        if self.draw(st.booleans()):
            self.client.end_stream(stream)
        else:
            self.client.send_headers(stream, [(b"x-trailer", b"1")], end_stream=True)

    def reset(self) -> None:
        stream = self.open.pop(self.draw(st.integers(0, len(self.open) - 1)))
        self.client.reset_stream(stream, 8)
        del self.sent[stream]
        # What comes for it from now on is dropped by h2.
        self.got.pop(stream, None)

    def ping(self) -> None:
        self.pings += 1
        self.client.ping(b"12345678")

    def settings(self) -> None:
        self.client.update_settings(
            {
                INITIAL_WINDOW: self.draw(st.sampled_from([0, 1, 1000, 65_535])),
                FRAME_SIZE: self.draw(st.sampled_from([16_384, 20_000])),
            }
        )

    def acknowledge(self) -> None:
        for size, stream in self.owed:
            if size:
                with suppress(h2.exceptions.StreamClosedError):
                    self.client.acknowledge_received_data(size, stream)
        self.owed.clear()

    def finish(self) -> None:
        """Open every window, end every stream."""
        self.client.update_settings({INITIAL_WINDOW: 1 << 20})
        self.pump()
        while self.open:
            self.client.end_stream(self.open.pop())
        for _ in range(100):
            self.acknowledge()
            self.pump()
            if not self.owed:
                return


OPERATIONS = (
    *(Conversation.begin, Conversation.say, Conversation.say, Conversation.say),
    *(Conversation.end, Conversation.reset, Conversation.ping, Conversation.settings),
    Conversation.acknowledge,
)
NEEDS_A_STREAM = (Conversation.say, Conversation.end, Conversation.reset)


@SLOW
@given(st.data())
def test_a_client_that_does_valid_things_is_answered_exactly(data: st.DataObject) -> None:
    talk = Conversation(data.draw)
    for operation in data.draw(st.lists(st.sampled_from(OPERATIONS), max_size=25)):
        if talk.open or operation not in NEEDS_A_STREAM:
            operation(talk)
            talk.pump()
    talk.finish()
    other = {stream for stream, status in talk.status.items() if status == b"12"}
    assert {stream: talk.got.get(stream, b"") for stream in talk.sent} == talk.sent
    assert {talk.status[stream] for stream in talk.sent.keys() - other} <= {b"0"}
    assert (talk.server.open, talk.pings) == (0, 0)
    assert talk.server.connection.streams == {}
    assert talk.server.connection.outbox._room == Limits().unsent
    assert talk.server.calls.held == 0


# Frames that may be wrong: ours accepts them when h2 does.


def judged(*sent: bytes) -> bool:
    """Whether h2 as a server that answers as ours does has nothing against *sent*."""
    config = h2.config.H2Configuration(client_side=False, header_encoding=None)
    server = h2.connection.H2Connection(config)
    server.initiate_connection()
    try:
        for one in sent:
            for event in server.receive_data(one):
                if isinstance(event, h2.events.StreamEnded):
                    server.send_headers(event.stream_id, [(b":status", b"200")], end_stream=True)
    except h2.exceptions.ProtocolError:
        return False
    return not any(one.kind in (RST, GOAWAY) for one in frames(server.data_to_send()))


def ours(sent: bytes) -> bool:
    """Whether we have nothing against it; whatever it is, nothing is raised or left unbounded."""
    server = Server(greeted=False)
    out = server.send(sent)
    connection = server.connection
    assert len(connection._rest) < 16_384 + 9
    assert len(connection._known) <= 64
    assert server.calls.held <= len(sent)
    assert server.open == sum(one.plan is server.echo for one in connection.streams.values())
    return connection.fault is None and not any(one.kind == RST for one in out)


IDS = st.sampled_from([0, 1, 1, 1, 3, 3, 5, 2])
BLOCKS = st.sampled_from(
    [BLOCK, BLOCK, b"", b"\x82", b"\xbe", b"\x40\x01a\x01b", b"\x20", b"\xff\xff\xff\xff\xff\xff"]
)
FLAGS = st.sampled_from([END_HEADERS, END_HEADERS, END_HEADERS | END_STREAM, 0, 0x8, 0x24, 0xFF])
WORDS = st.sampled_from([0, 1, 2, 16_384, 65_535, 2**31 - 1, 2**31, 2**32 - 1])


def of_type(
    kind: int,
    flags: st.SearchStrategy[int],
    payload: st.SearchStrategy[bytes],
    ids: st.SearchStrategy[int] = IDS,
) -> Any:
    return st.builds(frame, st.just(kind), flags, ids, payload)


FRAMES = st.one_of(
    of_type(HEADERS, FLAGS, BLOCKS),
    of_type(HEADERS, FLAGS, BLOCKS),
    of_type(CONTINUATION, st.sampled_from([0, END_HEADERS]), BLOCKS),
    of_type(DATA, st.sampled_from([0, 0, END_STREAM, PADDED]), st.binary(max_size=12)),
    # h2 does not mind a reset of an idle stream once there was another one.
    of_type(
        RST, st.just(0), st.sampled_from([bytes(4), bytes(4), bytes(3)]), st.sampled_from([0, 1, 1])
    ),
    of_type(PRIORITY, st.just(0), st.sampled_from([bytes(5), pack(">LB", 1, 0), bytes(4)])),
    # Nothing as an increment is left out: on a closed stream it may be ignored, or not.
    of_type(
        WINDOW,
        st.just(0),
        WORDS.filter(lambda word: word % 2**31).map(lambda word: pack(">L", word)),
    ),
    of_type(PING, st.sampled_from([0, ACK]), st.sampled_from([bytes(8), bytes(7)])),
    of_type(
        SETTINGS,
        st.sampled_from([0, 0, 0, ACK]),
        # h2 looks at the last value of a setting only, RFC 9113 section 6.5.3 at each.
        st.lists(st.tuples(st.integers(0, 6), WORDS), max_size=3, unique_by=lambda one: one[0]).map(
            lambda pairs: b"".join(pack(">HL", *pair) for pair in pairs)
        ),
    ),
    of_type(PUSH, st.just(END_HEADERS), st.just(bytes(4) + BLOCK)),
    of_type(0xEE, st.integers(0, 255), st.binary(max_size=9)),
)


@SLOW
@given(st.lists(FRAMES, max_size=8))
def test_frames_are_accepted_when_the_oracle_accepts_them(drawn: list[bytes]) -> None:
    # At the end a frame that no unfinished header block takes.
    sent = [GREETING, *drawn, ping()]
    assert ours(b"".join(sent)) == judged(*sent)


VALID = GREETING + call(1) + ping() + call(3, b"x" * 300, END_STREAM) + reset(1) + window(0, 9)


@SLOW
@given(
    st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(VALID)),
)
def test_whatever_bytes_come_nothing_is_raised_and_everything_stays_bounded(
    broken: list[tuple[int, int]], cut: int
) -> None:
    sent = bytearray(VALID)
    for position, value in broken:
        sent[position] = value
    ours(bytes(sent[:cut]))


@SLOW
@given(st.lists(FRAMES, max_size=12), st.lists(st.integers(1, 60), max_size=20), st.booleans())
def test_what_happens_does_not_depend_on_where_the_bytes_are_cut(
    drawn: list[bytes], cuts: list[int], greeted: bool
) -> None:
    sent = (GREETING if greeted else PREFACE) + b"".join(drawn)
    whole, cut = Server(greeted=False), Server(greeted=False)
    segments, at = [], 0
    for size in cuts:
        segments.append(sent[at : at + size])
        at += size
    assert cut.send_cut([*segments, sent[at:]]) == whole.send_cut([sent])
    assert cut.echo.got == whole.echo.got
    assert cut.connection.streams.keys() == whole.connection.streams.keys()
    assert (cut.error, cut.open) == (whole.error, whole.open)


def test_byte_by_byte_is_as_good_as_whole() -> None:
    whole, cut = Server(greeted=False), Server(greeted=False)
    assert cut.send_cut([VALID[at : at + 1] for at in range(len(VALID))]) == whole.send(VALID)
