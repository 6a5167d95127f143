"""Everything that can stand where the service should be, and is not the service."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

import grpc

from colorfast.extproc.wire import HeadersResponse, HeaderValueOption, ProcessingResponse
from helpers.envoys import DEADLINE
from helpers.services import running_service

Context: TypeAlias = "grpc.ServicerContext"
Answer: TypeAlias = Callable[[Context], bytes]

GARBAGE: Final = bytes(range(256)) * 4
OTHER_PHASE: Final = ProcessingResponse(response_headers=HeadersResponse()).SerializeToString()


def meddling() -> bytes:
    """An answer that sets the lane, and also what is none of the service's business."""
    answer = ProcessingResponse()
    mutation = answer.request_headers.response.header_mutation
    for name, value in (("x-lane", b"blue"), ("x-user", b"admin"), (":path", b"/admin")):
        option = mutation.set_headers.add(
            append_action=HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
        )
        option.header.key, option.header.raw_value = name, value
    mutation.remove_headers.append("authorization")
    return answer.SerializeToString()


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """A socket that is there, and nobody listens on it."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        yield


@contextmanager
def saying(path: Path, words: bytes, *, hangs_up: bool) -> Iterator[None]:
    """A server that says *words* to whatever it is sent, and hangs up or waits for more."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(64)
    pool = ThreadPoolExecutor()

    def talk(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(DEADLINE)
            while client.recv(65536):
                client.sendall(words)
                if hangs_up:
                    return

    def listen() -> None:
        with contextlib.suppress(OSError):  # shut down
            while True:
                pool.submit(talk, server.accept()[0])

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        listener.join(DEADLINE)
        server.close()
        pool.shutdown()


@contextmanager
def answering(path: Path, answer: Answer, *, service: str = "ExternalProcessor") -> Iterator[None]:
    """A gRPC server whose *service* answers every message with what *answer* returns or raises."""

    def process(messages: Iterator[bytes], context: Context) -> Iterator[bytes]:
        for _ in messages:
            yield answer(context)

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(process)
    name = f"envoy.service.ext_proc.v3.{service}"
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(name, {"Process": handler}),)
    )
    server.add_insecure_port(f"unix:{path}")
    server.start()
    try:
        yield
    finally:
        server.stop(grace=None).wait(DEADLINE)


@contextmanager
def killed(path: Path, policy: str) -> Iterator[None]:
    """The service after SIGKILL: its socket is still there."""
    with running_service(path.parent, policy, name=path.stem) as service:
        service.kill()
        yield


@contextmanager
def hung(path: Path, policy: str) -> Iterator[None]:
    """The service after SIGSTOP: the kernel still accepts connections for it."""
    with running_service(path.parent, policy, name=path.stem) as service:
        service.hang()
        yield


def fail(context: Context) -> NoReturn:
    """End the stream with an error in its trailers."""
    context.abort(grpc.StatusCode.INTERNAL, "broken on purpose")


Fault: TypeAlias = Callable[[Path, str], AbstractContextManager[None]]

ALL: Final[Mapping[str, Fault]] = {
    "killed": killed,
    "hung": hung,
    "refusing": lambda path, _: refusing(path),
    "garbage": lambda path, _: saying(path, GARBAGE, hangs_up=False),
    "silent": lambda path, _: saying(path, b"", hangs_up=False),
    "hanging-up": lambda path, _: saying(path, b"", hangs_up=True),
    "undecodable": lambda path, _: answering(path, lambda _: b"\xff\xff"),
    "other-phase": lambda path, _: answering(path, lambda _: OTHER_PHASE),
    "empty": lambda path, _: answering(path, lambda _: b""),
    "failing": lambda path, _: answering(path, fail),
    "other-service": lambda path, _: answering(path, fail, service="Other"),
}
"""By name; called with the path to listen on, which ends in ``.ep``, and a policy's text."""


@contextmanager
def standing(folder: Path, policy: str, *names: str) -> Iterator[dict[str, str]]:
    """The faults called *names* in *folder*; their targets by name."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(ALL[name](folder / f"{name}.ep", policy))
        yield {name: f"unix:{folder}/{name}.ep" for name in names}
