"""Native chains in a real Envoy where the corpus does not reach: raw bytes, chance, size."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from colorfast.envoy import Json, NativeOptions, bootstrap, native_chain
from colorfast.policy import Engine, Policy, Request, load_policy
from helpers.envoys import Seen, echo_upstream, running_envoy, send, send_http2, short_folder

HEAD = "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: x}\nspec:\n"


def load(spec: str) -> Policy:
    return load_policy(f"{HEAD}  lanes: [base, canary]\n{spec}").policy


MANY = "".join(
    f"  - {{name: r{n}, match: [{{headers: {{agent: {{exact: a{n}}}}}}}], lane: canary}}\n"
    for n in range(1000)
)
COOKIES = "".join(
    f"  - {{name: r{n}, match: [{{cookies: {{uid: {{{match}}}}}}}], lane: canary}}\n"
    for n, match in enumerate(["exact: pc", 'exact: "a,b"', "exact: q", "in: [x, y]", "suffix: =z"])
)
DICE = "  - {name: dice, split: {by: [{header: u}], weights: {canary: 5000, base: 5000}, otherwise: random}}\n"
POLICIES = {
    "undyed": load("  default: null\n"),
    "base": load("  default: base\n"),
    "strange": load(
        '  default: canary\n  header: "x%lane"\n  member: "l%REQ(a"\n'.replace("(", "")
    ),
    "many": load(f"  default: base\n  rules:\n{MANY}"),
    "cookies": load(f"  default: base\n  rules:\n{COOKIES}"),
    "dice": load(f"  default: null\n  rules:\n{DICE}"),
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with running(*POLICIES) as folder:
        yield folder


@pytest.fixture(scope="module")
def joining() -> Iterator[Path]:
    """An Envoy that joins the lines of ``cookie`` before any filter sees them."""
    cookie = {"inline_header_name": "cookie", "inline_header_type": "REQUEST_HEADER"}
    with running("cookies", inline_headers=[cookie]) as folder:
        yield folder


@contextmanager
def running(*names: str, **more: Any) -> Iterator[Path]:
    """An Envoy with edges for these policies, *more* in its bootstrap, and its upstreams."""
    with short_folder() as folder, ExitStack() as stack:
        for upstream in ("base", "canary"):
            stack.enter_context(echo_upstream(folder / upstream, upstream))
        stack.enter_context(running_envoy(config(folder, names) | more))
        yield folder


def config(folder: Path, names: Iterable[str]) -> Json:
    whole = bootstrap.bootstrap(
        admin=f"unix:{folder}/admin",
        listeners=[edge(name, folder, POLICIES[name]) for name in names],
        clusters=[bootstrap.cluster(name, f"unix:{folder}/{name}") for name in ("base", "canary")],
    )
    limit = {"re2.max_program_size.error_level": 1000}
    return whole | {"layered_runtime": {"layers": [{"name": "x", "static_layer": limit}]}}


def edge(name: str, folder: Path, policy: Policy) -> Json:
    routes = [
        bootstrap.route(f"{name}.canary", "canary", headers={policy.header: "canary"}),
        bootstrap.route(f"{name}.base", "base"),
    ]
    chain = native_chain(policy, NativeOptions()).chain
    manager = bootstrap.connection_manager(name, [bootstrap.virtual_host(name, routes)], chain)
    return bootstrap.listener(name, f"unix:{folder}/{name}.edge", manager)


def ask(folder: Path, name: str, *lines: tuple[bytes, bytes]) -> Seen:
    return send(f"{folder}/{name}.edge", list(lines))


def assert_as_the_reference(folder: Path, name: str, *lines: tuple[bytes, bytes]) -> None:
    policy = POLICIES[name]
    seen = ask(folder, name, *lines)
    outcome = Engine(policy).dye(Request([(key.decode().lower(), value) for key, value in lines]))
    writes = dict(outcome.sets) | dict.fromkeys(outcome.removes, b"")
    for header, value in writes.items():
        assert seen.header(header.encode()) == ([value] if value else [])
    for key, value in lines:
        if key.decode().lower() not in writes:
            assert value in seen.header(key)
    assert seen.upstream == (outcome.lane or "base")


BAGGAGE = [
    [b"lane=\xff"],
    [b"\xff,lane=canary"],
    [b"a=\xff", b"lane=canary", b"b=\xfe"],
    [b"lane=canary\xff;p,a=1"],
    [b"lane=\xff,lane=canary,\xfflane=1"],
    [b"\xe2\x82,lane=canary\xe2\x82"],
    [b"a=\xff, lane"],
    [b'a="%DYNAMIC_METADATA(x:y)%"', b"%REQ(:path)%=1,lane=x"],
    [b"a=" + b"x" * 8000],
    [b"a=" + b"x" * 30000],
    [b"a=" + b"x" * 8000, b"lane=canary"],
    [b",".join(b"k%d=v" % n for n in range(64)), b"lane=canary"],
    [b",".join(b"k%d=v" % n for n in range(65)), b"lane=canary"],
    [b",".join(b"k%d=v" % n for n in range(65))],
]


@pytest.mark.parametrize("lines", BAGGAGE, ids=range(len(BAGGAGE)))
@pytest.mark.parametrize("name", ["undyed", "base"])
def test_any_baggage_is_left_as_the_reference_leaves_it(
    folder: Path, name: str, lines: list[bytes]
) -> None:
    assert_as_the_reference(folder, name, *((b"baggage", line) for line in lines))


@pytest.mark.parametrize("name", ["undyed", "base"])
def test_past_8_kib_a_spoof_goes_with_all_the_rest(folder: Path, name: str) -> None:
    seen = ask(folder, name, (b"baggage", b"lane=canary,a=" + b"x" * 9000), (b"x-lane", b"canary"))
    assert seen.header(b"baggage") == ([b"lane=base"] if name == "base" else [])
    assert (seen.upstream, b"canary" in seen.header(b"x-lane")) == ("base", False)


def test_http2_is_dyed_like_http1(folder: Path) -> None:
    lines = [(b"x-lane", b"canary"), (b"baggage", b"a=1"), (b"baggage", b"lane=canary,b=2")]
    seen = send_http2(f"{folder}/base.edge", lines)
    assert (seen.upstream, seen.header(b"x-lane")) == ("base", [b"base"])
    assert seen.header(b"baggage") == [b"lane=base,a=1,b=2"]


def test_signs_of_format_strings_are_only_themselves(folder: Path) -> None:
    assert_as_the_reference(
        folder, "strange", (b"x%lane", b"base"), (b"baggage", b"l%REQa=base,a=%REQ(x)%")
    )


@pytest.mark.parametrize("agent", [b"a0", b"a999", b"a1000", b"A0", b""])
def test_the_right_one_of_a_thousand_rules_is_found(folder: Path, agent: bytes) -> None:
    assert_as_the_reference(folder, "many", (b"agent", agent))


@pytest.mark.parametrize(
    "lines",
    [
        [b"uid=pc"],
        [b"uid=pc", b"a=1"],
        [b"a=1", b"uid=pc"],
        [b"a=1;b", b"x; uid = 1;uid= pc \t;uid=no"],
        [b"uid=no", b"uid=pc"],
        [b"uid=a,b"],
        [b"x=1,uid=pc"],
        [b"x=1,2; uid=a,b; y"],
        [b"uid=\xffpc", b"uid=pc"],
        [b"x=\xff;uid=pc"],
        [b"uid==z"],
        [b"uid=z"],
        [b"uid=;uid=pc"],
    ],
)
def test_cookies_are_cut_as_the_reference_cuts_them(folder: Path, lines: list[bytes]) -> None:
    assert_as_the_reference(folder, "cookies", *((b"cookie", line) for line in lines))


CUT = [
    [b"x=1", b"uid=a,b"],
    [b"uid=a,b", b"x=1"],
    [b"x=1,uid=no", b"uid=a,b"],
    [b"x=1; y", b"z=2,3; uid=a,b"],
]
"""Several lines, and a comma in one of them: what CF423 is about."""


@pytest.mark.parametrize("lines", CUT)
def test_a_comma_ends_a_cookie_only_in_one_of_several_lines(
    folder: Path, lines: list[bytes]
) -> None:
    assert "CF423" in {
        one.code for one in native_chain(POLICIES["cookies"], NativeOptions()).diagnostics
    }
    assert ask(folder, "cookies", *((b"cookie", line) for line in lines)).upstream == "base"
    assert ask(folder, "cookies", (b"cookie", b"; ".join(lines))).upstream == "canary"


@pytest.mark.parametrize("lines", CUT)
def test_nothing_is_cut_where_envoy_joins_the_lines(joining: Path, lines: list[bytes]) -> None:
    seen = ask(joining, "cookies", *((b"cookie", line) for line in lines))
    assert (seen.upstream, seen.header(b"cookie")) == ("canary", [b"; ".join(lines)])


def test_chance_gives_both_lanes_about_their_share(folder: Path) -> None:
    lanes = Counter(ask(folder, "dice").upstream for _ in range(200))
    # Ten standard deviations of a fair coin: a fair one fails less than once in 10**20 runs.
    assert set(lanes) == {"base", "canary"}
    assert abs(lanes["canary"] - 100) < 71


def test_chance_is_for_those_without_a_key(folder: Path) -> None:
    lanes = Counter(ask(folder, "dice", (b"u", b"one-user")).upstream for _ in range(20))
    assert len(lanes) == 1
