r"""Where a match tree finds each attribute of a request.

Theory of operation. Headers, method, query parameters and the client's address have inputs of
their own, and Envoy 1.40 reads them as DESIGN wants them. Path, host and cookies have none: filters
in front work them out and leave them in filter state, where a match tree sees them as plain text.

Cookies. Envoy's filters see several ``cookie`` lines joined with ``,`` (HTTP/2 joins them with
``; `` before), and a comma may be part of a value. So one line is cut at ``;``, and several are cut
at ``;`` and ``,``. Which it is shows by whether the first line is all there is. What stays: several
lines in one HTTP/1.1 request (RFC 6265 section 5.4 forbids them) of which one has a comma in a
value, are cut there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from colorfast.envoy import _parts as parts
from colorfast.envoy._programs import compile_bytes
from colorfast.envoy._types import Json
from colorfast.policy import Attribute, Condition, Kind, Policy, Source, Split

PATH = "colorfast.path"
HOST = "colorfast.host"
RANDOM = "colorfast.random"

_FIRST_LINE = "colorfast.cookie.first"
_MANY_LINES = "colorfast.cookie.many"


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What the rules of one policy read."""

    cookies: tuple[str, ...]
    seen: frozenset[str]
    """Cookies for which empty and absent must be told apart."""
    path: bool
    host: bool
    random: bool

    @classmethod
    def of(cls, policy: Policy) -> "Values":
        """What *policy* reads."""
        reads = policy.reads()
        splits = [rule.gives for rule in policy.active_rules if isinstance(rule.gives, Split)]
        return cls(
            cookies=tuple(sorted(a.name for a in reads if a.source is Source.COOKIE)),
            seen=frozenset(_seen(policy)),
            path=Attribute(Source.PATH) in reads,
            host=Attribute(Source.HOST) in reads,
            random=any(split.otherwise is None for split in splits),
        )

    def input(self, attribute: Attribute) -> Json:
        """The value itself; an empty cookie is like an absent one."""
        match attribute.source:
            case Source.HEADER:
                return parts.header(attribute.name.lower())
            case Source.QUERY:
                return parts.query(attribute.name)
            case Source.METHOD:
                return parts.header(":method")
            case Source.PATH:
                return parts.state(PATH)
            case Source.HOST:
                return parts.state(HOST)
            case Source.COOKIE:
                return parts.state(self._cookie(attribute.name))
            case Source.SOURCE_IP:
                return parts.source_ip()

    def present(self, attribute: Attribute) -> Json:
        """Predicate: present, empty or not."""
        if attribute.source is Source.COOKIE:
            return parts.regex(parts.state(self._flag(attribute.name)), parts.ANY)
        return parts.regex(self.input(attribute), parts.ANY)

    def not_empty(self, attribute: Attribute) -> Json:
        """Predicate: present and not empty."""
        return parts.regex(self.input(attribute), parts.SOME)

    def metadata_rules(self) -> Iterator[Json]:
        """header_to_metadata rules for what needs cutting, cookies excepted."""
        if self.host:
            yield parts.extract(":authority", "host", r":[^:\]]*$", "")

    def state_rules(self) -> Iterator[Json]:
        """set_filter_state rules that lay every value out for the match trees."""
        if self.path:
            # Not ORIG_OR_PATH, the default: a client could send x-envoy-original-path.
            yield parts.keep(PATH, "%PATH(NQ:PATH)%", empty=True)
        if self.host:
            yield parts.keep(HOST, parts.metadata("host"), empty=True)
        if self.random:
            yield parts.keep(RANDOM, "%UNIQUE_ID%")
        for name in self.cookies:
            yield parts.keep(self._cookie(name), parts.metadata(self._cookie(name)))
            if name in self.seen:
                yield parts.keep(self._flag(name), parts.metadata(self._flag(name)))

    def cookie_filters(self) -> tuple[Json, Json]:
        """The two filters that cut cookies: how many lines, then the cutting."""
        joined = parts.header("cookie")
        first = parts.keep(_FIRST_LINE, "%REQ(cookie)%", empty=True)
        differs = f"bytes(request.headers['cookie']) != filter_state['{_FIRST_LINE}']"
        many = parts.keep(_MANY_LINES, f"%CEL({differs})%")
        count = parts.run("colorfast.cookies.lines", parts.to_state((first, many)))
        cut_many = parts.run("colorfast.cookies", parts.to_metadata(self._cuts(";,")))
        cut_one = parts.run("colorfast.cookies", parts.to_metadata(self._cuts(";")))
        is_many = parts.text(parts.state(_MANY_LINES), "exact", "true")
        any_line = parts.regex(joined, parts.SOME)
        return (
            # Without a comma the two ways of cutting come to the same.
            parts.composite(
                "colorfast.cookies.lines",
                parts.first_of([(parts.text(joined, "contains", ","), count)]),
            ),
            parts.composite(
                "colorfast.cookies",
                parts.first_of([(is_many, cut_many), (any_line, cut_one)]),
            ),
        )

    def _cuts(self, ends: str) -> Iterator[Json]:
        """header_to_metadata rules: the first cookie of each name."""
        for name in self.cookies:
            # Lazy throughout: the first piece of that name, and no further than its end.
            found = rf"^(?:\C*?[{ends}])??[ \t]*{parts.escape(name)}"
            value = rf"{found}=[ \t]*(\C*?)[ \t]*(?:[{ends}]\C*)?$|\C+"
            yield parts.extract("cookie", self._cookie(name), value, r"\1")
            if name in self.seen:
                yield parts.extract("cookie", self._flag(name), rf"{found}(=)\C*$|\C+", r"\1")

    def _cookie(self, name: str) -> str:
        # Numbers, since a cookie's name may have signs that mean something in a format string.
        return f"colorfast.cookie.{self.cookies.index(name)}"

    def _flag(self, name: str) -> str:
        return f"{self._cookie(name)}.there"


def holds_when_empty(condition: Condition) -> bool:
    """Whether *condition*, not negated, takes a value that is present and empty."""
    if condition.kind is Kind.PRESENT:
        return True
    if condition.kind is Kind.CIDR:
        return False
    if condition.kind is Kind.REGEX:
        return compile_bytes(condition.values[0]).fullmatch(b"") is not None
    return "" in condition.values


def _seen(policy: Policy) -> Iterator[str]:
    for rule in policy.active_rules:
        for condition in (one for entry in rule.entries for one in entry):
            if condition.attribute.source is Source.COOKIE and holds_when_empty(condition):
                yield condition.attribute.name
