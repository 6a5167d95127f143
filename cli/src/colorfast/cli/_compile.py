"""``colorfast compile``."""

from importlib.metadata import version

import click
import yaml

from colorfast.cli._output import print_json, read_policy
from colorfast.envoy import ExtProcOptions, ext_proc_chain, extproc_cluster


@click.command("compile")
@click.argument("policy")
@click.option("--to", "target", type=click.Choice(["extproc"]), required=True, help="The backend.")
@click.option("--station", type=click.Choice(["dye", "carry"]), default="dye", show_default=True)
@click.option(
    "--service",
    default="127.0.0.1:50051",
    show_default=True,
    help="Where Envoy finds the service: host:port or unix:/path.",
)
@click.option(
    "--message-timeout",
    type=click.FloatRange(min=0.001),
    default=0.2,
    show_default=True,
    help="Seconds that a request waits for the service.",
)
@click.option("--fail-closed", is_flag=True, help="Refuse requests while the service fails.")
@click.option("--metadata", is_flag=True, help="Ask for the decision as dynamic metadata, too.")
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True
)
def compile_command(
    policy: str,
    target: str,
    station: str,
    service: str,
    message_timeout: float,
    fail_closed: bool,
    metadata: bool,
    output: str,
) -> None:
    """Write the Envoy configuration that runs a policy.

    POLICY is a file, or - for stdin. What comes out are three parts of an Envoy configuration: the
    connection manager's early header mutations and HTTP filters (put the router last), and the
    cluster that leads to the service.
    """
    loaded = read_policy(policy).policy
    try:
        options = ExtProcOptions(
            station="carry" if station == "carry" else "dye",
            target=service,
            message_timeout=message_timeout,
            failure_mode_allow=not fail_closed,
            metadata=metadata,
        )
        chain, cluster = ext_proc_chain(loaded, options), extproc_cluster(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    config = {
        "early_header_mutation_extensions": list(chain.early),
        "http_filters": list(chain.filters),
        "clusters": [cluster],
    }
    if output == "json":
        print_json(config)
        return
    click.echo(f"# Colorfast {version('colorfast')}: policy {loaded.name}, digest {loaded.digest}")
    click.echo(yaml.safe_dump(config, sort_keys=False, width=100), nl=False)
