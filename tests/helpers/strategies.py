"""Random policies and random requests: what every backend is compared with the reference on.

Few names and few values, so that requests do meet rules; what is rare in real life is frequent.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from urllib.parse import quote

from hypothesis import strategies as st

from colorfast.policy import Lines

Spec: TypeAlias = dict[str, Any]

NAMES = ("a", "b", "c")
CROWD = tuple(f"n{i}" for i in range(20))
VALUES = ("x", "y", "X", "xy", "xyx", "", "é", "É", "a,b", "x y", "--[[", '"\\')
REGEXES = (
    "x+",
    "[xy]*",
    "(?i)X.*",
    "x|xy|é",
    ".*y",
    "[^x]",
    "(x,?)*",
    r"\d{2,3}",
    "",
    "(x|xy)y?x*",
)
LANES = ("base", "canary", "blue", "pr-7")
BLOCKS = (
    ("10.0.0.0/8", "10.1.0.0/16", "::1"),
    ("10.1.2.3", "192.168.2.128/25"),
    ("2001:db8::/33", "fe80::/10"),
    ("0.0.0.0/0",),
    ("::/0",),
)
ADDRESSES = (
    "", "10.1.2.3", "10.1.2.4", "11.0.0.1", "192.168.2.127", "192.168.2.128", "255.255.255.255",
    "::", "::1", "2001:db8::1", "2001:db8:8000::1", "2001:DB8::", "1:2:3:4:5:6:7:8", "fe80::1%2",
    "::ffff:10.1.2.3", "1:2:3:4:5:6:1.2.3.4", "1::8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
    # None of these is an address.
    "not an address", "10.1.2", "10.1.2.3.4", "010.1.2.3", "10.1.2.256", "10.1.2.3%1", "1.2.3.4 ",
    "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":::", ":1::2", "1::2:", "12345::", "g::",
    "::1.2.3", "::01.2.3.4", "1.2.3.4::", "fe80::1%", "fe80::1%2%3", "fe80::1%a/b",
    "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
)  # fmt: skip

texts = st.sampled_from(VALUES)
flags = st.booleans()
names = st.sampled_from(NAMES) | st.sampled_from(CROWD)
_modes = {"ignoreCase": flags, "not": flags}

matchers = st.one_of(
    st.fixed_dictionaries({"exact": texts}, optional=_modes),
    st.fixed_dictionaries({"exact": texts}),
    st.fixed_dictionaries({"in": st.lists(texts, min_size=1, max_size=4)}, optional=_modes),
    st.fixed_dictionaries({"prefix": texts}, optional=_modes),
    st.fixed_dictionaries({"suffix": texts}, optional=_modes),
    st.fixed_dictionaries({"contains": texts}, optional=_modes),
    st.fixed_dictionaries({"regex": st.sampled_from(REGEXES)}, optional=_modes),
    st.fixed_dictionaries({"present": flags}, optional=_modes),
)
_named = st.dictionaries(names, matchers, min_size=1, max_size=2)
_targets = st.sampled_from(["/", "/x", "/x/y", "x", "", "GET", "get", "POST"]).map(
    lambda text: {"exact": text}
)
_hosts = st.sampled_from(["shop.example.com", "[::1]", "x", "", "SHOP"])
entries = st.fixed_dictionaries(
    {},
    optional={
        "headers": _named,
        "cookies": _named,
        "query": st.dictionaries(names | st.sampled_from(["é", "x y"]), matchers, min_size=1),
        "path": matchers | _targets,
        "method": matchers | _targets,
        "host": matchers
        | st.builds(lambda kind, text: {kind: text}, st.sampled_from(["exact", "suffix"]), _hosts),
        "sourceIp": st.sampled_from(BLOCKS).map(list),
    },
).filter(bool)
# One look-up and nothing else: the rules that become tables.
plain = st.builds(
    lambda source, name, value: {source: {name: {"exact": value}}},
    st.sampled_from(["headers", "cookies", "query"]),
    names,
    texts,
)
_keys = st.one_of(
    st.builds(lambda name: {"header": name}, names),
    st.builds(lambda name: {"cookie": name}, names),
    st.just("sourceIp"),
)


@st.composite
def _splits(draw: st.DrawFn) -> Spec:
    lanes = draw(st.lists(st.sampled_from(LANES), min_size=1, max_size=3, unique=True))
    cuts = sorted(
        draw(st.lists(st.integers(0, 10_000), min_size=len(lanes) - 1, max_size=len(lanes) - 1))
    )
    bounds = zip([0, *cuts], [*cuts, 10_000], strict=True)
    split: Spec = {
        "by": draw(st.lists(_keys, min_size=1, max_size=3)),
        "weights": {lane: end - start for lane, (start, end) in zip(lanes, bounds, strict=True)},
    }
    salt = draw(st.none() | texts)
    otherwise = draw(st.none() | st.sampled_from(LANES))
    # A bucket drawn at random cannot be compared, unless there is one lane only.
    if len(lanes) == 1 and draw(flags):
        otherwise = "random"
    return (
        split
        | ({} if salt is None else {"salt": salt})
        | ({} if otherwise is None else {"otherwise": otherwise})
    )


outcomes = st.one_of(
    st.fixed_dictionaries({"lane": st.sampled_from(LANES)}),
    st.fixed_dictionaries({"split": _splits()}),
)
_baggage = st.fixed_dictionaries(
    {},
    optional={
        "keep": flags,
        "maxMembers": st.integers(0, 5),
        "maxBytes": st.integers(0, 12),
    },
)


# A rule that takes every request hides the ones behind it, so it is rare.
_matches = st.integers(0, 15).flatmap(
    lambda rare: st.lists(entries | plain, min_size=1 if rare else 0, max_size=3)
)
_rules = st.tuples(_matches, outcomes, st.integers(0, 7))


@st.composite
def _crowds(draw: st.DrawFn) -> list[tuple[list[Spec], Spec, int]]:
    """Look-ups by so many names that a backend had better go by the request's."""
    source = draw(st.sampled_from(["headers", "cookies", "query"]))
    exact = st.fixed_dictionaries({"exact": texts}, optional={"ignoreCase": flags})
    chosen = draw(st.permutations(CROWD))[: draw(st.integers(8, len(CROWD)))]
    return [([{source: {name: draw(exact)}}], draw(outcomes), 1) for name in chosen]


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """The ``spec`` of a LanePolicy."""
    rules = draw(st.lists(_rules, max_size=10))
    if draw(flags):
        rules += draw(_crowds())
    header, member = draw(
        st.sampled_from([("x-lane", "lane"), ("x-lane", "lane"), ("dye", "l*n.e%")])
    )
    families = draw(st.sampled_from([[], ["pr-*"], ["*"], ["pr-*", "pr-7*"]]))
    accepted = st.sampled_from(["base", "canary", "pr-7", *(["pr-*"] if families else [])])
    edge: Spec = {}
    if draw(flags):
        edge = {"client": "accept", "accept": draw(st.lists(accepted, unique=True))}
    return {
        "header": header,
        "member": member,
        "lanes": ["base", "canary", "blue", *families, "pr-7"],
        "default": draw(st.sampled_from(["base", None])),
        "edge": edge | {"baggage": draw(_baggage)},
        "rules": [
            {"name": f"r{i}", "enabled": on > 0, **({"match": match} if match else {}), **outcome}
            for i, (match, outcome, on) in enumerate(rules)
        ],
    }


