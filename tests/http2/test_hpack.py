"""HPACK: the examples of RFC 7541, and the ``hpack`` package as oracle."""

from typing import Any

import hpack
import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable
from hypothesis import given
from hypothesis import strategies as st

from colorfast.extproc.http2._errors import ConnectionFault, ErrorCode, Flood, FloodFault
from colorfast.extproc.http2._hpack import Decoder, Field, encode
from colorfast.extproc.http2._huffman import decode as huffman
from colorfast.extproc.http2._static_table import STATIC

TABLE, LIST = 4096, 65536


def test_the_static_table_is_that_of_the_rfc() -> None:
    assert HeaderTable.STATIC_TABLE == STATIC


# RFC 7541 appendix C: blocks on one connection, and what they unpack to.

GET = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")]
HOST = (b":authority", b"www.example.com")
C3 = [
    ("828684410f7777772e6578616d706c652e636f6d", [*GET, HOST]),
    ("828684be58086e6f2d6361636865", [*GET, HOST, (b"cache-control", b"no-cache")]),
    (
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        [
            GET[0],
            (b":scheme", b"https"),
            (b":path", b"/index.html"),
            HOST,
            (b"custom-key", b"custom-value"),
        ],
    ),
]
C4 = [
    ("828684418cf1e3c2e5f23a6ba0ab90f4ff", C3[0][1]),
    ("828684be5886a8eb10649cbf", C3[1][1]),
    ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", C3[2][1]),
]


@pytest.mark.parametrize("blocks", [C3, C4], ids=["plain", "huffman"])
def test_the_requests_of_the_rfc(blocks: list[tuple[str, list[Field]]]) -> None:
    decoder = Decoder(TABLE, LIST)
    for text, fields in blocks:
        assert decoder.decode(bytes.fromhex(text)) == fields


def test_an_entry_larger_than_the_table_empties_it() -> None:
    decoder = Decoder(TABLE, LIST)
    decoder.decode(b"\x40\x01a\x01b")
    assert decoder.decode(b"\xbe") == [(b"a", b"b")]
    decoder.decode(b"\x40\x01a\x7f\xaf\x1f" + b"x" * 4142)
    with pytest.raises(ConnectionFault):
        decoder.decode(b"\xbe")


WRONG = {
    "index 0": b"\x80",
    "an index beyond both tables": b"\xbe",
    "an index that ends": b"\xff",
    "an integer without end": b"\xff" + b"\x80" * 10,
    "a name that ends": b"\x00\x05ab",
    "a value that ends": b"\x00\x01a\x05ab",
    "a value that is missing": b"\x00\x01a",
    "a table larger than was announced": b"\x3f\xe2\x1f",
    "a table size after a field": b"\x82\x20",
    "EOS in a string": b"\x00\x01a\x84\xff\xff\xff\xff",
    "padding of a whole byte": b"\x00\x01a\x82\x1f\xff",
    "padding that is not ones": b"\x00\x01a\x81\x00",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_unpacked_ends_the_connection(name: str) -> None:
    with pytest.raises(ConnectionFault) as caught:
        Decoder(TABLE, LIST).decode(WRONG[name])
    assert caught.value.code is ErrorCode.COMPRESSION_ERROR


def test_a_list_is_bounded_as_it_unpacks() -> None:
    """A block of a few kilobytes can unpack to megabytes: each index here is 4 KB of header."""
    decoder = Decoder(TABLE, LIST)
    decoder.decode(b"\x40\x01a\x7f\xa0\x1e" + b"x" * 3999)
    with pytest.raises(FloodFault) as caught:
        decoder.decode(b"\xbe" * 16384)
    assert caught.value.flood is Flood.HEADERS


def test_the_generation_tells_of_whatever_changes_the_table() -> None:
    decoder = Decoder(TABLE, LIST)
    seen = [decoder.generation]
    for block in (b"\x82\x00\x01a\x01b\x10\x01a\x01b", b"\x3f\xe1\x1f", b"\x40\x01a\x01b", b"\x20"):
        decoder.decode(block)
        seen.append(decoder.generation)
    assert seen == [0, 0, 0, 1, 2]


# Huffman.

HUFFMAN = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


@given(st.binary(max_size=200))
def test_whatever_is_huffman_coded_is_decoded(text: bytes) -> None:
    assert huffman(HUFFMAN.encode(text)) == text


@given(st.binary(max_size=20))
def test_whatever_is_not_huffman_is_refused_as_the_oracle_does(data: bytes) -> None:
    try:
        expected: bytes | None = hpack.huffman_table.decode_huffman(data)
    except hpack.HPACKError:
        expected = None
    try:
        found: bytes | None = huffman(data)
    except ValueError:
        found = None
    assert found == expected


# Whole connections, against the oracle.

NAMES = st.sampled_from([b":path", b":method", b"te", b"x-a", b"x-b", b"cookie", b"traceparent"])
VALUES = st.one_of(
    st.sampled_from([b"", b"GET", b"POST", b"/", b"trailers", b"1", b"x" * 300]),
    st.binary(max_size=30),
)
FIELDS = st.lists(st.tuples(NAMES, VALUES, st.booleans()), max_size=8)
BLOCKS = st.lists(
    st.tuples(
        FIELDS,
        st.booleans(),  # Huffman
        st.none() | st.integers(0, 4096),  # another table size
        st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=2),  # broken bytes
        st.integers(0, 3),  # bytes cut off
    ),
    max_size=8,
)


def unpacked(decoder: Any, block: bytes) -> list[Field] | None:
    """The fields of *block* as the oracle sees them."""
    try:
        return [(bytes(k), bytes(v)) for k, v in decoder.decode(block, raw=True)]
    except hpack.HPACKError:
        return None


@given(BLOCKS)
def test_whatever_the_oracle_unpacks_is_unpacked_and_nothing_else(
    drawn: list[tuple[list[tuple[bytes, bytes, bool]], bool, int | None, Any, int]],
) -> None:
    encoder, oracle, decoder = hpack.Encoder(), hpack.Decoder(LIST), Decoder(TABLE, LIST)
    for fields, huffman_coded, size, broken, cut in drawn:
        if size is not None:
            encoder.header_table_size = size
        tuples = [
            (hpack.NeverIndexedHeaderTuple if hidden else hpack.HeaderTuple)(name, value)
            for name, value, hidden in fields
        ]
        block = bytearray(encoder.encode(tuples, huffman=huffman_coded))
        for position, value in broken:
            if block:
                block[position % len(block)] = value
        if broken:
            del block[len(block) - min(cut, len(block)) :]
        expected = unpacked(oracle, bytes(block))
        try:
            found: list[Field] | None = decoder.decode(bytes(block))
        except ConnectionFault:
            found = None
        assert found == expected
        if found is None:
            return  # the connection is over
        table = [(bytes(k), bytes(v)) for k, v in oracle.header_table.dynamic_entries]
        assert list(decoder._fields) == table
        assert decoder._used <= decoder._capacity <= TABLE


@given(st.binary(max_size=60))
def test_any_bytes_are_taken_or_refused_as_the_oracle_does(block: bytes) -> None:
    expected = unpacked(hpack.Decoder(LIST), block)
    try:
        found: list[Field] | None = Decoder(TABLE, LIST).decode(block)
    except ConnectionFault:
        found = None
    assert found == expected


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_what_is_encoded_can_be_read_and_leaves_the_table_alone(fields: list[Field]) -> None:
    oracle = hpack.Decoder()
    assert unpacked(oracle, encode(fields)) == fields
    assert not oracle.header_table.dynamic_entries
