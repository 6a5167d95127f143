"""What can be called, and how everything else is told."""

from collections.abc import Sequence

import hpack
import pytest
from extproc.support import METHOD, engine, message, written
from http2 import peer
from http2.peer import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GREETING,
    HEADERS,
    REQUEST,
    Frame,
    block,
    data,
    frames,
    headers,
)

from colorfast.extproc import Processor
from colorfast.extproc._health import Health
from colorfast.extproc._reports import Reports
from colorfast.extproc.http2 import Calls
from colorfast.extproc.http2._routes import Process, Routes

LAST = END_HEADERS | END_STREAM
ASKED = peer.message(message([("agent", b"pc")]))
SERVING, NOT_SERVING = peer.message(b"\x08\x01"), peer.message(b"\x08\x02")


class Service:
    """The whole service but for its sockets."""

    def __init__(self) -> None:
        self.processor = Processor(engine())
        self.health = Health()
        self.calls = Calls(Routes(self.processor, self.health, Reports()).resolve)
        self._decoder = hpack.Decoder()
        self.send(GREETING)

    def send(self, *parts: bytes) -> list[Frame]:
        self.calls.receive(b"".join(parts))
        return frames(self.calls.connection.take())

    def ask(self, *parts: bytes) -> tuple[dict[str, str], bytes]:
        """Every header of the answer to *parts*, and its body."""
        out = self.send(*parts)
        found: dict[str, str] = {}
        for one in out:
            if one.kind == HEADERS:
                found |= {
                    str(name): str(value) for name, value in self._decoder.decode(one.payload)
                }
        return found, b"".join(one.payload for one in out if one.kind == DATA)


def asking(path: str, *more: tuple[bytes, bytes], **changed: bytes) -> bytes:
    fields = dict(REQUEST) | {b":path": path.encode()}
    fields |= {name.replace("_", "-").encode(): value for name, value in changed.items()}
    return block([*fields.items(), *more])


def plain(*fields: tuple[bytes, bytes]) -> bytes:
    return block([(b":scheme", b"http"), (b":path", b"/"), *fields])


def test_ext_proc_is_answered_by_the_processor() -> None:
    service = Service()
    _, answer = service.ask(headers(1, asking(METHOD)), data(1, ASKED))
    assert written(answer[5:])[0]["x-lane"] == b"canary"
    assert isinstance(service.calls.connection.streams[1].plan, Process)


@pytest.mark.parametrize("changed", [b"application/grpc+proto", b"application/grpc"])
def test_any_name_of_grpc_with_protobuf_will_do(changed: bytes) -> None:
    fields, _ = Service().ask(headers(1, asking(METHOD, content_type=changed)), data(1, ASKED))
    assert fields[":status"] == "200"


def test_garbage_ends_its_call_with_invalid_argument() -> None:
    service = Service()
    fields, _ = service.ask(headers(1, asking(METHOD)), data(1, peer.message(b"\xff")))
    assert fields["grpc-status"] == "3"
    assert not isinstance(service.calls.connection.streams[1].plan, Process)


def test_a_station_that_does_not_exist_is_told_for_every_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Service()
    for stream in (1, 3):
        wrong = asking(METHOD, (b"colorfast-station", b"hop"))
        fields, _ = service.ask(headers(stream, wrong), data(stream, ASKED))
        assert fields["grpc-status"] == "3"
    assert "CF605" in caplog.text


@pytest.mark.parametrize(
    ("method", "status"), [(b"GET", "415"), (b"POST", "415"), (b"HEAD", "415"), (b"PUT", "415")]
)
def test_what_is_no_grpc_is_told_what_this_is(method: bytes, status: str) -> None:
    fields, body = Service().ask(headers(1, plain((b":method", method)), LAST))
    assert fields[":status"] == status
    told = b"This is a gRPC service: the content-type must be application/grpc.\n"
    assert body == (b"" if method == b"HEAD" else told)
    assert fields["content-length"] == str(len(told))


def test_grpc_is_posted() -> None:
    wrong = block([(b":method", b"GET"), *REQUEST[1:]])
    fields, body = Service().ask(headers(1, wrong, LAST))
    assert (fields[":status"], b"must be POST" in body) == ("405", True)


def test_connect_has_no_path_and_is_answered_too() -> None:
    fields, _ = Service().ask(
        headers(1, block([(b":method", b"CONNECT"), (b":authority", b"x:1")]), LAST)
    )
    assert fields[":status"] == "415"


def checked(service: Service, stream: int, name: bytes) -> Sequence[str | bytes]:
    sent = peer.message(b"\x0a" + bytes([len(name)]) + name if name else b"")
    path = asking("/grpc.health.v1.Health/Check")
    fields, body = service.ask(headers(stream, path), data(stream, sent, END_STREAM))
    return fields["grpc-status"], body


def test_health_is_checked() -> None:
    service = Service()
    assert checked(service, 1, b"") == ("0", NOT_SERVING)
    service.health.serving = True
    assert checked(service, 3, b"") == ("0", SERVING)
    assert checked(service, 5, METHOD.split("/")[1].encode()) == ("0", SERVING)
    assert checked(service, 7, b"other") == ("5", b"")


@pytest.mark.parametrize("path", ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"])
def test_health_takes_one_message(path: str) -> None:
    service = Service()
    nothing = service.ask(headers(1, asking(path), LAST))[0]
    once = peer.message(b"")
    twice = service.ask(headers(3, asking(path)), data(3, once + once))[0]
    garbage = service.ask(headers(5, asking(path)), data(5, peer.message(b"\xff")))[0]
    assert [one["grpc-status"] for one in (nothing, twice, garbage)] == ["13", "13", "3"]
    assert service.health._listeners == {}


def test_without_a_health_there_is_none() -> None:
    service = Service()
    service.calls = Calls(Routes(service.processor, None, Reports()).resolve)
    service.send(GREETING)
    path = asking("/grpc.health.v1.Health/Check")
    assert service.ask(headers(1, path), data(1, peer.message(b"")))[0]["grpc-status"] == "12"
