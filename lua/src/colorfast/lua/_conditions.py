"""Conditions as Lua expressions over numbered values."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TypeVar

from colorfast.lua._anchors import fold
from colorfast.lua._literals import array, comment, text
from colorfast.lua._regexes import Key, key_of
from colorfast.lua._slots import Slots
from colorfast.policy import Condition, Entry, Kind

N = TypeVar("N", IPv4Network, IPv6Network)


class _Pool:
    """Constants that expressions share, in one table called *name*."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers: dict[str, int] = {}
        self._lines: list[str] = []

    def put(self, item: str, note: str = "") -> str:
        """An expression for *item*; *note* says what it is."""
        if item not in self._numbers:
            self._numbers[item] = len(self._numbers) + 1
            self._lines.append(f"  {item}, -- {comment(note)}" if note else f"  {item},")
        return f"{self._name}[{self._numbers[item]}]"

    def source(self) -> Iterator[str]:
        if self._lines:
            yield from (f"local {self._name} = {{", *self._lines, "}")


class Conditions:
    """Writes conditions, and keeps the constants that they need."""

    def __init__(self, slots: Slots, automata: Mapping[Key, str]) -> None:
        self._slots = slots
        self._automata = automata
        self._sets, self._blocks, self._regexes = _Pool("SETS"), _Pool("BLOCKS"), _Pool("REGEXES")

    def constants(self) -> Iterator[str]:
        """Lua: what the expressions written so far stand on."""
        for pool in (self._sets, self._blocks, self._regexes):
            yield from pool.source()

    def all_of(self, entry: Entry) -> str:
        """Lua: whether every condition of *entry* holds."""
        return " and ".join(map(self._expression, entry))

    def _expression(self, condition: Condition) -> str:
        if condition.kind is Kind.CIDR:
            return _unless(condition.negate, self._inside(condition.values))
        value = f"value({self._slots.of(condition.attribute)})"
        if condition.kind is Kind.PRESENT:
            return _equal(value, "nil", holds=condition.negate)
        if condition.kind is Kind.REGEX:
            automaton = self._automata[key_of(condition)]
            matcher = self._regexes.put(automaton, note=condition.values[0])
            return _unless(condition.negate, f"matches({value}, {matcher})")
        if condition.ignore_case:
            return self._compare(condition, f"fold({value})", list(map(fold, condition.values)))
        return self._compare(condition, value, [item.encode() for item in condition.values])

    def _compare(self, condition: Condition, value: str, wanted: list[bytes]) -> str:
        first = text(wanted[0])
        match condition.kind:
            case Kind.PREFIX | Kind.SUFFIX | Kind.CONTAINS if not wanted[0]:
                return _equal(value, "nil", holds=condition.negate)
            case Kind.PREFIX | Kind.SUFFIX | Kind.CONTAINS as kind:
                return _unless(condition.negate, f"{kind}({value}, {first})")
            case Kind.IN if len(set(wanted)) > 1:
                keys = (f"[{text(item)}] = true" for item in dict.fromkeys(wanted))
                return _unless(condition.negate, f"{self._sets.put(array(keys))}[{value}]")
            case _:
                return _equal(value, first, holds=not condition.negate)

    def _inside(self, blocks: tuple[str, ...]) -> str:
        networks = [ip_network(block, strict=False) for block in blocks]
        v4 = [network for network in networks if isinstance(network, IPv4Network)]
        v6 = [network for network in networks if isinstance(network, IPv6Network)]
        numbers, texts = self._slots.addresses()
        tests = (
            *self._within(numbers, "{:d}", v4),
            *self._within(texts, '"{:032x}"', v6),
        )
        return f"({' or '.join(tests)})" if len(tests) > 1 else tests[0]

    def _within(self, slot: int, form: str, networks: list[N]) -> Iterator[str]:
        """Bounds in the *form* that ``v4`` or ``v6`` of the script gives an address."""
        bounds = [
            form.format(int(address))
            for network in collapse_addresses(networks)
            for address in (network.network_address, network.broadcast_address)
        ]
        if bounds:
            block = self._blocks.put(array(bounds), note=", ".join(map(str, networks)))
            yield f"inside(value({slot}), {block})"


def _unless(negate: bool, test: str) -> str:
    return f"not {test}" if negate else test


def _equal(left: str, right: str, *, holds: bool) -> str:
    return f"{left} {'==' if holds else '~='} {right}"
