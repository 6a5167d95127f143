"""Why there is no core. Never fatal: the reference decides as well, and slower."""


class CoreError(Exception):
    """The core cannot be used; the message says why."""
