"""Clients whose import is not free of warnings are imported here, first."""

import warnings

with warnings.catch_warnings():
    # kafka-python reads its own schemas by what Python deprecates.
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka  # noqa: F401
