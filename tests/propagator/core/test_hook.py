"""Installing: by OTEL_PROPAGATORS, by opentelemetry-instrument's hook, by hand. In new processes,
for the environment counts once.
"""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from textwrap import dedent

import pytest
from opentelemetry import propagate
from opentelemetry.propagators.composite import CompositePropagator

from colorfast.propagator import LaneExtractPropagator, LanePropagator, _hook

SHOW = """
from opentelemetry import propagate
def names(one):
    parts = getattr(one, "_propagators", None)
    return [type(one).__name__] if parts is None else [n for p in parts for n in names(p)]
print(*names(propagate.get_global_textmap()))
"""
HOOK = "from colorfast.propagator._hook import post_instrument; post_instrument()"
TRACE, BAGGAGE, LANE = "TraceContextTextMapPropagator", "W3CBaggagePropagator", "LanePropagator"


def run(*code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL", "COLORFAST"))}
    text = "\n".join(dedent(part) for part in code)
    return subprocess.run(
        [sys.executable, "-c", text], env=kept | environ, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


def installed(*code: str, **environ: str) -> list[str]:
    done = run(*code, SHOW, **environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("name", "kind"), [("colorfast", LanePropagator), ("colorfast-extract", LaneExtractPropagator)]
)
def test_entry_points_make_propagators_without_arguments(
    name: str, kind: type[LanePropagator]
) -> None:
    [found] = entry_points(group="opentelemetry_propagator", name=name)
    assert type(found.load()()) is kind


def test_the_hook_is_an_entry_point() -> None:
    [found] = entry_points(group="opentelemetry_post_instrument", name="colorfast")
    assert found.load() is _hook.post_instrument


def test_opentelemetrys_variable_names_it() -> None:
    assert installed(OTEL_PROPAGATORS="tracecontext,colorfast") == [TRACE, LANE]
    assert installed(OTEL_PROPAGATORS="tracecontext,baggage,colorfast-extract") == [
        TRACE,
        BAGGAGE,
        "LaneExtractPropagator",
    ]


def test_the_hook_installs_it_without_that_variable() -> None:
    assert installed(HOOK) == [TRACE, BAGGAGE, LANE]
    assert installed(HOOK, OTEL_PROPAGATORS="tracecontext") == [TRACE, LANE]


@pytest.mark.parametrize("name", ["colorfast", "colorfast-extract"])
def test_the_hook_adds_nothing_to_what_the_variable_names(name: str) -> None:
    environ = {"OTEL_PROPAGATORS": f"tracecontext,{name}"}
    assert installed(HOOK, HOOK, **environ) == installed(**environ)


def test_the_hook_runs_twice_without_duplicates() -> None:
    assert installed(HOOK, HOOK) == [TRACE, BAGGAGE, LANE]


def test_who_wants_no_propagation_gets_none() -> None:
    if run(SHOW, OTEL_PROPAGATORS="none").returncode:
        pytest.skip("this OpenTelemetry API does not know none")
    assert installed(HOOK, OTEL_PROPAGATORS="none") == []


def test_the_hook_can_be_switched_off_and_installing_by_hand_goes_on() -> None:
    assert installed(HOOK, COLORFAST_AUTO="off") == [TRACE, BAGGAGE]
    by_hand = "from colorfast.propagator import install; install()"
    assert installed(by_hand, COLORFAST_AUTO="off") == [TRACE, BAGGAGE, LANE]


def test_the_hook_never_raises() -> None:
    done = run(HOOK, "print('alive')", OTEL_PROPAGATORS="misspelt")
    assert done.stdout == "alive\n", done.stderr
    assert "CF705" in done.stderr
    assert "misspelt" in done.stderr


def test_a_bad_setting_does_not_stop_an_application() -> None:
    done = run(
        HOOK, SHOW, COLORFAST_HEADER="a b", COLORFAST_LANES="!", OTEL_PROPAGATORS="colorfast"
    )
    assert done.stdout.split() == [LANE]
    assert done.stderr.count("CF702") == 2


@pytest.mark.parametrize("hosts", ["mesh", "a.example.com"])
def test_the_hook_installs_the_guard_where_hosts_are_set(hosts: str) -> None:
    code = """
        import http.client
        print(http.client.HTTPConnection.request.__module__)
    """
    assert run(HOOK, code).stdout.strip() == "http.client"
    assert "colorfast" in run(HOOK, code, COLORFAST_HOSTS=hosts).stdout


def test_what_is_not_composite_is_kept_too(monkeypatch: pytest.MonkeyPatch) -> None:
    before = propagate.get_global_textmap()
    alone = CompositePropagator([])
    propagate.set_global_textmap(alone)
    try:
        _hook.install()
        propagate.get_global_textmap().extract({})
        assert propagate.get_global_textmap().fields == {"x-lane", "baggage"}
    finally:
        propagate.set_global_textmap(before)


def test_importing_costs_neither_libraries_nor_opentelemetrys_entry_points() -> None:
    code = """
        import sys
        import opentelemetry.baggage, opentelemetry.context, opentelemetry.propagators.textmap
        there = set(sys.modules)
        import colorfast.propagator, colorfast.propagator.lane
        heavy = {"opentelemetry.propagate", "grpc", "aiohttp", "requests", "urllib3", "httpx",
                 "yaml", "pydantic", "asyncio", "ssl", "http.client", "colorfast.policy",
                 "colorfast.propagator.messaging", "colorfast.propagator.guard"}
        print(*sorted(heavy & set(sys.modules) - there))
    """
    assert run(code).stdout.split() == []
