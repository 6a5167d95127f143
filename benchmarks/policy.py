"""What a decision costs as the number of exact-match rules grows.

Bound: 1,000 rules cost at most 1.5 times one.
"""

import statistics
from collections.abc import Callable
from typing import Any

from benchmarks._measure import heading, interleaved, ratio, save
from benchmarks._options import Options
from benchmarks._targets import Target, print_targets
from colorfast.policy import Engine, Request, load_policy

SIZES = (1, 10, 100, 1_000, 10_000)
BOUND = 1.5

Shape = Callable[[int], str]

SHAPES: dict[str, Shape] = {
    "one header, a value a rule": lambda i: f"headers: {{x-user: {{exact: u{i}}}}}",
    "a header a rule": lambda i: f"headers: {{x-flag-{i}: {{exact: 'on'}}}}",
    "method and a path a rule": lambda i: f"method: {{exact: GET}}, path: {{exact: /p{i}}}",
    "a cookie value a rule": lambda i: f"cookies: {{uid: {{exact: u{i}}}}}",
}


def engine(shape: Shape, size: int) -> Engine:
    lines = [f"  - {{name: r{i}, match: [{{{shape(i)}}}], lane: canary}}" for i in range(size)]
    text = "\n".join(
        [
            "apiVersion: colorfast.dev/v1alpha1",
            "kind: LanePolicy",
            "metadata: {name: bench}",
            "spec:",
            "  lanes: [base, canary]",
            "  default: base",
            "  rules:",
            *lines,
        ]
    )
    return Engine(load_policy(text).policy)


def request(last: int) -> Request:
    """An ordinary browser's request that the last rule matches."""
    return Request(
        [
            (":authority", b"shop.example.com"),
            (":path", b"/p%d" % last),
            (":method", b"GET"),
            ("user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101"),
            ("accept", b"text/html,application/xhtml+xml"),
            ("x-user", b"u%d" % last),
            (f"x-flag-{last}", b"on"),
            ("cookie", b"session=0123456789abcdef; uid=u%d; theme=dark" % last),
            ("baggage", b"tenant=acme,region=eu"),
        ]
    )


def run(options: Options) -> bool:
    """Print the table; whether every bound was kept."""
    heading("Decision cost by number of exact-match rules (the last one matches)")
    kept, table = True, {}
    for name, shape in SHAPES.items():
        calls = {str(size): _call(engine(shape, size), size) for size in SIZES}
        samples = interleaved(calls, rounds=5 if options.quick else 25)
        table[name] = row = {
            size: {"us": statistics.median(us), "ratio": ratio(us, samples["1"])}
            for size, us in samples.items()
        }
        cells = "  ".join(f"{int(n):,}: {c['us']:.2f} us x{c['ratio']:.2f}" for n, c in row.items())
        print(f"  {name}\n    {cells}")
        target = Target(name=f"1,000 rules to one, {name}", value=row["1000"]["ratio"], bound=BOUND)
        kept &= print_targets([target])
    save("policy", {"bound": BOUND, "table": table})
    return kept


def _call(made: Engine, size: int) -> Callable[[], Any]:
    asked = request(size - 1)
    assert made.dye(asked).rule == f"r{size - 1}"
    decide = made.dye
    return lambda: decide(asked)
