"""What can be wrong with a release. docs/diagnostics.md has an entry for each code."""

from colorfast.policy import Codes

CODES: Codes = {
    "CF701": ("error", "service that the mesh does not have"),
    "CF702": ("error", "versions and lanes do not fit"),
    "CF703": ("error", "lane is not free for the release"),
    "CF704": ("error", "key missing for this pattern"),
    "CF705": ("error", "key without a part in this pattern"),
    "CF706": ("error", "style that this controller cannot play"),
    "CF707": ("error", "weights do not rise to 100"),
    "CF708": ("error", "not a time"),
    "CF709": ("error", "not a condition"),
    "CF710": ("error", "number of services does not fit the pattern"),
}
"""Every code of this room: its level and its title."""
