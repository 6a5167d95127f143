"""``python -m colorfast.wasm.build`` builds the plugin in a checkout."""

from colorfast.wasm._build import main

if __name__ == "__main__":
    main()
