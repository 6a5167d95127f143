"""A release request by request, made from its plan alone: it shares no code with ``verify``.

Every caller has routes of its own and gets new ones at its own time; every gateway has a policy of
its own; pods come and go one service after the other; and requests are on their way, hop by hop,
while all that happens. Steps wait for what their plan says that they wait for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import yaml

from colorfast.policy import Engine, Request, load_policy
from colorfast.release import Plan, ServiceRoutes, Step

GATE = "gate-"
REQUESTS_A_MOVE = 2
FAILED = "503"


@dataclass
class OnItsWay:
    """A request: calls that it still makes, and who has answered."""

    dyed: bool
    ahead: list[tuple[str, str, bool]]
    """Caller, called, and whether the request is dyed there: the last is made next."""
    entrance: str
    answers: list[tuple[str, bool, str]] = field(default_factory=list)


@dataclass
class Simulation:
    """Plays a plan, to its end or until somebody gives it up."""

    plan: Plan
    random: Random
    give_up_at: int | None = None
    """After how many moves the release is given up; None: never."""

    def __post_init__(self) -> None:
        release = self.plan.release
        self.mesh, self.release = release.mesh, release
        self.released = {change.name: change for change in release.changes}
        self.ready = {name: {change.old} for name, change in self.released.items()}
        before = self.plan.routes_at(0)
        callers = [
            *((GATE + one, one) for one in release.entrances),
            *((one.name, called) for one in self.mesh.services for called in one.calls),
        ]
        self.routes = {pair: before[pair[1]] for pair in callers if pair[1] in self.released}
        self.dyes: dict[str, Engine | int] = {
            one: _engine(self.plan.policy_at(0)) for one in release.entrances
        }
        self.goes_back = set(self.released)
        self.flying: list[OnItsWay] = []
        self.escapes: list[OnItsWay] = []
        self.seen = 0

    def run(self) -> list[OnItsWay]:
        """Every request that met what it must not."""
        moves = 0
        for number, step in enumerate(self.plan.steps):
            for move in self._moves(step):
                if moves == self.give_up_at:
                    self._roll_back(number)
                    return self.escapes
                self._do(move)
                moves += 1
            self._land()
        return self.escapes

    def _roll_back(self, number: int) -> None:
        moving = [i for i, one in enumerate(self.plan.steps) if one.action in ("switch", "promote")]
        if self.release.pattern != "locked":
            # The service that is being released, and it alone; a promoted one stays.
            self.goes_back = {
                name
                for name in self.plan.steps[number].services
                if self.released[name].old in self.ready[name]
            }
        for step in self.plan.rollback:
            if step.is_for_moved and number < moving[0]:
                continue
            for move in self._moves(step):
                self._do(move)
            self._land()

    def _moves(self, step: Step) -> list[Any]:
        moves: list[Any] = []
        if step.policy is not None:
            engine = _engine(step.policy)
            moves += [("dye", entrance, engine) for entrance in self.dyes]
        elif self.release.share == "entrance" and step.action in ("weigh", "undye"):
            moves += [("dye", entrance, step.weight or 0) for entrance in self.dyes]
        if step.kind == "routes":
            for routes in step.routes:
                moves += [
                    ("route", pair, routes) for pair in self.routes if pair[1] == routes.service
                ]
        if step.kind == "pods":
            moves += [("pods", name, step.action) for name in step.services]
        moves = [move for move in moves if move[0] == "dye" or _service(move) in self.goes_back]
        self.random.shuffle(moves)
        return moves

    def _do(self, move: Any) -> None:
        self._traffic()
        match move:
            case ("dye", str(entrance), engine):
                self.dyes[entrance] = engine
            case ("route", pair, ServiceRoutes() as routes):
                self.routes[pair] = routes
            case ("pods", str(name), str(action)):
                self._pods(name, action)
        self._traffic()

    def _pods(self, name: str, action: str) -> None:
        change = self.released[name]
        match action:
            case "deploy":
                self.ready[name] |= {change.new}
            case "promote":
                self.ready[name] -= {change.old}
            case "restore":
                self.ready[name] |= {change.old}
            case "scale-down":
                self.ready[name] -= {change.new}

    def _traffic(self) -> None:
        """Some requests come in, and all that are on their way make a hop or none."""
        for _ in range(REQUESTS_A_MOVE):
            self.flying += [self._enter(entrance) for entrance in self.dyes]
        for request in list(self.flying):
            if self.random.random() < 0.5:
                self._hop(request)

    def _land(self) -> None:
        """The step waits for requests that had begun; new ones come in all the same."""
        self._traffic()
        while self.flying:
            self._hop(self.flying[0])

    def _enter(self, entrance: str) -> OnItsWay:
        dye = self.dyes[entrance]
        if isinstance(dye, int):  # weights of a route that adds the lane header
            dyed = self.random.randrange(10_000) < dye
        else:
            cookie = f"uid={self.random.randrange(10**6)}".encode()
            dyed = dye.dye(Request([("cookie", cookie)])).lane == self.release.lane
        return OnItsWay(dyed, [(GATE + entrance, entrance, dyed)], entrance)

    def _hop(self, request: OnItsWay) -> None:
        caller, called, dyed = request.ahead.pop()
        answer = self._answer(caller, called, dyed=dyed)
        if answer is not None:
            request.answers.append((called, dyed, answer))
        onwards = dyed and called not in self.release.drops
        calls = [(called, name, onwards) for name in reversed(self.mesh.service(called).calls)]
        request.ahead += [] if answer == FAILED else calls
        if not request.ahead or answer == FAILED:
            self.flying.remove(request)
            self._judge(request)

    def _answer(self, caller: str, called: str, *, dyed: bool) -> str | None:
        """The version that answers; None for a service that has one."""
        if called not in self.released:
            return None
        routes = self.routes[caller, called]
        versions, weights = zip(*routes.base, strict=True)
        [version] = self.random.choices(versions, weights)
        if dyed and routes.lane is not None:
            version = routes.lane
        return str(version) if version in self.ready[called] else FAILED

    def _judge(self, request: OnItsWay) -> None:
        self.seen += 1
        if any(self._wrong(request)):
            self.escapes.append(request)

    def _wrong(self, request: OnItsWay) -> Iterator[bool]:
        new = {name: change.new for name, change in self.released.items()}
        answers = request.answers
        yield any(answer == FAILED for _, _, answer in answers)
        if self.release.pattern == "locked":
            yield any(dyed and answer != new[name] for name, dyed, answer in answers)
            yield len({answer == new[name] for name, _, answer in answers}) > 1
        elif self.release.pattern == "ordered":
            got = {name: answer for name, _, answer in answers}
            yield any(
                got[caller] == new[caller] and called in got and got[called] != new[called]
                for caller in got
                for called in self.mesh.service(caller).calls
            )


def _service(move: Any) -> str:
    kind, where, _ = move
    return str(where[1] if kind == "route" else where)


def _engine(policy: dict[str, Any]) -> Engine:
    return Engine(load_policy(yaml.safe_dump(policy, sort_keys=False)).policy)


def escapes(plan: Plan, seed: int, *, give_up_at: int | None = None) -> list[OnItsWay]:
    """Requests of one run that met what they must not."""
    return Simulation(plan, Random(seed), give_up_at).run()
