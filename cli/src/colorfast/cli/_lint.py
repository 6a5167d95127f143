"""``colorfast lint``."""

from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any, Final

import click

from colorfast.cli._output import BAD_INPUT, OK, print_json, shown
from colorfast.cli._release_file import release_findings
from colorfast.k8s import CODES as K8S_CODES
from colorfast.k8s import Version
from colorfast.k8s.lint import Report, github_lines, lint, sarif
from colorfast.k8s.manifests import Bundle, Kind, read_manifests
from colorfast.policy import CODES as POLICY_CODES
from colorfast.policy import Diagnostic, Level
from colorfast.release import CODES as RELEASE_CODES

_COUNTED: Final[tuple[Level, ...]] = ("error", "warning", "note")


def _version(_: click.Context, __: click.Parameter, value: str | None) -> Version | None:
    try:
        return None if value is None else Version.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("lint")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--strict", is_flag=True, help="Let warnings fail, too.")
@click.option(
    "--istio-version",
    callback=_version,
    metavar="X.Y",
    help="The Istio that the manifests are for; some rules need to know.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How to print the findings on stdout.",
)
def lint_command(
    paths: tuple[str, ...], strict: bool, istio_version: Version | None, output: str
) -> int:
    """Find what is wrong with policies, meshes, releases and manifests, and say where.

    PATH is a file, a folder with everything below it, or - for stdin. Everything that is given is
    looked at together: a rule that needs an object which is not among the files says nothing.
    """
    bundle = read_manifests(paths)
    loaders = {Kind.LANE_RELEASE: release_findings}
    report = lint(bundle, istio=istio_version, loaders=loaders)
    match output:
        case "json":
            print_json(list(_as_json(bundle, report)))
        case "github":
            for line in github_lines(report.findings):
                click.echo(line)
        case "sarif":
            codes = {**POLICY_CODES, **K8S_CODES, **RELEASE_CODES}
            print_json(
                sarif(
                    report.findings,
                    report.suppressed,
                    codes=codes,
                    version=version("colorfast"),
                )
            )
        case _:
            _print(paths, bundle, report)
    failing = any(
        one.level == "error" or (strict and one.level == "warning") for one in report.findings
    )
    return BAD_INPUT if failing else OK


def _as_json(bundle: Bundle, report: Report) -> Iterator[dict[str, Any]]:
    for file in _files(bundle, report):
        found = [one for one in report.findings if one.file == file]
        policies = [one for one in report.policies if one.file == file]
        yield {
            "file": file,
            "valid": all(one.level != "error" for one in found),
            "policy": policies[0].name if policies else None,
            "digest": policies[0].digest if policies else None,
            "diagnostics": [one.as_json() for one in found],
            "suppressed": [one.as_json() for one in report.suppressed if one.file == file],
            "skipped": [
                {"line": one.line, "reason": one.reason} for one in report.skips if one.file == file
            ],
        }


def _files(bundle: Bundle, report: Report) -> Iterable[str]:
    """Every file once, and the folders in which there was none."""
    return dict.fromkeys([file for file, _ in bundle.files] + [one.file for one in report.findings])


def _print(paths: tuple[str, ...], bundle: Bundle, report: Report) -> None:
    for one in report.findings:
        click.echo(str(one))
    given = {file for file, _ in bundle.files} | set(map(shown, paths))
    for file in dict.fromkeys(one.file for one in report.findings if one.file not in given):
        counts = _counts(one for one in report.findings if one.file == file)
        click.echo(f"{file}: {counts} (named by a LaneRelease)")
    for path in dict.fromkeys(paths):
        files = {file for file, given in bundle.files if given == path} | {shown(path)}
        policies = [one for one in report.policies if one.file in files]
        for policy in policies:
            counts = _counts(one for one in report.findings if one.file == policy.file)
            name = f"policy {policy.name} is valid, digest {policy.digest}"
            click.echo(f"{policy.file}: {name} ({counts})")
        if len(files) > 1 or not policies:
            counts = _counts(one for one in report.findings if one.file in files)
            click.echo(f"{shown(path)}: {counts}")
    if report.suppressed:
        click.echo(f"suppressed: {_count(len(report.suppressed), 'finding')}")
    for reason, count in report.skipped:
        click.echo(f"skipped {count}: {reason}")


def _counts(findings: Iterable[Diagnostic]) -> str:
    numbers = Counter(one.level for one in findings)
    return ", ".join(
        _count(numbers[level], level) for level in _COUNTED if numbers[level] or level != "note"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
