"""The runbook beside the objects: what to do in which order, as commands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from colorfast.release._model import Change
from colorfast.release._steps import Step
from colorfast.release.generate._site import Site, unsent, versioned


@dataclass(frozen=True, slots=True, kw_only=True)
class _Commands:
    """What to type for one step."""

    now: list[str] = field(default_factory=list)
    on: list[str] = field(default_factory=list)
    """When what has to be seen is seen, where the controller waits for it."""


def runbook(site: Site, files: Sequence[str]) -> str:
    """Markdown. *files* are what there is to apply, each in the folder of its step."""
    release = site.release
    played = f"Controller {release.controller}, pattern {release.pattern}."
    lines = [
        f"# Release {release.name}",
        "",
        f"{played} `colorfast release verify` tells whether this order is safe.",
        "",
        "Before the release, what no step changes:",
        "",
        *_block([_apply("00-install")]),
    ]
    if unsent(site):
        lines += _filters(site)
    if release.controller == "kubevela":
        lines += [
            "The workflow plays the steps by itself, and waits where a pause has no time:",
            "",
            *_block([_apply("01-workflow"), f"vela workflow resume {release.name}"]),
        ]
    if release.controller == "kruise":
        lines += _APPROVALS
    for step in site.plan.steps:
        lines += _step(site, step, files, "")
    lines += ["# Giving it up", "", "In this order, each step where its condition holds.", ""]
    for step in site.plan.rollback:
        lines += _step(site, step, files, "rollback/")
    return "\n".join(lines).rstrip() + "\n"


_APPROVALS: Final = [
    "Kruise writes the status of a Rollout as a whole, and loses an approval that somebody types",
    "meanwhile. Type it again as long as `status.canaryStatus.currentStepState` is `StepPaused`.",
    "",
    "An old version that is set back before Kruise has begun with the new one is released like a",
    "new one: the step that sets it back says what to type then, until the Rollout is Healthy.",
    "",
]


def _filters(site: Site) -> list[str]:
    dyed = next(step for step in site.plan.steps if step.policy is not None)
    policy = f"{dyed.id}/lanepolicy-{site.release.policy.name}.yaml"
    return [
        f"The split reads {' and '.join(unsent(site))}. Filters send what the policy reads that",
        "they were built from, and a release does not change them: build the gateways' from",
        f"`{policy}` now. The policy in force stays as it is.",
        "",
    ]


def _step(site: Site, step: Step, files: Sequence[str], under: str) -> Iterator[str]:
    yield f"## {step.number}. {step.title[0].upper()}{step.title[1:]}"
    yield ""
    folder = f"{under}{step.id}"
    commands = _commands(site, step)
    yield from _labelled("If", step.when)
    yield from _labelled("Why", step.why)
    here = [name for name in files if name.startswith(f"{folder}/")]
    if here and not step.is_for_some:
        here = [folder]
    yield from _block([_apply(one) for one in here] + commands.now)
    yield from _labelled("Until", step.until)
    yield from _block(commands.on)
    yield from _labelled("Undo", step.undo)


def _labelled(label: str, text: str) -> list[str]:
    return [f"{label}: {text}.", ""] if text else []


def _block(commands: list[str]) -> list[str]:
    return ["```sh", *commands, "```", ""] if commands else []


def _apply(folder: str) -> str:
    return f"kubectl apply --recursive -f {folder}"


def _commands(site: Site, step: Step) -> _Commands:
    changes = [one for one in site.release.changes if one.name in step.services]
    made = [_COMMANDS[site.release.controller](site, step, one) for one in changes]
    return _Commands(
        now=[command for one in made for command in one.now],
        on=[command for one in made for command in one.on],
    )


def _argo(site: Site, step: Step, change: Change) -> _Commands:
    abort, promote = (
        f"kubectl argo rollouts {verb} -n {change.service.namespace} {change.name}"
        for verb in ("abort", "promote")
    )
    if step.weight == 0:
        return _Commands(now=[abort])
    if step.action == "scale-down":
        # The old template is what to go back to; where it was released again it is the new one.
        return _Commands(now=_instead(site, promote))
    if step.action == "promote":
        last = site.release.stages[-1]
        # A pause with a time ends by itself, and with the last one the steps do.
        return _Commands(now=[promote] if site.locked or last.pause is None else [])
    if step.action != "weigh":
        return _Commands()
    if site.locked:
        return _Commands(now=[promote] if site.release.style == "managed" else [])
    last_one = step.weight == site.release.stages[-1].weight
    return _Commands(on=[promote] if step.pause is None and not last_one else [])


def _instead(site: Site, promote: str) -> list[str]:
    """What ends a service whose old version had to be released again."""
    again = [one.number for one in site.plan.rollback if one.action == "restore"]
    return [f"# after step {number} instead: {promote}" for number in again]


def _kruise(site: Site, step: Step, change: Change) -> _Commands:
    status = '{"status": {"canaryStatus": {"currentStepState": "StepReady"}}}'
    approve = (
        f"kubectl patch rollouts.rollouts.kruise.io -n {change.service.namespace} {change.name} "
        f"--subresource status --type merge -p '{status}'"
    )
    last = site.release.stages[-1]
    if step.action == "promote":
        return _Commands(now=[approve] if site.locked or last.pause is None else [])
    if step.action == "scale-down":
        now = [*_instead(site, approve), f"# as often as it waits then: {approve}"]
        return _Commands(now=now)
    waits = step.action == "weigh" and step.pause is None and not site.locked
    waits = waits and step.weight not in (0, last.weight)
    return _Commands(on=[approve] if waits else [])


def _flagger(site: Site, step: Step, change: Change) -> _Commands:
    if step.action != "promote" or not site.locked:
        return _Commands()
    body = f'{{"name": "{change.name}", "namespace": "{change.service.namespace}"}}'
    gate = "http://flagger-loadtester.flagger-system/gate/open"
    return _Commands(now=[f"curl -d '{body}' {gate}"])


def _kubevela(site: Site, step: Step, change: Change) -> _Commands:
    """The workflow does what a plan says; a rollback is by hand."""
    if step.action == "scale-down":
        return _Commands(now=[_delete("application", change, change.new)])
    return _Commands()


def _istio(site: Site, step: Step, change: Change) -> _Commands:
    versions = {"promote": change.old, "scale-down": change.new}
    if step.action not in versions:
        return _Commands()
    return _Commands(now=[_delete("deployment", change, versions[step.action])])


def _delete(kind: str, change: Change, version: str) -> str:
    name = versioned(change.service, version)
    return f"kubectl delete {kind} -n {change.service.namespace} {name}"


_COMMANDS = {
    "argo-rollouts": _argo,
    "kruise": _kruise,
    "kubevela": _kubevela,
    "flagger": _flagger,
    "istio": _istio,
}
"""What is typed for one service at one step, by controller."""
