"""What the SDK's propagator costs a request, beside OpenTelemetry's own propagators, by pyperf.

Targets are microseconds on a dict carrier, set where OpenTelemetry's own baggage propagator took
REFERENCE for twenty members. Machines differ in how fast they are at everything, so what is held to
them is scaled by what it takes in the same run; the table has the microseconds of this machine.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pyperf
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, attach
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from benchmarks._measure import heading, interleaved, ratio, save
from benchmarks._options import Options
from benchmarks._targets import Target, print_targets
from benchmarks.baggage import header
from colorfast.propagator import LanePropagator

LIMIT = 8192
LINEAR_BOUND = 2.6
IMPORT_BOUND = 10.0
HOSTILE_BOUND = 1000.0

ORDINARY = {
    "host": "mockb",
    "user-agent": "python-requests/2.32",
    "accept": "*/*",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
TWENTY = ORDINARY | {"baggage": header(20).decode()}
HEADER = ORDINARY | {"x-lane": "canary"}
CARRIERS = {
    "nothing": ORDINARY,
    "lane header": HEADER,
    "lane header, lane in baggage": HEADER | {"baggage": "lane=canary"},
    "lane in baggage": ORDINARY | {"baggage": "lane=canary"},
    "lane in baggage of 5": ORDINARY | {"baggage": header(5).decode()},
    "lane in baggage of 20": TWENTY,
    "baggage of 20, no lane": ORDINARY | {"baggage": TWENTY["baggage"].replace("lane=", "line=")},
}
HOSTILE = {
    "spaces": " ",
    "commas": ",",
    "our key": "lane",
    "our key, spaced": "lane ",
    "comma and spaces": ",    ",
    "comma and our key": ",lane",
    "our member": "lane=a,",
    "our member, invalid": "lane=A,",
    "our member, encoded": "lane=%41,",
    "our key behind tabs": ",\t\t\tlane\t\t",
    "properties": "lane;lane=",
}
REFERENCE = 48.0
OF_TWENTY = "extract, {}: lane in baggage of 20"
TARGETS = {
    "extract, colorfast: nothing": 0.4,
    "extract, colorfast: lane header": 1.5,
    OF_TWENTY.format("colorfast"): 2.5,
    "inject, colorfast: lane header": 0.4,
}
LANE, BAGGAGE, TRACE = LanePropagator(), W3CBaggagePropagator(), TraceContextTextMapPropagator()
PROPAGATORS: Mapping[str, TextMapPropagator] = {
    "colorfast": LANE,
    "baggage": BAGGAGE,
    "tracecontext": TRACE,
    "tracecontext,baggage": CompositePropagator([TRACE, BAGGAGE]),
    "tracecontext,baggage,colorfast": CompositePropagator([TRACE, BAGGAGE, LANE]),
    "tracecontext,colorfast": CompositePropagator([TRACE, LANE]),
}
FEW = ("nothing", "lane header", "lane in baggage of 20")
"""What the propagators that are not ours are shown; a quick run shows no more to ours."""
QUICK = "--of-a-quick-run"

IMPORT = """
import time
import opentelemetry.baggage, opentelemetry.context, opentelemetry.propagators.textmap
import opentelemetry.trace
start = time.process_time()  # so that busy neighbours count for less
import colorfast.propagator
print((time.process_time() - start) * 1e3)
"""


def run(options: Options) -> bool:
    """Print the tables; whether every target was met."""
    heading("The SDK's propagator and OpenTelemetry's, microseconds a call")
    table = _measured(quick=options.quick)
    _print(table)
    worst, growth = _hostile(rounds=3 if options.quick else 15)
    brought = _import(times=3 if options.quick else 21)
    theirs, ours = (table[OF_TWENTY.format(one)] for one in ("baggage", "colorfast"))
    print(f"  a baggage of 20 costs OpenTelemetry's propagator x{theirs / ours:.1f} of ours")
    print(f"  it takes {theirs:.1f} us here, and {REFERENCE:g} where the bounds were set")
    targets = [
        *(
            Target(name=f"{name}, scaled", value=table[name] * REFERENCE / theirs, bound=bound)
            for name, bound in TARGETS.items()
        ),
        Target(name="extract, the worst of 8 KiB", value=max(worst.values()), bound=HOSTILE_BOUND),
        Target(name="extract, twice the worst", value=max(growth.values()), bound=LINEAR_BOUND),
        Target(name="import, milliseconds", value=brought, bound=IMPORT_BOUND),
    ]
    kept = print_targets(targets)
    result = {"us": table, "hostile us": worst, "growth": growth, "import ms": brought}
    save("propagator", {**result, "targets": {one.name: one.bound for one in targets}})
    return kept or options.quick


def _measured(*, quick: bool) -> dict[str, float]:
    """Medians by row, of pyperf's processes."""
    # Many short samples: with a busy neighbour most of them are still had without interruption.
    plan = [QUICK, "-p1"] if quick else ["-p6"]
    plan += ["-n50", "-w5", "-l500"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pyperf.json"
        command = [sys.executable, "-m", "benchmarks.propagator", "--quiet", "-o", str(file), *plan]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=1800)
        suite = pyperf.BenchmarkSuite.load(str(file))
    return {one.get_name(): one.median() * 1e6 for one in suite.get_benchmarks()}


