"""The objects by which a release controller plays a release, and the order to apply them in."""

from colorfast.release.generate._errors import CODES
from colorfast.release.generate._generate import INSTALL, ROLLBACK, WORKFLOW, Generated, generate

__all__ = ["CODES", "INSTALL", "ROLLBACK", "WORKFLOW", "Generated", "generate"]
