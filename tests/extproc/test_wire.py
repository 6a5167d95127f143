"""The generated messages: up to date, and wire-compatible with upstream's."""

import dataclasses
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from extproc.captured import BODY, GET, POST
from extproc.support import engine, message
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from colorfast.extproc import Processor, StreamOptions, wire
from colorfast.extproc.wire import ProcessingRequest, ProcessingResponse, colorfast_extproc_pb2

ROOM = Path(wire.__file__).parents[4]
MESSAGES = sorted(colorfast_extproc_pb2.DESCRIPTOR.message_types_by_name)
SCALARS = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_ENUM: "enum",
    FieldDescriptor.TYPE_MESSAGE: "message",
    FieldDescriptor.TYPE_STRING: "string",
}


@pytest.fixture(scope="module")
def upstream() -> tuple[ModuleType, ModuleType]:
    """Envoy's own messages, as the slow library has them: the oracle."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from envoy_data_plane.envoy.config.core import v3 as core  # noqa: PLC0415
        from envoy_data_plane.envoy.service.ext_proc import v3 as ext_proc  # noqa: PLC0415
    return ext_proc, core


def test_generated_code_is_what_the_proto_files_say() -> None:
    script = ROOM / "proto" / "generate.py"
    result = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", MESSAGES)
def test_fields_have_upstreams_numbers_and_types(
    name: str, upstream: tuple[ModuleType, ModuleType]
) -> None:
    ours = colorfast_extproc_pb2.DESCRIPTOR.message_types_by_name[name]
    theirs = next(getattr(module, name) for module in upstream if hasattr(module, name))
    numbers = dict(_upstream_fields(theirs))
    assert {field.name: _shape(field) for field in ours.fields}.items() <= numbers.items()


@pytest.mark.parametrize("name", MESSAGES)
def test_enums_have_upstreams_numbers(name: str, upstream: tuple[ModuleType, ModuleType]) -> None:
    for enum in colorfast_extproc_pb2.DESCRIPTOR.message_types_by_name[name].enum_types:
        theirs = next(
            getattr(module, name + enum.name)
            for module in upstream
            if hasattr(module, name + enum.name)
        )
        assert {value.name: value.number for value in enum.values} == {
            value.name: value.value for value in theirs
        }


@pytest.mark.parametrize("captured", [GET, POST, BODY])
def test_upstream_reads_captured_bytes_as_we_do(
    captured: bytes, upstream: tuple[ModuleType, ModuleType]
) -> None:
    ours = ProcessingRequest.FromString(captured)
    theirs = upstream[0].ProcessingRequest.parse(captured)
    assert ours.request_body.body == (theirs.request_body.body if theirs.request_body else b"")
    if theirs.request_headers:
        assert [(h.key, h.raw_value) for h in ours.request_headers.headers.headers] == [
            (h.key, h.raw_value) for h in theirs.request_headers.headers.headers
        ]
        assert ours.request_headers.end_of_stream == theirs.request_headers.end_of_stream


@pytest.mark.parametrize("baggage", [b"", b"a=1"])
def test_upstream_reads_our_answers(
    baggage: bytes, upstream: tuple[ModuleType, ModuleType]
) -> None:
    request = message([("agent", b"pc"), ("baggage", baggage)])
    answer = Processor(engine()).process(request, StreamOptions(metadata=True))
    theirs = upstream[0].ProcessingResponse.parse(answer)
    response = theirs.request_headers.response
    assert (response.status.name, response.clear_route_cache) == ("CONTINUE", True)
    assert [
        (option.header.key, option.header.raw_value, option.append_action.name)
        for option in response.header_mutation.set_headers
    ] == [
        ("x-lane", b"canary", "OVERWRITE_IF_EXISTS_OR_ADD"),
        ("baggage", b"lane=canary" + (b",a=1" if baggage else b""), "OVERWRITE_IF_EXISTS_OR_ADD"),
    ]
    fields = theirs.dynamic_metadata.fields["colorfast"].struct_value.fields
    assert fields["rule"].string_value == "pc-users"


def test_fields_of_others_survive() -> None:
    request = ProcessingRequest.FromString(POST)
    assert ProcessingRequest.FromString(request.SerializeToString()).SerializeToString() == (
        request.SerializeToString()
    )
    assert request.SerializeToString().endswith(bytes.fromhex("42005a0408021001"))


def test_names_do_not_meet_upstreams_in_one_process() -> None:
    for ours in (ProcessingRequest, ProcessingResponse):
        assert ours.DESCRIPTOR.full_name.startswith("colorfast.wire.")
        assert ours.DESCRIPTOR.file.name.startswith("colorfast_")


def _shape(field: FieldDescriptor) -> tuple[int, str, bool]:
    entry = field.message_type
    is_map = isinstance(entry, Descriptor) and entry.GetOptions().map_entry
    return field.number, "map" if is_map else SCALARS[field.type], field.is_repeated and not is_map


def _upstream_fields(message: Any) -> Iterator[tuple[str, tuple[int, str, bool]]]:
    for field in dataclasses.fields(message):
        meta = field.metadata.get("betterproto", field.metadata)
        yield field.name, (meta.number, meta.proto_type, meta.repeated)
