"""Sticky splits: which bucket a key falls into."""

import random
from collections.abc import Callable, Iterable
from typing import TypeAlias

from xxhash import xxh64_intdigest

from colorfast.policy._ir import BUCKETS, Attribute, Split
from colorfast.policy._request import Request, reader

Draw: TypeAlias = Callable[[int], int]
"""Draws a whole number below its argument, for requests without a sticky key."""

SYSTEM_DRAW: Draw = random.Random().randrange  # noqa: S311 (a share of traffic, not a secret)


def seed_of(salt: str) -> int:
    """The seed that *salt* stands for: xxHash64 of its bytes with seed 0."""
    return xxh64_intdigest(salt.encode(), 0)


def bucket_of(key: bytes, seed: int) -> int:
    """xxHash64(key, seed) mod 10,000: exactly Envoy's ``consistent_hashing`` input matcher."""
    return xxh64_intdigest(key, seed) % BUCKETS


def order_in_objects(lanes: Iterable[str], baseline: str) -> list[str]:
    """The order in which *lanes* of an object of a cluster take their buckets.

    An API server keeps no order of keys, so one is made up: by name, and the baseline last. That is
    what a file usually says, so a lane that grows takes buckets from the baseline only.
    """
    return sorted(lanes, key=lambda lane: (lane == baseline, lane))


def sticky_key(split: Split, request: Request) -> tuple[Attribute, bytes] | None:
    """The first of ``by`` that is present and not empty."""
    for attribute in split.by:
        value = reader(attribute)(request)
        if value:
            return attribute, value
    return None


def chooser(split: Split, draw: Draw) -> Callable[[Request], str]:
    """*split* made ready to be asked for a request's lane."""
    seed = seed_of(split.salt)
    readers = tuple(reader(attribute) for attribute in split.by)

    def choose(request: Request) -> str:
        for read in readers:
            key = read(request)
            if key:
                return split.lane_of(bucket_of(key, seed))
        return split.otherwise or split.lane_of(draw(BUCKETS))

    return choose
