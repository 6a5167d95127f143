"""What can be wrong with a release. docs/diagnostics.md has an entry for each code."""

from colorfast.policy import Codes

CODES: Codes = {
    "CF801": ("error", "service that the mesh does not have"),
    "CF802": ("error", "versions and lanes do not fit"),
    "CF803": ("error", "lane is not free for the release"),
    "CF804": ("error", "key missing for this pattern"),
    "CF805": ("error", "key without a part in this pattern"),
    "CF806": ("error", "style that this controller cannot play"),
    "CF807": ("error", "weights do not rise to 100"),
    "CF808": ("error", "not a time"),
    "CF809": ("error", "not a condition"),
    "CF810": ("error", "number of services does not fit the pattern"),
    "CF811": ("error", "no request is left for the release"),
}
"""Every code of this room: its level and its title."""
