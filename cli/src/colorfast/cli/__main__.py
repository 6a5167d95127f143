"""``python -m colorfast.cli`` is ``colorfast``."""

from colorfast.cli._app import main

main()
