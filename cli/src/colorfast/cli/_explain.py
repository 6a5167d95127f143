"""``colorfast explain``."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import click

from colorfast.cli._output import output_option, print_json, read_policy
from colorfast.lane import OWS
from colorfast.policy import (
    Engine,
    Explanation,
    Outcome,
    Policy,
    Request,
    RuleTrace,
    Split,
    SplitTrace,
    Verdict,
    explain,
)


def _header(ctx: click.Context, param: click.Parameter, lines: tuple[str, ...]) -> list[list[str]]:
    for line in lines:
        if not line.partition(":")[1]:
            raise click.BadParameter(f"{line!r} has no colon; write 'name: value'")
    return [[part.strip() for part in line.split(":", 1)] for line in lines]


@click.command("explain")
@click.argument("policy")
@click.argument("url", default="/")
@click.option(
    "-H", "--header", "headers", multiple=True, callback=_header, help="A header line, as in curl."
)
@click.option("-X", "--request", "method", default="GET", show_default=True, help="The method.")
@click.option("--source-ip", default="127.0.0.1", show_default=True, help="The client's address.")
@click.option("--station", type=click.Choice(["dye", "carry"]), default="dye", show_default=True)
@output_option
def explain_command(
    policy: str,
    url: str,
    headers: list[list[str]],
    method: str,
    source_ip: str,
    station: str,
    output: str,
) -> None:
    """Say what a request gets, and why: rules, buckets, header writes.

    POLICY is a file, or - for stdin. URL is as for curl, or only a path.
    """
    loaded = read_policy(policy).policy
    request = _request(url, headers, method, source_ip)
    if station == "carry":
        outcome = Engine(loaded).carry(request)
        result = Explanation(client=None, rules=(), split=None, outcome=outcome)
    else:
        result = explain(loaded, request)
    if output == "json":
        print_json(_as_json(loaded, station, result))
    else:
        for line in _lines(loaded, station, result):
            click.echo(line)


def _request(url: str, headers: list[list[str]], method: str, source_ip: str) -> Request:
    if "//" not in url and not url.startswith("/"):
        url = "//" + url
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2] or "localhost"
    plain = []
    for name, value in headers:
        if name.lower() == "host":
            host = value
        else:
            plain.append((name.lower(), value))
    lines = [(":method", method), (":path", path), (":authority", host), *plain]
    return Request(((name, value.encode().strip(OWS)) for name, value in lines), source_ip)


def _lines(policy: Policy, station: str, result: Explanation) -> Iterator[str]:
    yield f"policy {policy.name}, digest {policy.digest}, station {station}"
    if result.client is not None:
        yield f"the client chose {result.client}, and the edge accepts it"
    width = max((len(trace.rule.name) for trace in result.rules), default=0)
    for number, trace in enumerate(result.rules, 1):
        yield f"{number:4} {trace.rule.name:{width}}  {trace.verdict}"
        yield from _conditions(trace)
        if trace.verdict is Verdict.MATCHED and isinstance(trace.rule.gives, Split):
            yield f"       {_split(trace.rule.gives, result.split)}"
    yield _decision(result, station)
    yield from (f"  {line}" for line in _writes(result.outcome))


def _conditions(trace: RuleTrace) -> Iterator[str]:
    for number, entry in enumerate(trace.entries):
        if number:
            yield "       or"
        for condition in entry:
            yield f"       {condition}"


def _split(split: Split, trace: SplitTrace | None) -> str:
    if trace is None or (trace.key is None and trace.bucket is None):
        return f"split: no sticky key, so {split.otherwise}"
    if trace.key is None:
        return f"split: no sticky key, drew bucket {trace.bucket}"
    value = (trace.value or b"").decode("utf-8", "replace")
    return f"split: {trace.key} is {value!r}, bucket {trace.bucket} of 10000, salt {split.salt!r}"


def _decision(result: Explanation, station: str) -> str:
    lane, rule = result.outcome.lane, result.outcome.rule
    if lane is None:
        return "no lane" if station == "dye" else "no lane to carry: nothing is touched"
    if station == "carry":
        return f"lane {lane}, carried on"
    if rule is not None:
        return f"lane {lane}, by rule {rule}"
    return f"lane {lane}, " + ("by the client" if result.client else "the default")


def _writes(outcome: Outcome) -> Iterator[str]:
    for name, value in outcome.sets:
        yield f"set {name}: {value.decode('utf-8', 'backslashreplace')}"
    for name in outcome.removes:
        yield f"remove {name}"


def _as_json(policy: Policy, station: str, result: Explanation) -> dict[str, object]:
    outcome, split = result.outcome, result.split
    return {
        "policy": policy.name,
        "digest": policy.digest,
        "station": station,
        "lane": outcome.lane,
        "rule": outcome.rule,
        "client": result.client,
        "bucket": split.bucket if split else None,
        "stickyKey": split.key if split else None,
        "set": {name: value.decode("utf-8", "backslashreplace") for name, value in outcome.sets},
        "remove": list(outcome.removes),
        "rules": [
            {
                "name": trace.rule.name,
                "verdict": trace.verdict.name.lower(),
                "entries": [
                    [{"condition": str(c), "holds": c.holds} for c in entry]
                    for entry in trace.entries
                ],
            }
            for trace in result.rules
        ],
    }
