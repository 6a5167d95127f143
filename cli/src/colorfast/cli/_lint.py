"""``colorfast lint``."""

import click

from colorfast.cli._output import BAD_INPUT, OK, output_option, print_json, read_text, shown
from colorfast.policy import ColorfastError, Diagnostic, InvalidInput, Policy, load_policy


@click.command()
@click.argument("policies", nargs=-1, required=True, metavar="POLICY...")
@click.option("--strict", is_flag=True, help="Let warnings fail, too.")
@output_option
def lint(policies: tuple[str, ...], strict: bool, output: str) -> int:
    """Find what is wrong with policies: every error and warning, each with its position.

    POLICY is a file, or - for stdin.
    """
    results = [_lint_one(path) for path in policies]
    found = [diagnostic for _, _, diagnostics in results for diagnostic in diagnostics]
    if output == "json":
        print_json([_as_json(*result) for result in results])
    else:
        for result in results:
            _print(*result)
    failing = any(d.level == "error" or strict for d in found)
    return BAD_INPUT if failing else OK


def _lint_one(path: str) -> tuple[str, Policy | None, tuple[Diagnostic, ...]]:
    file = shown(path)
    try:
        loaded = load_policy(read_text(path), file=file)
    except InvalidInput as error:
        return file, None, error.diagnostics
    except ColorfastError as error:
        what = error.what.removeprefix(f"{path}: ")
        finding = Diagnostic(code=error.code, file=file, what=what, fix=error.fix)
        return file, None, (finding,)
    return file, loaded.policy, loaded.diagnostics


def _as_json(
    file: str, policy: Policy | None, diagnostics: tuple[Diagnostic, ...]
) -> dict[str, object]:
    return {
        "file": file,
        "valid": policy is not None,
        "policy": policy.name if policy else None,
        "digest": policy.digest if policy else None,
        "diagnostics": [diagnostic.as_json() for diagnostic in diagnostics],
    }


def _print(file: str, policy: Policy | None, diagnostics: tuple[Diagnostic, ...]) -> None:
    for diagnostic in diagnostics:
        click.echo(str(diagnostic))
    errors = sum(d.level == "error" for d in diagnostics)
    warnings = len(diagnostics) - errors
    counts = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    if policy is None:
        click.echo(f"{file}: {counts}")
    else:
        click.echo(f"{file}: policy {policy.name} is valid, digest {policy.digest} ({counts})")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
