"""The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B), decoding only.

Theory of operation. The code is canonical: codes of one length are consecutive in the order of
their symbols, and shorter codes come first. So the lengths alone give the whole code. Decoding
walks the code's tree a byte at a time: a node and the next byte have an entry with the bytes that
come out and the node that is reached. Entries are made when they are first needed; there are
256 nodes with 256 entries, so what peers can make this grow to is bounded.
"""

from typing import Final

_EOS: Final = 256

_BY_LENGTH: Final = {
    5: b"012aceiost",
    6: b" %-./3456789=A_bdfghlmnpru",
    7: b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: b"&*,;XZ",
    10: b'!"()?',
    11: b"'+|",
    12: b"#>",
    13: b"\x00$@[]~",
    14: b"^}",
    15: b"<`{",
    19: b"\\\xc3\xd0",
    20: b"\x80\x82\x83\xa2\xb8\xc2\xe0\xe2",
    21: b"\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6",
    22: b"\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe\xc4"
    b"\xc6\xe4\xe8\xe9",
    23: b"\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\xa5\xa6\xa8\xae\xaf\xb4"
    b"\xb6\xb7\xbc\xbf\xc5\xe7\xef",
    24: b"\x09\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed",
    25: b"\xc7\xcf\xea\xeb",
    26: b"\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff",
    27: b"\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe",
    28: b"\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a\x1b"
    b"\x1c\x1d\x1e\x1f\x7f\xdc\xf9",
    30: b"\x0a\x0d\x16",
}
"""Symbols by the length of their codes, each group in ascending order. EOS, too, has 30 bits."""


class _Node(dict[int, "tuple[bytes, _Node]"]):
    """A place within a code, and by the next byte: what comes out, and the node after it.

    *padding*: whether a string may end here.
    """

    __slots__ = ("ones", "padding", "zeros")

    def __init__(self, *, padding: bool) -> None:
        super().__init__()
        self.zeros: _Node | int | None = None
        self.ones: _Node | int | None = None
        self.padding = padding

    def __missing__(self, byte: int) -> "tuple[bytes, _Node]":
        entry = self[byte] = self._step(byte)
        return entry

    def _step(self, byte: int) -> "tuple[bytes, _Node]":
        node, out = self, bytearray()
        for shift in range(7, -1, -1):
            reached = node.ones if byte >> shift & 1 else node.zeros
            if isinstance(reached, _Node):
                node = reached
            elif reached is None or reached == _EOS:
                return b"", _DEAD
            else:
                out.append(reached)
                node = _ROOT
        return bytes(out), node


def _tree() -> _Node:
    root = _Node(padding=True)
    code, length = 0, 0
    for longer, symbols in _BY_LENGTH.items():
        code, length = code << longer - length, longer
        for symbol in symbols:
            _plant(root, code, length, symbol)
            code += 1
    _plant(root, code, length, _EOS)
    return root


def _plant(node: _Node, code: int, length: int, symbol: int) -> None:
    for depth in range(1, length):
        ones = code >> length - depth & 1
        reached = node.ones if ones else node.zeros
        if not isinstance(reached, _Node):
            # Padding is the start of EOS, all ones, and shorter than a byte.
            reached = _Node(padding=bool(ones) and node.padding and depth < 8)
            _set(node, ones, reached)
        node = reached
    _set(node, code & 1, symbol)


def _set(node: _Node, ones: int, child: "_Node | int") -> None:
    if ones:
        node.ones = child
    else:
        node.zeros = child


_DEAD: Final = _Node(padding=False)
"""Where EOS leads, and nothing leads away from."""
_ROOT: Final = _tree()


def decode(data: bytes) -> bytes:
    """The string that *data* is the code of. Raises ValueError."""
    node, out = _ROOT, list[bytes]()
    for byte in data:
        text, node = node[byte]
        out.append(text)
    if not node.padding:
        raise ValueError("a Huffman-coded string ends within a symbol, or holds EOS")
    return b"".join(out)
