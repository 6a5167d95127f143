"""What can be wrong with a build. docs/diagnostics.md has an entry for each code."""

from colorfast.k8s.targets._errors import CODES as TARGET_CODES
from colorfast.policy import Codes

CODES: Codes = {
    **TARGET_CODES,
    "CF441": ("error", "folder without a record of its build"),
    "CF442": ("error", "a file is in the way"),
}
"""Every code of this room but those of lint and of the importers."""
