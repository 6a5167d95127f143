"""``colorfast serve``."""

import asyncio
from typing import get_args

import click

from colorfast.extproc import (
    EngineName,
    ObjectName,
    Settings,
    Tls,
    TransportName,
    loop_factory,
    serve,
    supervise,
)

_DEFAULT = Settings(policy="")


class _PolicyName(click.ParamType):  # type: ignore[type-arg]  # older clicks have none
    """An object, or a file that is there."""

    name = "policy"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value.startswith(ObjectName.SCHEME):
            return value
        return str(click.Path(exists=True, dir_okay=False).convert(value, param, ctx))


@click.command("serve")
@click.option(
    "--policy",
    metavar="FILE|k8s://NAMESPACE/NAME",
    type=_PolicyName(),
    required=True,
    help="The LanePolicy, a file or an object; changes are taken over as they come.",
)
@click.option(
    "--policy-wait",
    type=click.FloatRange(min=0),
    default=_DEFAULT.policy_wait,
    show_default=True,
    help="Seconds that a start waits for an object that cannot be had.",
)
@click.option(
    "--policy-cache",
    metavar="FILE",
    help="Keeps the last good object, for a start while it cannot be had.",
)
@click.option(
    "--listen",
    default=_DEFAULT.listen,
    show_default=True,
    help="Where Envoy calls: host:port or unix:/path.",
)
@click.option(
    "--transport",
    type=click.Choice(get_args(TransportName)),
    default=_DEFAULT.transport,
    show_default=True,
    help="Whose gRPC serves: our own HTTP/2, or grpcio's.",
)
@click.option(
    "--engine",
    type=click.Choice(get_args(EngineName)),
    default=_DEFAULT.engine,
    show_default=True,
    help="What decides: the native core wherever it can, or the reference alone.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=_DEFAULT.workers,
    show_default=True,
    help="Processes; with more than one, at --listen's port and those after it, or PATH.0 and on.",
)
@click.option("--reuse-port", is_flag=True, help="Share --listen's port with other processes.")
@click.option(
    "--socket-mode",
    metavar="OCTAL",
    callback=lambda _, __, text: _permissions(text),
    help="Permissions of Unix sockets, such as 660; otherwise the umask decides.",
)
@click.option("--tls-cert", metavar="FILE", help="Certificate chain, PEM; serves TLS.")
@click.option("--tls-key", metavar="FILE", help="The certificate's private key, PEM.")
@click.option("--tls-client-ca", metavar="FILE", help="Who signs client certificates, PEM: mTLS.")
@click.option(
    "--tls-spiffe-id",
    metavar="ID",
    multiple=True,
    help="A client that is let in: spiffe://td/path, or .../* for all below it; may come again.",
)
@click.option(
    "--admin",
    default=_DEFAULT.admin,
    show_default=True,
    help="Where /healthz, /readyz, /policy and /metrics are; 'none' for nowhere.",
)
@click.option(
    "--drain-delay",
    type=click.FloatRange(min=0),
    default=_DEFAULT.drain_delay,
    show_default=True,
    help="Seconds from NOT_SERVING to refusing streams.",
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=_DEFAULT.grace,
    show_default=True,
    help="Seconds that open streams may take to finish.",
)
@click.option(
    "--poll",
    type=click.FloatRange(min=0.01),
    default=_DEFAULT.poll,
    show_default=True,
    help="Seconds between two looks at a policy file.",
)
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def serve_command(
    policy: str,
    policy_wait: float,
    policy_cache: str | None,
    listen: str,
    transport: TransportName,
    engine: EngineName,
    workers: int,
    reuse_port: bool,
    socket_mode: int | None,
    tls_cert: str | None,
    tls_key: str | None,
    tls_client_ca: str | None,
    tls_spiffe_id: tuple[str, ...],
    admin: str,
    drain_delay: float,
    grace: float,
    poll: float,
    log_format: str,
) -> None:
    """Run the ext_proc service.

    SIGTERM drains it, a second one ends it at once, SIGHUP looks at the policy.
    """
    try:
        settings = Settings(
            policy=policy,
            policy_wait=policy_wait,
            policy_cache=policy_cache,
            listen=listen,
            transport=transport,
            engine=engine,
            workers=workers,
            reuse_port=reuse_port,
            socket_mode=socket_mode,
            tls=_tls(tls_cert, tls_key, tls_client_ca, tls_spiffe_id),
            admin=None if admin == "none" else admin,
            drain_delay=drain_delay,
            grace=grace,
            poll=poll,
            log_format="json" if log_format == "json" else "text",
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(settings) if workers == 1 else supervise(settings))


def _tls(
    certificate: str | None, key: str | None, client_ca: str | None, spiffe_ids: tuple[str, ...]
) -> Tls | None:
    if certificate is None or key is None:
        if certificate or key or client_ca or spiffe_ids:
            raise click.UsageError("TLS takes --tls-cert and --tls-key")
        return None
    return Tls(certificate=certificate, key=key, client_ca=client_ca, spiffe_ids=spiffe_ids)


def _permissions(text: str | None) -> int | None:
    try:
        return None if text is None else int(text, 8)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not octal, as 660 is") from None
