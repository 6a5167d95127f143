"""What a LanePolicy's status is to say, and whether it says so already.

Every service that serves the policy comes to the same words, so that the first one to write them
writes for all.
"""

from collections.abc import Mapping
from typing import Any, Final

from colorfast.extproc._source import Judged
from colorfast.extproc.kube._content import Json
from colorfast.policy import Diagnostic

MAX_FINDINGS: Final = 32
"""Findings that are listed; the message counts them all."""

MAX_TEXT: Final = 1024
"""Characters of one finding's sentence."""


def status_patch(thing: Mapping[str, Any], judged: Judged, now: str) -> Json | None:
    """A merge patch that has *thing* say what became of it; None when it says so.

    The patch is for the very version that is looked at: one that has changed since refuses it.
    *now* is a time in RFC 3339.
    """
    status = thing.get("status") or {}
    wanted = _wanted(judged)
    before = {one["type"]: one for one in status.get("conditions") or ()}
    conditions = [_dated(one, before.get(one["type"]), now) for one in wanted.pop("conditions")]
    wanted["conditions"] = [*conditions, *_others(before, conditions)]
    if all(status.get(key) == value for key, value in wanted.items()):
        return None
    return {
        "metadata": {"resourceVersion": thing["metadata"]["resourceVersion"]},
        "status": wanted,
    }


def _wanted(judged: Judged) -> Json:
    accepted = judged.digest is not None
    warnings = [one for one in judged.findings if one.level == "warning"]
    wanted: Json = {
        "observedGeneration": judged.generation,
        "diagnostics": [_finding(one) for one in judged.findings[:MAX_FINDINGS]],
        "conditions": [
            _condition(
                "Accepted",
                judged,
                holds=accepted,
                reason="Accepted" if accepted else "Invalid",
                message="it is served" if accepted else _summary(judged.findings),
            ),
            _condition(
                "Warned",
                judged,
                holds=bool(warnings),
                reason="Warnings" if warnings else "NoWarnings",
                message=_summary(warnings),
            ),
        ],
    }
    # Of a policy that is refused, the digest stays that of the last good one.
    return wanted | ({"digest": judged.digest} if accepted else {})


def _condition(name: str, judged: Judged, *, holds: bool, reason: str, message: str) -> Json:
    return {
        "type": name,
        "status": str(holds),
        "reason": reason,
        "message": message,
        "observedGeneration": judged.generation,
    }


def _summary(findings: list[Diagnostic] | tuple[Diagnostic, ...]) -> str:
    if not findings:
        return ""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{findings[0].code}: {findings[0].what[:MAX_TEXT]}{more}"


def _finding(one: Diagnostic) -> Json:
    texts = {"what": one.what, "why": one.why, "fix": one.fix}
    said = {key: text[:MAX_TEXT] for key, text in texts.items() if text}
    return {"code": one.code, "level": one.level, **said}


def _dated(condition: Json, before: Mapping[str, Any] | None, now: str) -> Json:
    """*condition* with the time since which it has its status."""
    same = before is not None and before.get("status") == condition["status"]
    since = before.get("lastTransitionTime", now) if same and before is not None else now
    return {**condition, "lastTransitionTime": since}


def _others(before: Mapping[str, Any], ours: list[Json]) -> list[Any]:
    """Conditions that somebody else has written: a merge patch replaces the list as a whole."""
    names = {one["type"] for one in ours}
    return [one for name, one in before.items() if name not in names]
