"""The member codec against OpenTelemetry's baggage propagator, and against itself on hostile input.

Bound: twice the input takes at most 2.6 times as long, whatever the input.
"""

import statistics

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context

from benchmarks._measure import heading, interleaved, ratio, save
from benchmarks._options import Options
from benchmarks._targets import Target, print_targets
from colorfast.lane import Member

MEMBERS = (0, 1, 5, 20, 64)
LINEAR_BOUND = 2.6
HOSTILE = {
    "spaces": b" ",
    "commas": b",",
    "our key": b"lane",
    "our key, spaced": b"lane ",
    "comma and spaces": b",    ",
    "comma and our key": b",lane",
    "our member": b"lane=a,",
    "our key behind tabs": b",\t\t\tlane\t\t",
    "properties": b"lane;lane=",
}
SIZE = 1 << 15


def header(members: int) -> bytes:
    """*members* list-members, ours in the middle of them."""
    pieces = [b"key-%d=some-value-%d" % (i, i) for i in range(members - 1)]
    if members:
        pieces.insert(len(pieces) // 2, b"lane=canary")
    return b",".join(pieces)


def run(options: Options) -> bool:
    """Print both tables; whether every bound was kept."""
    rounds = 5 if options.quick else 25
    heading("Reading the lane member, and OpenTelemetry reading all members")
    table = {str(members): _against_opentelemetry(members, rounds) for members in MEMBERS}
    heading("The codec on hostile input of twice the size")
    linear = {name: _growth(piece, rounds) for name, piece in HOSTILE.items()}
    kept = print_targets(
        Target(name=f"twice as many of {name}", value=growth, bound=LINEAR_BOUND)
        for name, growth in linear.items()
    )
    save("baggage", {"members": table, "growth": linear, "bound": LINEAR_BOUND})
    return kept


def _against_opentelemetry(members: int, rounds: int) -> dict[str, float]:
    value = header(members)
    carrier = {"baggage": value.decode()} if members else {}
    member, propagator, context = Member(), W3CBaggagePropagator(), Context()
    reading = member.read(value)
    samples = interleaved(
        {
            "read": lambda: member.read(value),
            "write": lambda: member.write("canary", reading.rest),
            "otel extract": lambda: propagator.extract(carrier, context),
        },
        rounds=rounds,
    )
    row = {name: statistics.median(us) for name, us in samples.items()}
    row["otel to ours"] = ratio(samples["otel extract"], samples["read"])
    print(
        f"  {members:2} members: x{row['otel to ours']:.1f} of ours"
        f" (read {row['read']:.2f} us, write {row['write']:.2f} us,"
        f" OpenTelemetry extract {row['otel extract']:.2f} us)"
    )
    return row


def _growth(piece: bytes, rounds: int) -> float:
    member = Member()
    once, twice = piece * (SIZE // len(piece)), piece * (2 * SIZE // len(piece))
    samples = interleaved(
        {"n": lambda: member.read(once), "2n": lambda: member.read(twice)}, rounds=rounds
    )
    return ratio(samples["2n"], samples["n"])
