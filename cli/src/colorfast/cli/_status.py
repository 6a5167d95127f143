"""``colorfast status``."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from colorfast.cli._output import OK, OTHER, output_option, print_json
from colorfast.extproc import ObjectName, client_is_missing

if TYPE_CHECKING:
    from colorfast.extproc.kube import Fleet, Seen

_HEAD: Final = ("POD", "WORKER", "DIGEST", "GENERATION", "STATE")


class _Object(click.ParamType):  # type: ignore[type-arg]  # older clicks have none
    name = "NAMESPACE/NAME"

    def convert(self, value: Any, param: Any, ctx: Any) -> ObjectName:
        try:
            return ObjectName.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("status")
@click.argument("policy", type=_Object(), metavar="NAMESPACE/NAME")
@click.option("--pods-in", metavar="NAMESPACE", help="Where the pods are; else where it is.")
@click.option("--selector", metavar="LABELS", help="Labels of the pods; else those of our base.")
@click.option("--context", metavar="NAME", help="One of the kubeconfig; else the current one.")
@output_option
def status_command(
    policy: ObjectName,
    pods_in: str | None,
    selector: str | None,
    context: str | None,
    output: str,
) -> int:
    """Show which pods serve which version of a LanePolicy, and where they differ from it.

    Pods are asked through the API server: it takes the right to `get` the LanePolicy, to `list`
    pods and to `get` pods/proxy. Exits with 1 when a pod differs or is silent, or nobody serves it.
    """
    try:
        from colorfast.extproc.kube import SELECTOR, fleet  # noqa: PLC0415 (see serve)
    except ModuleNotFoundError as error:
        raise client_is_missing(str(policy), error) from None
    found = asyncio.run(
        fleet(
            policy,
            pods_in=pods_in or policy.namespace,
            selector=selector or SELECTOR,
            context=context,
        )
    )
    if output == "json":
        print_json({**asdict(found), "agrees": found.agrees})
    else:
        for line in _lines(found):
            click.echo(line)
    return OK if found.agrees else OTHER


def _lines(found: "Fleet") -> Iterable[str]:
    generation = "" if found.generation is None else f", generation {found.generation}"
    yield f"{found.name}{generation}: {found.digest or found.problem}"
    if found.seen:
        yield from _table([_HEAD, *map(_row, found.seen)])
    yield _sum(found)


def _row(seen: "Seen") -> tuple[str, ...]:
    worker = "" if seen.worker is None else str(seen.worker)
    generation = "" if seen.generation is None else str(seen.generation)
    state = f"{seen.state}: {seen.why}" if seen.why else seen.state
    return seen.pod, worker, seen.digest or "", generation, state


def _table(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _sum(found: "Fleet") -> str:
    more = f"; serving something else: {len(found.elsewhere)}" if found.elsewhere else ""
    if not found.seen:
        return f"nobody serves it{more}"
    others = sum(one.state != "same" for one in found.seen)
    return f"{len(found.seen) - others} of {len(found.seen)} serve it{more}"
