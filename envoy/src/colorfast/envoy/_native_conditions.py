"""Conditions as predicates of match trees."""

from colorfast.envoy import _parts as parts
from colorfast.envoy._native_values import Values, holds_when_empty
from colorfast.envoy._types import Json
from colorfast.policy import Condition, Dfa, DfaError, Kind, Source, compile_dfa


class Inexpressible(Exception):
    """A condition that native filters cannot express."""

    def __init__(self, condition: Condition) -> None:
        super().__init__(str(condition))
        self.condition = condition


def predicate(values: Values, condition: Condition) -> Json | bool:
    """*condition*, or what it always comes to. Raises Inexpressible."""
    holds = _positive(values, condition)
    if not condition.negate:
        return holds
    return not holds if isinstance(holds, bool) else parts.negated(holds)


def _positive(values: Values, condition: Condition) -> Json | bool:
    attribute = condition.attribute
    empty = holds_when_empty(condition)
    if condition.kind is Kind.PRESENT or (
        # Every value begins with nothing, and ends with it, and contains it.
        condition.kind in (Kind.PREFIX, Kind.SUFFIX, Kind.CONTAINS) and empty
    ):
        return values.present(attribute)
    if attribute.source is Source.HOST:
        return _host(values, condition)
    holds = _compare(values, condition)
    if attribute.source is Source.COOKIE and empty:
        absent = parts.negated(values.not_empty(attribute))
        return parts.some([holds, parts.every([values.present(attribute), absent])])
    return holds


def _compare(values: Values, condition: Condition, *, ignore_case: bool | None = None) -> Json:
    value = values.input(condition.attribute)
    fold = condition.ignore_case if ignore_case is None else ignore_case
    match condition.kind:
        case Kind.CIDR:
            return parts.in_blocks(value, condition.values)
        case Kind.REGEX:
            pattern = condition.values[0]
            return parts.regex(value, f"(?i:{pattern})" if fold else pattern)
        case Kind.IN:
            texts = dict.fromkeys(condition.values)
            return parts.some([parts.text(value, "exact", t, ignore_case=fold) for t in texts])
        case kind:
            return parts.text(value, str(kind), condition.values[0], ignore_case=fold)


def _host(values: Values, condition: Condition) -> Json | bool:
    """The host is folded before it is compared; here the comparison folds instead."""
    if condition.ignore_case:
        return _compare(values, condition)
    if condition.kind is Kind.REGEX:
        if not _same_when_folded(condition.values[0]):
            raise Inexpressible(condition)
        return _compare(values, condition, ignore_case=True)
    possible = tuple(text for text in condition.values if text == _lower(text))
    if not possible:
        return False
    narrowed = Condition(
        attribute=condition.attribute, kind=condition.kind, values=possible, ignore_case=True
    )
    return _compare(values, narrowed)


def _same_when_folded(pattern: str) -> bool:
    """Whether *pattern* takes a folded text exactly when ``(?i)`` takes the text as it was."""
    try:
        plain, folding = compile_dfa(pattern), compile_dfa(pattern, ignore_case=True)
    except DfaError:
        return False
    seen = {(0, 0)}
    todo = [(0, 0)]
    for left, right in todo:
        if (left in plain.accepting) != (right in folding.accepting):
            return False
        for byte in range(256):
            pair = (_next(plain, left, bytes((byte,)).lower()[0]), _next(folding, right, byte))
            if pair not in seen:
                seen.add(pair)
                todo.append(pair)
    return True


def _next(dfa: Dfa, state: int, byte: int) -> int:
    return dfa.table[state * dfa.width + dfa.classes[byte]]


def _lower(text: str) -> str:
    return text.encode().lower().decode()
