"""``colorfast compile``."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import cast

import click
import yaml

from colorfast.cli._output import print_json, read_policy, report
from colorfast.envoy import (
    Chain,
    ExtProcOptions,
    Fallback,
    Json,
    LuaOptions,
    NativeOptions,
    Station,
    WasmOptions,
    ext_proc_chain,
    extproc_cluster,
    fallback_chain,
    lua_chain,
    native_chain,
    wasm_chain,
)
from colorfast.policy import InvalidInput, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What the command line chose; options of backends that were not chosen mean nothing."""

    target: str
    fallback: Fallback | None
    extproc: ExtProcOptions
    module: str


@click.command("compile")
@click.argument("policy")
@click.option(
    "--to",
    "target",
    type=click.Choice(["extproc", "lua", "wasm", "native"]),
    required=True,
    help="The backend.",
)
@click.option("--station", type=click.Choice(["dye", "carry"]), default="dye", show_default=True)
@click.option(
    "--fallback",
    type=click.Choice(["none", "lua", "wasm"]),
    default="none",
    show_default=True,
    help="With extproc: what dyes inside of Envoy while the service fails.",
)
@click.option(
    "--service",
    default="127.0.0.1:50051",
    show_default=True,
    help="With extproc: where Envoy finds the service, host:port or unix:/path.",
)
@click.option(
    "--message-timeout",
    type=click.FloatRange(min=0.001),
    default=0.2,
    show_default=True,
    help="With extproc: seconds that a request waits for the service.",
)
@click.option(
    "--fail-closed", is_flag=True, help="With extproc: refuse requests while the service fails."
)
@click.option("--health-check", is_flag=True, help="With extproc: let Envoy check its health.")
@click.option(
    "--module",
    default=WasmOptions().module,
    show_default=True,
    help="With wasm: the plugin's file where Envoy runs.",
)
@click.option("--metadata", is_flag=True, help="Put the decision where access logs can read it.")
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True
)
def compile_command(
    policy: str,
    target: str,
    station: str,
    fallback: str,
    service: str,
    message_timeout: float,
    fail_closed: bool,
    health_check: bool,
    module: str,
    metadata: bool,
    output: str,
) -> None:
    """Write the Envoy configuration that runs a policy.

    POLICY is a file, or - for stdin. What comes out are parts of an Envoy configuration: the
    connection manager's early header mutations and HTTP filters (put the router last), and the
    cluster that leads to the service, if there is one.
    """
    loaded = read_policy(policy).policy
    if fallback != "none" and target != "extproc":
        raise click.UsageError("--fallback goes with --to extproc")
    if fallback != "none" and fail_closed:
        raise click.UsageError("--fail-closed leaves nothing to fall back to")
    try:
        choice = _Choice(
            target=target,
            fallback=None if fallback == "none" else cast("Fallback", fallback),
            module=module,
            extproc=ExtProcOptions(
                station=cast("Station", station),
                target=service,
                message_timeout=message_timeout,
                failure_mode_allow=not fail_closed,
                health_check=health_check,
                metadata=metadata,
            ),
        )
        config = _config(loaded, choice)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if output == "json":
        print_json(config)
        return
    click.echo(f"# Colorfast {version('colorfast')}: policy {loaded.name}, digest {loaded.digest}")
    click.echo(yaml.safe_dump(config, sort_keys=False, width=100), nl=False)


def _config(policy: Policy, choice: _Choice) -> Json:
    chain = _chain(policy, choice)
    config: Json = {
        "early_header_mutation_extensions": list(chain.early),
        "http_filters": list(chain.filters),
    }
    if choice.target == "extproc":
        config["clusters"] = [extproc_cluster(choice.extproc)]
    return config


def _chain(policy: Policy, choice: _Choice) -> Chain:
    station, metadata = choice.extproc.station, choice.extproc.metadata
    match choice.target:
        case "lua":
            return lua_chain(policy, LuaOptions(station=station, metadata=metadata))
        case "wasm":
            options = WasmOptions(station=station, module=choice.module, metadata=metadata)
            return wasm_chain(policy, options)
        case "native":
            compiled = native_chain(policy, NativeOptions(station=station))
            if any(diagnostic.level == "error" for diagnostic in compiled.diagnostics):
                raise InvalidInput(compiled.diagnostics)
            report(compiled.diagnostics)
            requires = compiled.requires
            click.echo(
                f"needs Envoy {requires.envoy}, Istio {requires.istio} ({requires.why}), and "
                f"runtime re2.max_program_size.error_level {requires.max_program_size}",
                err=True,
            )
            return compiled.chain
        case _ if choice.fallback is not None:
            return fallback_chain(policy, choice.extproc, choice.fallback, module=choice.module)
        case _:
            return ext_proc_chain(policy, choice.extproc)
