"""``python -m benchmarks report``: the last figures into docs/performance.md, between its markers.

A marker is ``<!-- figures: NAME -->``, and ``<!-- end -->`` ends what is replaced.
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import _backend_tables, _extproc_tables
from benchmarks._measure import RESULTS
from benchmarks._options import Options

PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
PLOT: Final = "extproc.svg"

_BLOCK = re.compile(r"(<!-- figures: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

_MODULES: Final = {"extproc": _extproc_tables, "backends": _backend_tables}


def run(options: Options) -> bool:
    """False when there are no figures, or the page has a marker that no figures are for."""
    results = {name: _load(name) for name in _MODULES}
    found = {name: one for name, one in results.items() if one is not None}
    for name in results.keys() - found.keys():
        print(f"no figures of {name}: run python -m benchmarks {name}")
    if not found:
        return False
    blocks = {key: text for name, one in found.items() for key, text in blocks_of(name, one)}
    if (RESULTS / PLOT).is_file() and "extproc" in found:
        shutil.copyfile(RESULTS / PLOT, PAGE.parent / PLOT)
        blocks["plot"] = f"![Requests a second, CPU and p99 of each server]({PLOT})"
    page, unknown = filled(PAGE.read_text(), blocks)
    PAGE.write_text(page)
    for name in unknown:
        print(f"{PAGE.name}: no figures for {name}: what was there has stayed")
    return not unknown


def _load(name: str) -> dict[str, Any] | None:
    file = RESULTS / f"{name}.json"
    if not file.is_file():
        return None
    result: dict[str, Any] = json.loads(file.read_text())
    return result


def blocks_of(name: str, result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What goes where, by the markers' names."""
    tables = [(one.name, one.markdown()) for one in _MODULES[name].tables(result) if one.rows]
    return [
        (f"{name}-machine", _machine(result)),
        (f"{name}-targets", "\n".join(_target(one) for one in result["targets"])),
        *tables,
    ]


def filled(page: str, blocks: Mapping[str, str]) -> tuple[str, list[str]]:
    """*page* with *blocks* between its markers, and the markers that none is for."""
    unknown: list[str] = []

    def replacement(found: re.Match[str]) -> str:
        if found["name"] not in blocks:
            unknown.append(found["name"])
            return found[0]
        return f"{found[1]}{blocks[found['name']]}\n{found[3]}"

    return _BLOCK.sub(replacement, page), unknown


def _target(target: Mapping[str, Any]) -> str:
    return f"- {' '.join(target['text'].split())}"


def _machine(result: Mapping[str, Any]) -> str:
    """The machine, the versions, and how noisy it was."""
    machine, conditions = result["machine"], result["conditions"]
    first = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}",
        f"Python {machine['python']}",
        *(f"{name}: {text}" for name, text in conditions.items()),
    ]
    lines = ["; ".join(first)]
    if result["options"]["quick"]:
        lines.append("**A quick run: a look, not figures.**")
    lines += [f"{name}: {text}" for name, text in result.get("versions", {}).items()]
    lines += [f"absent: {name}: {why}" for name, why in result.get("absent", {}).items()]
    lines += [f"{name}: {part['noise']}" for name, part in result.get("parts", {}).items()]
    lines += [result["noise"]] if "noise" in result else []
    return "\n".join(f"- {line}" for line in lines)