def _print(table: Mapping[str, float]) -> None:
    for name, us in table.items():
        print(f"  {us:8.2f}  {name}")


def _hostile(*, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """By kind of input: microseconds of 8 KiB; how often those of 4 KiB."""
    context = Context()
    worst, growth = {}, {}
    for name, piece in HOSTILE.items():
        half, whole = ({"baggage": (piece * LIMIT)[:size]} for size in (LIMIT // 2, LIMIT))
        samples = interleaved(
            {"n": _extract(LANE, half, context), "2n": _extract(LANE, whole, context)},
            rounds=rounds,
        )
        worst[name] = statistics.median(samples["2n"])
        growth[name] = ratio(samples["2n"], samples["n"])
    slowest = max(worst, key=worst.__getitem__)
    print(f"  {worst[slowest]:8.2f}  extract, colorfast: 8 KiB of {slowest}, the worst")
    return worst, growth


def _extract(
    propagator: TextMapPropagator, carrier: dict[str, str], context: Context
) -> Callable[[], object]:
    return lambda: propagator.extract(carrier, context)


def _import(*, times: int) -> float:
    """Milliseconds that importing takes after OpenTelemetry's API has been imported."""
    command = [sys.executable, "-c", IMPORT]
    taken = [
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(times)
    ]
    median = statistics.median(taken)
    print(f"  {median:8.2f}  milliseconds to import colorfast.propagator (least {min(taken):.2f})")
    return median


# What pyperf's processes run.


def _inject(loops: int, propagator: TextMapPropagator, context: Context | None) -> float:
    inject = propagator.inject
    rounds = range(loops)
    start = time.perf_counter()
    for _ in rounds:
        inject({}, context)
    return time.perf_counter() - start


def _pass_on(command: list[str], chosen: argparse.Namespace) -> None:
    if chosen.quick:
        command.append(QUICK)


def main() -> None:
    """Measure every row; pyperf calls this in processes of its own."""
    runner = pyperf.Runner(program_args=("-m", "benchmarks.propagator"), add_cmdline_args=_pass_on)
    runner.argparser.add_argument(QUICK, action="store_true", dest="quick")
    quick = runner.parse_args().quick
    context = Context()
    for name in ("colorfast", "baggage") if quick else PROPAGATORS:
        propagator = PROPAGATORS[name]
        for what in CARRIERS if propagator is LANE and not quick else FEW:
            carrier = CARRIERS[what]
            runner.bench_func(f"extract, {name}: {what}", propagator.extract, carrier, context)
            arrived = propagator.extract(carrier, context)
            row = f"inject, {name}: {what}"
            runner.bench_time_func(row, _inject, propagator, arrived)
    attach(LANE.extract(HEADER))
    runner.bench_time_func("inject, colorfast: the current lane", _inject, LANE, None)


if __name__ == "__main__":
    main()
