"""Counterexamples played again, by reading their rows alone: no code of ``verify`` runs here."""

from colorfast.release import Release
from colorfast.release.verify import Counterexample, Hop, Row

Fields = dict[str, str]

START = {"base": "old", "lane": "off", "old": "ready", "new": "none", "ctl": "idle"}


def replay(release: Release, found: Counterexample) -> tuple[dict[str, Fields], list[int]]:
    """The state of every service and the shares in force after the moves of *found*."""
    services = {change.name: dict(START) for change in release.changes}
    dye = [0]
    for move in found.moves:
        match move.kind:
            case "row":
                assert move.row is not None
                take(services[move.service], move.row)
            case "share":
                assert move.step is not None
                dye.append(move.step.weight or 0)
            case "shared":
                dye = dye[-1:]
    return services, dye


def take(fields: Fields, row: Row) -> None:
    for name, wanted in row.when.items():
        assert fields[name] in ((wanted,) if isinstance(wanted, str) else wanted), row.name
    fields.update(row.then)


def possible(release: Release, fields: Fields, hop: Hop) -> set[str]:
    """What can answer *hop* while its service is so: versions, or 503."""
    change = release.change(hop.service)
    assert change is not None
    ways: set[str] = set()
    for way in parts(fields["lane"]) if hop.dyed else ["off"]:
        ways |= set(parts(fields["base"]) if way == "off" else [way])
    names = {"old": change.old, "new": change.new}
    return {names[way] if fields.get(way) == "ready" else "503" for way in ways}


def parts(value: str) -> list[str]:
    return value.replace("~", ">").split(">")


def shows(release: Release, found: Counterexample) -> bool:
    """Whether the request of *found* can really go so, and breaks what it is said to break."""
    services, dye = replay(release, found)
    if found.path:
        assert found.path[0].service == found.entrance
        assert max(dye) > 0 if found.dyed else min(dye) < 10_000
    for hop in found.path:
        if hop.service in services:
            # Stickiness is about what comes, lock and availability about what is.
            assert found.invariant == "stickiness" or hop.answer in possible(
                release, services[hop.service], hop
            )
    return any(_breaks(release, found))


def _breaks(release: Release, found: Counterexample) -> list[bool]:
    new = {change.name: change.new for change in release.changes}
    met = [hop for hop in found.path if hop.service in new]
    mixed = len({hop.answer == new[hop.service] for hop in met}) > 1
    left = any(hop.dyed and hop.answer != new[hop.service] for hop in met)
    fails = any(hop.answer == "503" for hop in met)
    pairs = [
        (caller, called)
        for caller in met
        for called in met
        if called.service in release.mesh.service(caller.service).calls
    ]
    clash = any(
        caller.answer == new[caller.service] and called.answer != new[called.service]
        for caller, called in pairs
    )
    match found.invariant:
        case "lock":
            return [mixed, left]
        case "availability":
            return [fails]
        case "compatibility":
            return [clash]
        case "rollback":
            return [mixed, left, fails, clash, not found.path]
        case _:
            return [True]
