"""The command group: which commands there are, and what an exit code means."""

import importlib
import os
import signal
import sys
from typing import Final

import click

from colorfast.cli._output import BAD_INPUT, OTHER, USAGE, report
from colorfast.policy import ColorfastError, InvalidInput

COMMANDS: Final = {
    "build": "colorfast.cli._build:build_command",
    "compile": "colorfast.cli._compile:compile_command",
    "demo": "colorfast.cli._demo:demo",
    "diff": "colorfast.cli._build:diff_command",
    "explain": "colorfast.cli._explain:explain_command",
    "import": "colorfast.cli._import:import_command",
    "lint": "colorfast.cli._lint:lint_command",
    "release": "colorfast.cli._release:release_group",
    "serve": "colorfast.cli._serve:serve_command",
    "status": "colorfast.cli._status:status_command",
    "test": "colorfast.cli._test:test_command",
    "version": "colorfast.cli._version:version",
    "wasm": "colorfast.cli._wasm:wasm_command",
}
"""Commands by name. Imported when asked for: `lint` need not pay for gRPC."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.command(
    cls=_Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "COLORFAST",
        "max_content_width": 100,
    },
)
def colorfast() -> None:
    """Traffic dye that does not wash out: lanes for Envoy and Istio, end to end.

    Exit codes: 0 ok, 64 usage, 65 bad input, 1 anything else.
    """


def main() -> None:
    """Run the command line; never returns."""
    try:
        code = colorfast.main(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        code = USAGE
    except click.ClickException as error:
        error.show()
        code = OTHER
    except (click.Abort, KeyboardInterrupt):
        code = OTHER
    except InvalidInput as error:
        report(error.diagnostics)
        code = BAD_INPUT
    except ColorfastError as error:
        click.echo(str(error), err=True)
        code = BAD_INPUT if error.code == "CF110" else OTHER
    except BrokenPipeError:
        # The reader went away, as `head` does; say nothing, not even while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    sys.exit(code if isinstance(code, int) else 0)
