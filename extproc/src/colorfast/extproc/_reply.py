"""ProcessingResponses: what the filter is told to write.

What Envoy 1.40 makes of a mutation: only ``raw_value`` is read; ``append_action`` is ignored and
everything overwrites, which OVERWRITE_IF_EXISTS_OR_ADD asks of proxies that do read it; a value
with a control byte fails the request even when failures are allowed, so none is ever written.
"""

from collections.abc import Callable
from typing import Final

from colorfast.extproc.wire import (
    BodyResponse,
    HeadersResponse,
    HeaderValueOption,
    ProcessingResponse,
    TrailersResponse,
)
from colorfast.policy import Outcome, Policy

METADATA: Final = "colorfast"
"""Namespace of the dynamic metadata; the filter's ``metadata_options`` must admit it."""

MAX_VALUE: Final = 59 * 1024
"""Bytes of the longest value that is written.

Envoy lets all headers of a request have 60 KiB by default, and fails a request, failures allowed or
not, that a mutation makes larger.
"""

_EMPTY = (
    ProcessingResponse(request_headers=HeadersResponse()),
    ProcessingResponse(response_headers=HeadersResponse()),
    ProcessingResponse(request_body=BodyResponse()),
    ProcessingResponse(response_body=BodyResponse()),
    ProcessingResponse(request_trailers=TrailersResponse()),
    ProcessingResponse(response_trailers=TrailersResponse()),
)

CONTINUE: Final = {
    str(answer.WhichOneof("response")): answer.SerializeToString() for answer in _EMPTY
}
"""By phase, the answer that changes nothing. An answer without a phase would be an error."""

_BAGGAGE = "baggage"
_OVERWRITE = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
_REFUSED = bytes(byte for byte in range(0x20) if byte != 0x09) + b"\x7f"
"""Bytes that no field value may hold: control bytes other than tab (RFC 9110 section 5.5)."""


def has_rest(outcome: Outcome) -> bool:
    """Whether *outcome* writes bytes that came with the request."""
    if not outcome.sets:
        return False
    name, value = outcome.sets[-1]
    return name == _BAGGAGE and (outcome.lane is None or b"," in value)


def is_refused(value: bytes) -> bool:
    """Whether Envoy would fail a request for *value*."""
    return len(value) > MAX_VALUE or len(value.translate(None, _REFUSED)) != len(value)


def without_rest(policy: Policy, outcome: Outcome) -> Outcome:
    """*outcome* with nothing of the request's own baggage left in it."""
    if outcome.lane is None:
        return outcome._replace(sets=(), removes=(*outcome.removes, _BAGGAGE))
    line = policy.member.write(outcome.lane)
    return outcome._replace(sets=(*outcome.sets[:-1], (_BAGGAGE, line)))


def around_rest(outcome: Outcome, digest: str | None) -> Callable[[bytes], bytes]:
    """What makes answers that differ from that of *outcome* in the value of baggage alone.

    Only that value, and the lengths of what it is in, are written anew: an object for each message
    in an answer would cost several times as much. The bytes are those of ``reply``.
    """
    before = b"".join(_set(name, value) for name, value in outcome.sets[:-1])
    after = b"".join(_field(_REMOVE_HEADERS, name.encode()) for name in outcome.removes)
    behind = b""
    if digest is not None:
        metadata = ProcessingResponse()
        _add_metadata(metadata, outcome, digest)
        behind = metadata.SerializeToString(deterministic=True)

    def write(value: bytes) -> bytes:
        mutation = before + _set(_BAGGAGE, value) + after
        common = _field(_HEADER_MUTATION, mutation) + _CLEAR_ROUTE_CACHE
        return _field(_FIRST, _field(_FIRST, common)) + behind

    return write


_FIRST = b"\x0a"
"""Tag of field 1 with a length: a HeaderValue's key, and every message in the one around it."""

_HEADER_MUTATION = _REMOVE_HEADERS = b"\x12"
_RAW_VALUE = b"\x1a"
_APPEND_ACTION = b"\x18\x02"
_CLEAR_ROUTE_CACHE = b"\x28\x01"


def _set(name: str, value: bytes) -> bytes:
    """A HeaderValueOption among ``set_headers``."""
    header = _field(_FIRST, name.encode()) + _field(_RAW_VALUE, value)
    return _field(_FIRST, _field(_FIRST, header) + _APPEND_ACTION)


def _field(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    return tag + (_VARINTS[size] if size < _MANY else _varint(size)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


_MANY = 2048
_VARINTS = tuple(_varint(number) for number in range(_MANY))
"""Lengths that are common."""


def reply(outcome: Outcome, digest: str | None) -> bytes:
    """The serialised answer; with dynamic metadata when the policy's *digest* is given."""
    answer = ProcessingResponse()
    common = answer.request_headers.response
    if outcome.sets or outcome.removes:
        # The filter is told to clear the route cache already; other proxies look here.
        common.clear_route_cache = True
        mutation = common.header_mutation
        set_headers = mutation.set_headers
        for name, value in outcome.sets:
            option = set_headers.add()
            option.append_action = _OVERWRITE
            header = option.header
            header.key = name
            header.raw_value = value
        if outcome.removes:
            mutation.remove_headers.extend(outcome.removes)
    else:
        common.SetInParent()
    if digest is None:
        return answer.SerializeToString()
    _add_metadata(answer, outcome, digest)
    return answer.SerializeToString(deterministic=True)


def _add_metadata(answer: ProcessingResponse, outcome: Outcome, digest: str) -> None:
    fields = answer.dynamic_metadata.fields[METADATA].struct_value.fields
    fields["policy"].string_value = digest
    if outcome.lane is not None:
        fields["lane"].string_value = outcome.lane
    if outcome.rule is not None:
        fields["rule"].string_value = outcome.rule