_octets = st.binary(max_size=6).map(lambda data: bytes(b for b in data if b >= 0x20 and b != 0x7F))
wire_values = st.sampled_from([value.encode() for value in VALUES]) | _octets
_ows = st.sampled_from([b"", b"", b" ", b"\t "])
_lane_texts = st.sampled_from(
    [
        b"base",
        b"canary",
        b"blue",
        b"pr-7",
        b"pr-42",
        b"pr-",
        b"pr-x-",
        b"evil",
        b"",
        b"CANARY",
        b"can ary",
        b"pr-" + b"9" * 61,
    ]
)
_ours = st.builds(
    lambda a, key, b, c, lane, d, tail: b"".join([a, key, b, b"=", c, lane, d, tail]),
    _ows, st.sampled_from([b"lane", b"l*n.e%"]), _ows, _ows, _lane_texts, _ows,
    st.sampled_from([b"", b"", b";p=1", b" ; q", b"=x", b"x"]),
)  # fmt: skip
_foreign = st.sampled_from(
    [b"a=1", b" b = 2;p", b"", b" ", b"lane", b"xlane=canary", b"lane2=base", b"k;lane=blue", b"LANE=base", b"\xff=lane=", b"l.n.e.=base", b"\t"]
)  # fmt: skip
baggage_values = st.lists(_ours | _foreign, max_size=7).map(b",".join)
_cookies = st.lists(
    st.builds(
        lambda a, name, b, value, c: a + name.encode() + b + value + c,
        _ows,
        names | st.sampled_from(["xa", "", "a b"]),
        st.sampled_from([b"=", b"=", b"= ", b" =", b""]),
        wire_values.map(lambda value: value.replace(b";", b"")),
        _ows,
    ),
    max_size=6,
).map(b";".join)
_escaped = st.sampled_from(
    [b"x", b"%78", b"%C3%A9", b"x%20y", b"%zz", b"%", b"%2", b"+", b"%%41", b"y=z", b"%26"]
)
_parameters = st.lists(
    st.builds(
        lambda name, mark, value: name + mark + (value if mark else b""),
        st.one_of(names.map(str.encode), st.sampled_from([b"%61", b"%C3%A9", b"x%20y", b"", b"A"])),
        st.sampled_from([b"=", b"=", b""]),
        _escaped,
    ),
    max_size=6,
).map(b"&".join)
_paths = st.builds(
    lambda path, mark, query: path + (mark + query if mark else b""),
    st.sampled_from([b"/", b"/x", b"/x/y", b"x", b"/xyx", b""]),
    st.sampled_from([b"?", b"?", b"?x?", b""]),
    _parameters,
)
_authorities = st.sampled_from(
    [
        b"shop.example.com",
        b"SHOP:443",
        b"[::1]:8080",
        b"[::1]",
        b"x:",
        b"",
        b"a:b:c",
        b"X\xc9",
        b"]:x",
        b"\xc3\xa9",
    ]
)
_plain_lines = st.tuples(names, wire_values) | st.tuples(
    st.sampled_from(["x-lane", "dye"]), _lane_texts
)
_special_lines = st.one_of(
    st.tuples(st.just("cookie"), _cookies), st.tuples(st.just("baggage"), baggage_values)
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Lines, str]:
    """Header lines, pseudo-headers first, and the client's address."""
    pseudo = [
        (":authority", draw(_authorities)),
        (":path", draw(_paths)),
        (":method", draw(st.sampled_from([b"GET", b"POST", b"get", b"x"]))),
    ]
    lines = draw(st.lists(_plain_lines | _special_lines, max_size=10))
    return (*pseudo, *lines), draw(st.sampled_from(ADDRESSES))


