"""``colorfast compile``."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, cast, get_args

import click
from click.core import ParameterSource

from colorfast.cli._objects import object_options, objects
from colorfast.cli._output import print_json, read_policy, report
from colorfast.envoy import (
    NEWEST,
    Backend,
    Chain,
    EnvoyVersion,
    ExtProcOptions,
    Fallback,
    Json,
    LuaOptions,
    NativeOptions,
    Station,
    UpstreamTls,
    WasmOptions,
    ext_proc_chain,
    extproc_cluster,
    fallback_chain,
    lua_chain,
    native_chain,
    version_findings,
    wasm_chain,
)
from colorfast.k8s import PLACES, TARGETS, dump
from colorfast.policy import Diagnostic, InvalidInput, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What the command line chose; options of backends that were not chosen mean nothing."""

    target: Backend
    fallback: Fallback | None
    extproc: ExtProcOptions
    module: str
    version: EnvoyVersion

    @property
    def backends(self) -> tuple[Backend, ...]:
        """Everything that the chain is made of."""
        return (self.target,) if self.fallback is None else (self.target, self.fallback)


_BACKENDS: tuple[Backend, ...] = get_args(Backend)
_STATIONS: tuple[Station, ...] = get_args(Station)


@click.command("compile")
@click.argument("policy")
@click.option(
    "--to",
    "target",
    type=click.Choice([*_BACKENDS, *TARGETS]),
    required=True,
    help="A backend, for parts of an Envoy configuration; or a kind of Kubernetes object.",
)
@click.option(
    "--station",
    type=click.Choice([*_STATIONS, *PLACES]),
    default="dye",
    show_default=True,
    help="For an object, dye is at a gateway and carry in a sidecar.",
)
@click.option(
    "--fallback",
    type=click.Choice(["none", "lua", "wasm", "native"]),
    default="none",
    show_default=True,
    help="With extproc: what dyes inside of Envoy while the service fails.",
)
@click.option(
    "--service",
    "services",
    multiple=True,
    default=["127.0.0.1:50051"],
    show_default=True,
    help="With extproc: where Envoy finds the service, host:port or unix:/path; once a worker.",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    help="With extproc: how often another instance is asked when one is gone; without it twice "
    "for several --service, else never.",
)
@click.option(
    "--service-tls-ca", metavar="FILE", help="With extproc: who signs the service's certificate."
)
@click.option(
    "--service-tls-name",
    metavar="NAME",
    multiple=True,
    help="With extproc: a DNS name or SPIFFE ID that its certificate may have; may come again.",
)
@click.option("--service-tls-cert", metavar="FILE", help="With extproc: Envoy's own certificate.")
@click.option("--service-tls-key", metavar="FILE", help="With extproc: its private key.")
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
    "--envoy-version",
    default=str(NEWEST),
    show_default=True,
    metavar="X.Y",
    help="The Envoy that is to run it: say what that one cannot do.",
)
@object_options
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True
)
@click.pass_context
def compile_command(
    context: click.Context, /, policy: str, target: str, output: str, **chosen: Any
) -> None:
    """Write what runs a policy at a station.

    POLICY is a file, or - for stdin. To a backend: parts of an Envoy configuration, which are the
    connection manager's early header mutations and HTTP filters (put the router last), and the
    cluster that leads to the service, if there is one. To a kind of Kubernetes object: the object.
    """
    loaded = read_policy(policy).policy
    try:
        if target in TARGETS:
            given = context.get_parameter_source("services") is not ParameterSource.DEFAULT
            written = objects(loaded, target, chosen, service_given=given)
        else:
            written = [_config(loaded, _choice(cast("Backend", target), chosen))]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if output == "json":
        print_json(written[0] if len(written) == 1 else written)
        return
    click.echo(f"# Colorfast {version('colorfast')}: policy {loaded.name}, digest {loaded.digest}")
    click.echo(dump(written), nl=False)


def _choice(target: Backend, chosen: dict[str, Any]) -> _Choice:
    """Raises ValueError, click.UsageError."""
    station, fallback, services = chosen["station"], chosen["fallback"], chosen["services"]
    if station not in _STATIONS:
        raise click.UsageError(
            f"--station {station} goes with a Kubernetes object, not --to {target}"
        )
    if fallback != "none" and target != "extproc":
        raise click.UsageError("--fallback goes with --to extproc")
    if fallback != "none" and chosen["fail_closed"]:
        raise click.UsageError("--fail-closed leaves nothing to fall back to")
    version = EnvoyVersion.parse(chosen["envoy_version"])
    return _Choice(
        target=target,
        fallback=None if fallback == "none" else fallback,
        module=chosen["module"],
        version=version,
        extproc=ExtProcOptions(
            station=station,
            envoy=version,
            target=services[0],
            endpoints=services[1:],
            retries=chosen["retries"],
            tls=_tls(
                chosen["service_tls_ca"],
                chosen["service_tls_name"],
                chosen["service_tls_cert"],
                chosen["service_tls_key"],
            ),
            message_timeout=chosen["message_timeout"],
            failure_mode_allow=not chosen["fail_closed"],
            health_check=chosen["health_check"],
            metadata=chosen["metadata"],
        ),
    )


def _tls(
    ca: str | None, names: tuple[str, ...], certificate: str | None, key: str | None
) -> UpstreamTls | None:
    if ca is None:
        if names or certificate or key:
            raise ValueError("TLS to the service takes --service-tls-ca")
        return None
    return UpstreamTls(ca=ca, names=names, certificate=certificate, key=key)


def _config(policy: Policy, choice: _Choice) -> Json:
    chain = _sound_chain(policy, choice)
    config: Json = {
        "early_header_mutation_extensions": list(chain.early),
        "http_filters": list(chain.filters),
    }
    if choice.target == "extproc":
        config["clusters"] = [extproc_cluster(choice.extproc)]
    return config


def _sound_chain(policy: Policy, choice: _Choice) -> Chain:
    """The chain; warnings go to stderr. Raises InvalidInput with all that is wrong."""
    found = version_findings(policy, choice.extproc.station, choice.backends, choice.version)
    try:
        chain, warnings = _chain(policy, choice)
    except InvalidInput as error:
        raise InvalidInput((*found, *error.diagnostics)) from None
    if any(diagnostic.level == "error" for diagnostic in found):
        raise InvalidInput((*found, *warnings))
    report((*found, *warnings))
    return chain


def _chain(policy: Policy, choice: _Choice) -> tuple[Chain, tuple[Diagnostic, ...]]:
    """The chain, and warnings of the backend itself."""
    station, metadata = choice.extproc.station, choice.extproc.metadata
    match choice.target:
        case "lua":
            return lua_chain(policy, LuaOptions(station=station, metadata=metadata)), ()
        case "wasm":
            options = WasmOptions(
                station=station, envoy=choice.version, module=choice.module, metadata=metadata
            )
            return wasm_chain(policy, options), ()
        case "native":
            return _native(policy, station)
        case _ if choice.fallback is not None:
            _, warnings = _native(policy, station) if choice.fallback == "native" else (None, ())
            chain = fallback_chain(policy, choice.extproc, choice.fallback, module=choice.module)
            return chain, warnings
        case _:
            return ext_proc_chain(policy, choice.extproc), ()


def _native(policy: Policy, station: Station) -> tuple[Chain, tuple[Diagnostic, ...]]:
    compiled = native_chain(policy, NativeOptions(station=station))
    chain, needs = compiled.sound(), compiled.requires
    click.echo(f"needs Envoy {needs.envoy}, Istio {needs.istio} ({needs.why})", err=True)
    return chain, compiled.diagnostics
