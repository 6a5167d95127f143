"""HPACK (RFC 7541): a decoder, and as much of an encoder as constant answers need.

Why not a library: Envoy's own metadata repeats, but a traced request brings a ``traceparent`` that
nobody has seen before. It enters the dynamic table, so no header block is ever like another, and
each has to be decoded: the ``hpack`` package takes several times as long for it as everything else
that a request costs here. Tests compare the two.

The encoder uses no dynamic table at all, so it has no state: a block is a constant.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, TypeAlias

from colorfast.extproc.http2._errors import ConnectionFault, ErrorCode, Flood, FloodFault
from colorfast.extproc.http2._huffman import decode as huffman
from colorfast.extproc.http2._static_table import STATIC

Field: TypeAlias = tuple[bytes, bytes]
"""Name and value."""

OVERHEAD: Final = 32
"""What a field counts beside its bytes (section 4.1)."""

_STATIC: Final = len(STATIC)
_FIRST: Final = _STATIC + 1
"""The index of the newest field of the dynamic table."""

_MAX_SHIFT: Final = 28
"""No integer here needs more: larger ones could only be lengths and sizes beyond any limit."""

NO_TABLE: Final = b"\x20"
"""A size update to 0: the encoder uses no dynamic table (section 6.3)."""


class Decoder:
    """One connection's decoder. *table_size* and *list_size* are the limits that are announced."""

    def __init__(self, table_size: int, list_size: int) -> None:
        self.generation = 0
        """Raised by whatever makes the same bytes mean something else."""
        self._announced = table_size
        self._capacity = table_size
        self._list_size = list_size
        self._fields: deque[Field] = deque()  # the newest is first
        self._used = 0

    def decode(self, block: bytes) -> list[Field]:
        """The header list of a whole block. Raises ConnectionFault.

        After a fault the decoder cannot be used any more; the connection has to end.
        """
        try:
            return self._decode(block)
        except (IndexError, ValueError):
            # Beyond the block's end, beyond the table's, or no Huffman code.
            raise _broken("a header block cannot be unpacked") from None

    def _decode(self, block: bytes) -> list[Field]:
        found: list[Field] = []
        table, room = self._fields, self._list_size
        position, end = 0, len(block)
        while position < end:
            first = block[position]
            if first & 0x80:  # an indexed field
                index = first & 0x7F
                position += 1
                if index == 0x7F:
                    index, position = _integer(block, position, 0x7F)
                field = table[index - _FIRST] if index >= _FIRST else self._field(index)
            elif first & 0xE0 == 0x20:  # a size update
                if found:
                    raise _broken("a table size update after a field")
                size, position = _prefixed(block, position, 0x1F)
                self._resize(size)
                continue
            else:
                field, position = self._literal(block, position, first)
            room -= len(field[0]) + len(field[1]) + OVERHEAD
            if room < 0:
                raise FloodFault(Flood.HEADERS, "the header list is too large")
            found.append(field)
        return found

    def _field(self, index: int) -> Field:
        if index > _STATIC:
            return self._fields[index - _STATIC - 1]
        if not index:
            raise _broken("there is no field 0")
        return STATIC[index - 1]

    def _literal(self, block: bytes, position: int, first: int) -> tuple[Field, int]:
        indexing = first & 0x40
        index, position = _prefixed(block, position, 0x3F if indexing else 0x0F)
        if index:
            name = self._field(index)[0]
        else:
            name, position = _string(block, position)
        value, position = _string(block, position)
        field = name, value
        if indexing:
            self._add(field)
        return field, position

    def _add(self, field: Field) -> None:
        self.generation += 1
        self._used += len(field[0]) + len(field[1]) + OVERHEAD
        self._fields.appendleft(field)
        self._evict()

    def _resize(self, size: int) -> None:
        if size > self._announced:
            raise _broken("a table larger than was announced")
        if size != self._capacity:
            self.generation += 1
            self._capacity = size
            self._evict()

    def _evict(self) -> None:
        while self._used > self._capacity:
            name, value = self._fields.pop()
            self._used -= len(name) + len(value) + OVERHEAD


def _prefixed(block: bytes, position: int, mask: int) -> tuple[int, int]:
    """An integer that starts in the low bits of a byte (section 5.1), and what follows it."""
    value = block[position] & mask
    position += 1
    return (value, position) if value < mask else _integer(block, position, mask)


def _integer(block: bytes, position: int, value: int) -> tuple[int, int]:
    shift = 0
    while True:
        byte = block[position]
        position += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > _MAX_SHIFT:
            raise _broken("an integer is too long")


def _string(block: bytes, position: int) -> tuple[bytes, int]:
    """A string literal (section 5.2), and what follows it."""
    coded = block[position] & 0x80
    size, position = _prefixed(block, position, 0x7F)
    end = position + size
    if end > len(block):
        raise _broken("a string is longer than its block")
    text = block[position:end]
    return (huffman(text) if coded else text), end


def _broken(why: str) -> ConnectionFault:
    return ConnectionFault(ErrorCode.COMPRESSION_ERROR, why)


def encode(fields: Iterable[Field]) -> bytes:
    """A header block of literals that enter no table; nothing in it is Huffman-coded."""
    return b"".join(
        b"\x88"
        if (name, value) == (b":status", b"200")
        else _name(name) + _length(len(value), 0x7F) + value
        for name, value in fields
    )


def _name(name: bytes) -> bytes:
    for index, (known, _) in enumerate(STATIC, 1):
        if known == name:
            return _length(index, 0x0F)
    return b"\x00" + _length(len(name), 0x7F) + name


def _length(value: int, mask: int) -> bytes:
    if value < mask:
        return bytes((value,))
    out = bytearray((mask,))
    value -= mask
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