@st.composite
def requests_to(draw: st.DrawFn, spec: Spec) -> tuple[Lines, str]:
    """A request that has some of what the rules of *spec* look for."""
    lines, address = draw(requests())
    asked = list(_asked(spec))
    hints = draw(st.lists(st.sampled_from(asked), max_size=4)) if asked else []
    for source, name, value in hints:
        lines = _with(lines, source, name, draw(_near(value)))
    return lines, address


def _asked(spec: Spec) -> Iterator[tuple[str, str, str]]:
    for rule in spec["rules"]:
        for entry in rule.get("match", ()):
            for source in ("headers", "cookies", "query"):
                for name, matcher in entry.get(source, {}).items():
                    yield source, name, _value(matcher)
            for source in ("path", "method", "host"):
                if source in entry:
                    yield source, "", _value(entry[source])


def _value(matcher: Spec) -> str:
    kind = next(iter(matcher))
    match matcher[kind]:
        case list(values):
            return str(values[-1])
        case str(value) if kind != "regex":
            return value
        case _:
            return "xy"


def _near(value: str) -> st.SearchStrategy[bytes]:
    data = value.encode()
    return st.sampled_from([data, data, data, data.upper(), b"x" + data, data + b"y"])


def _with(lines: Lines, source: str, name: str, value: bytes) -> Lines:
    match source:
        case "headers":
            return (*lines, (name, value))
        case "cookies":
            return (*lines, ("cookie", name.encode() + b"=" + value))
        case "query":
            escaped = quote(name).encode() + b"=" + quote(value).encode()
            return _replace(
                lines, ":path", lambda path: path + (b"&" if b"?" in path else b"?") + escaped
            )
        case "path":
            return _replace(lines, ":path", lambda path: value + path[path.find(b"?") :])
        case "method":
            return _replace(lines, ":method", lambda _: value)
        case _:
            return _replace(lines, ":authority", lambda _: value)


def _replace(lines: Lines, name: str, new: Callable[[bytes], bytes]) -> Lines:
    return tuple((key, new(value) if key == name else value) for key, value in lines)
