"""Whether a release is safe: every state that it can reach, and what is broken in one."""

from colorfast.release.verify._counterexample import Counterexample, Hop, lift, share, take
from colorfast.release.verify._judge import INVARIANTS, MEANINGS, Invariant, promises
from colorfast.release.verify._report import verdict_json, verdict_text
from colorfast.release.verify._rows import By, Local, Row, Seen, Table
from colorfast.release.verify._system import Move, State, System
from colorfast.release.verify._verify import Verdict, verify
from colorfast.release.verify.tables import TABLES, table_of

__all__ = [
    "INVARIANTS",
    "MEANINGS",
    "TABLES",
    "By",
    "Counterexample",
    "Hop",
    "Invariant",
    "Local",
    "Move",
    "Row",
    "Seen",
    "State",
    "System",
    "Table",
    "Verdict",
    "lift",
    "promises",
    "share",
    "table_of",
    "take",
    "verdict_json",
    "verdict_text",
    "verify",
]
