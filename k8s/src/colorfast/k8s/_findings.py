"""What was found in manifests, in the order of the manifests."""

from collections.abc import Iterable

from colorfast.policy import Diagnostic


def in_order(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """*findings* in the order of files, then of places."""
    return tuple(sorted(findings, key=lambda one: (one.file, one.line, one.column, one.code)))
