"""``colorfast serve``."""

import asyncio
from collections.abc import Callable
from importlib.util import find_spec

import click

from colorfast.extproc import Settings, serve

_DEFAULT = Settings(policy="")


@click.command("serve")
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False),
    required=True,
    help="The LanePolicy file; changes are taken over as they come.",
)
@click.option(
    "--listen",
    default=_DEFAULT.listen,
    show_default=True,
    help="Where Envoy calls: host:port or unix:/path.",
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
    help="Seconds between two looks at the policy file.",
)
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def serve_command(
    policy: str,
    listen: str,
    admin: str,
    drain_delay: float,
    grace: float,
    poll: float,
    log_format: str,
) -> None:
    """Run the ext_proc service.

    SIGTERM drains it, a second one ends it at once, SIGHUP reads the policy file.
    """
    settings = Settings(
        policy=policy,
        listen=listen,
        admin=None if admin == "none" else admin,
        drain_delay=drain_delay,
        grace=grace,
        poll=poll,
        log_format="json" if log_format == "json" else "text",
    )
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if find_spec("uvloop") is None:  # it is not made for every platform
        return None
    import uvloop  # noqa: PLC0415

    return uvloop.new_event_loop
