"""Find what is wrong with manifests: lanes, routes, filters, release controllers."""

from colorfast.k8s.lint._formats import github_lines, sarif
from colorfast.k8s.lint._rule import Hit, Rule
from colorfast.k8s.lint._rules import CODES, RULES
from colorfast.k8s.lint._run import ANNOTATION, Report, lint

__all__ = [
    "ANNOTATION",
    "CODES",
    "RULES",
    "Hit",
    "Report",
    "Rule",
    "github_lines",
    "lint",
    "sarif",
]
