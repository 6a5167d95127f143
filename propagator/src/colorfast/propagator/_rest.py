"""The others' members of a ``baggage`` header, kept to be sent on as they came."""

from functools import lru_cache

from colorfast.lane import Member

LONGEST = 8192
"""Characters of ``baggage`` that are looked at and sent on (W3C Baggage section 3.3.2)."""


@lru_cache(maxsize=64)
def others(baggage: str, member: Member) -> str:
    """Every piece of *baggage* that is not *member*'s and may stand in a header, byte for byte.

    Remembered, because a request that arrives once may cause many that are sent.
    """
    return sendable(member.read(encode(baggage)).rest)


def limited(text: str) -> str:
    """*text*, which is longer, up to LONGEST; no member is cut in two."""
    return text[: LONGEST + 1].rpartition(",")[0]


def encode(text: str) -> bytes:
    """Any text as bytes, so that ``decode`` gives it back."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str:
    """What ``encode`` has encoded."""
    return data.decode("utf-8", "surrogatepass")


def sendable(rest: bytes) -> str:
    """*rest* without pieces that clients refuse to send: controls, and what is not ASCII.

    They cannot come by HTTP, but a message can hold them, and gRPC fails the call for one.
    """
    text = decode(rest)
    if text.isascii() and text.replace("\t", "").isprintable():
        return text
    pieces = text.split(",")
    return ",".join(p for p in pieces if p.isascii() and p.replace("\t", "").isprintable())


def keys(baggage: str) -> set[str]:
    """The keys of the members of *baggage*."""
    return {key_of(piece) for piece in baggage.split(",")}


def key_of(piece: str) -> str:
    """The key of one list-member, or the piece itself when it has none."""
    return piece.partition(";")[0].partition("=")[0].strip(" \t")


def joined(one: str, other: str) -> str:
    """Two ``baggage`` values as one; either may be empty."""
    return f"{one},{other}" if one and other else one or other
