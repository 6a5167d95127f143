"""What an importer has to say. docs/diagnostics.md has an entry for each code."""

from typing import Final

from colorfast.policy import Codes

LOST: Final = "CF581"
DIFFERS: Final = "CF582"
ASSUMED: Final = "CF583"
REFUSED: Final = "CF584"

CODES: Final[Codes] = {
    LOST: ("warning", "has no equal here"),
    DIFFERS: ("warning", "means something else here"),
    ASSUMED: ("note", "the importer's choice"),
    REFUSED: ("error", "cannot be imported"),
}
