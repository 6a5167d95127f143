"""The values that a script reads, numbered: each is read once a request, when first asked for.

Theory of operation. A value of the current request is remembered under its number, together with
the request's serial number: a value of an earlier request is never taken for one of this request,
and nothing has to be cleared in between. Numbers go by the way a value is read, so that finding the
way takes a comparison or two. One pass reads all query parameters, and one reads all cookies when
there are many: the work stays linear in the request's size.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from colorfast.lua._literals import text
from colorfast.policy import Attribute, Kind, Policy, Source

_MANY_COOKIES = 8
"""Past this many names one pass over all cookies is cheaper than a search for each."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One value: the *kind* says how it is read."""

    kind: str
    name: str = ""


_METHOD, _TARGET, _AUTHORITY = (Slot("header", name) for name in (":method", ":path", ":authority"))
_LINES, _PATH, _HOST = Slot("cookie lines"), Slot("path"), Slot("host")
_CLIENT, _V4, _V6 = Slot("sourceIp"), Slot("IPv4"), Slot("IPv6")
_KINDS = ("header", "cookie", "query", "cookie lines", "path", "host", "sourceIp", "IPv4", "IPv6")


class Slots:
    """The numbers of the values that the rules of *policy* read.

    *address* is the expression that gives the client's address with its port.
    """

    def __init__(self, policy: Policy, *, address: str) -> None:
        wanted = {slot for attribute in policy.reads() for slot in _needs(attribute)}
        if _has_blocks(policy):
            wanted |= {_V4, _V6}
        ordered = sorted(wanted, key=lambda slot: (_KINDS.index(slot.kind), slot.name))
        self._numbers = {slot: number for number, slot in enumerate(ordered, start=1)}
        self._address = address
        self._many_cookies = len(self._names("cookie")) > _MANY_COOKIES

    @property
    def client(self) -> bool:
        """Whether the rules read the client's address."""
        return _CLIENT in self._numbers

    def of(self, attribute: Attribute) -> int:
        """The number of *attribute*."""
        return self._numbers[_slot(attribute)]

    def addresses(self) -> tuple[int, int]:
        """The numbers of the client's address as IPv4 and as IPv6; one of the two has no value."""
        return self._numbers[_V4], self._numbers[_V6]

    def container(self, source: Source) -> str:
        """Lua: what holds the values of *source*, a cookie or a query parameter."""
        return f"value({self._numbers[_LINES if source is Source.COOKIE else _TARGET]})"

    def tables(self) -> Iterator[str]:
        """Lua: what is read, each kind as its reader wants it."""
        if headers := self._names("header"):
            yield "local HEADERS = {"
            yield from (f"  {text(name)}, -- {number}" for name, number in headers.items())
            yield "}"
        for kind, table in (("cookie", "COOKIES"), ("query", "QUERY")):
            if names := self._names(kind):
                yield f"local {table} = {{"
                yield from self._entries(kind, names)
                yield "}"

    def value(self) -> Iterator[str]:
        """Lua: ``value(i)``; nothing when the rules read nothing."""
        if not self._numbers:
            return
        last = {slot.kind: number for slot, number in self._numbers.items()}
        *kinds, final = last
        yield "local function value(i)"
        yield "  if read_in[i] == serial then return values[i] end"
        if kinds:
            yield "  local v"
            for index, kind in enumerate(kinds):
                yield f"  {'elseif' if index else 'if'} i <= {last[kind]} then"
                yield f"    v = {self._read(kind)}"
            yield "  else"
            yield f"    v = {self._read(final)}"
            yield "  end"
        else:
            yield f"  local v = {self._read(final)}"
        yield "  read_in[i], values[i] = serial, v"
        yield "  return v"
        yield "end"

    def _names(self, kind: str) -> dict[str, int]:
        return {slot.name: number for slot, number in self._numbers.items() if slot.kind == kind}

    def _entries(self, kind: str, names: dict[str, int]) -> Iterator[str]:
        for name, number in names.items():
            if kind == "cookie" and not self._many_cookies:
                # With the "=" behind it, a cookie is found in one plain search.
                yield f"  [{number}] = {text(name + '=')},"
            else:
                yield f"  [{text(name)}] = {number},"

    def _read(self, kind: str) -> str:
        match kind:
            case "header":
                return "headers:get(HEADERS[i])"
            case "cookie" if self._many_cookies:
                return f"cookies(i, {self.container(Source.COOKIE)})"
            case "cookie":
                return f"cookie(COOKIES[i], {self.container(Source.COOKIE)})"
            case "query":
                return f"query(i, {self.container(Source.QUERY)})"
            case "cookie lines":
                return "cookie_lines()"
            case "path":
                return f"path_of(value({self._numbers[_TARGET]}))"
            case "host":
                return f"host_of(value({self._numbers[_AUTHORITY]}))"
            case "sourceIp":
                return f"client_address({self._address})"
            case "IPv4":
                return f"v4(value({self._numbers[_CLIENT]}))"
            case _:
                return f"v6(value({self._numbers[_CLIENT]}))"


def _slot(attribute: Attribute) -> Slot:
    match attribute.source:
        case Source.METHOD:
            return _METHOD
        case Source.PATH:
            return _PATH
        case Source.HOST:
            return _HOST
        case Source.SOURCE_IP:
            return _CLIENT
        case source:
            return Slot(source.value, attribute.name)


def _needs(attribute: Attribute) -> Iterable[Slot]:
    """The slot of *attribute*, and what it is made from."""
    match attribute.source:
        case Source.QUERY | Source.PATH:
            return _slot(attribute), _TARGET
        case Source.HOST:
            return _slot(attribute), _AUTHORITY
        case Source.COOKIE:
            return _slot(attribute), _LINES
        case _:
            return (_slot(attribute),)


def _has_blocks(policy: Policy) -> bool:
    return any(
        condition.kind is Kind.CIDR
        for rule in policy.active_rules
        for entry in rule.entries
        for condition in entry
    )
