"""One run of the ext_proc benchmark: all parts that are wanted, and what went wrong with others."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

from benchmarks._alone import ALONE, AloneMeasured, measure_alone
from benchmarks._alone import SERVERS as ALONE_SERVERS
from benchmarks._behind import NotDyedError, PartMeasured, measure_part
from benchmarks._bench import WrongAnswerError
from benchmarks._builds import AbsentError
from benchmarks._extproc_tables import alone_figures, part_figures, soak_figures
from benchmarks._options import Options
from benchmarks._parts import Part, parts
from benchmarks._processes import Launch
from benchmarks._servers import Found
from benchmarks._soak import SERVERS as SOAK_SERVERS
from benchmarks._soak import SOAK, Soaked, soak
from benchmarks._text import brief
from colorfast.policy import ColorfastError

_ERRORS: Final = (ColorfastError, NotDyedError, WrongAnswerError, OSError, RuntimeError)


class Run:
    """What was measured so far."""

    def __init__(self, options: Options, found: Found) -> None:
        self._options = options
        self._launches = found.launches
        self.absent = dict(found.absent)
        """Why a server, or a part, is not there."""
        self.broken: dict[str, str] = {}
        """Why a part did not come to its end."""
        self.parts: dict[str, PartMeasured] = {}
        self.alone: AloneMeasured | None = None
        self.soaked: Soaked | None = None

    def take(self) -> None:
        """Measure everything; a part that breaks stops no other."""
        for part in parts(self._options):
            self._try(part.name, partial(self._behind, part))
        for name, work in ((ALONE, self._alone), (SOAK, self._soak)):
            if self._options.wants_part(name):
                self._try(name, work)

    @property
    def failed(self) -> int:
        """Requests that failed or were not dyed."""
        return sum(one.rounds.failed for one in self.parts.values())

    def figures(self) -> dict[str, Any]:
        """For the file."""
        versions = chain.from_iterable(one.versions.items() for one in self.parts.values())
        conditions = next((one.conditions for one in self.parts.values()), {})
        result: dict[str, Any] = {
            "conditions": dict(conditions),
            "absent": self.absent,
            "broken": self.broken,
            "failed": self.failed,
            "versions": dict(versions),
            "parts": {name: part_figures(one) for name, one in self.parts.items()},
        }
        if self.alone is not None:
            result[ALONE] = alone_figures(self.alone)
        if self.soaked is not None:
            result[SOAK] = soak_figures(self.soaked)
        return result

    def _try(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except AbsentError as error:
            self.absent[name] = str(error)
        except _ERRORS as error:
            self.broken[name] = brief(error)
            print(f"  {name}: FAIL {self.broken[name]}", flush=True)

    def _behind(self, part: Part) -> None:
        measured = asyncio.run(measure_part(part, self._launches))
        self.parts[part.name] = measured
        self.absent |= measured.absent

    def _alone(self) -> None:
        self.alone = asyncio.run(measure_alone(self._options, self._wanted(ALONE_SERVERS)))
        self.absent |= self.alone.absent

    def _soak(self) -> None:
        self.soaked = asyncio.run(soak(self._options, self._wanted(SOAK_SERVERS)))

    def _wanted(self, servers: Sequence[str]) -> Mapping[str, Launch]:
        wants, launches = self._options.wants_row, self._launches
        return {name: launches[name] for name in servers if name in launches and wants(name)}


def servers_of(options: Options) -> tuple[str, ...]:
    """All that the wanted parts want, each once."""
    behind = chain.from_iterable(part.servers for part in parts(options))
    direct = [
        *(ALONE_SERVERS if options.wants_part(ALONE) else ()),
        *(SOAK_SERVERS if options.wants_part(SOAK) else ()),
    ]
    wanted = [*behind, *(name for name in direct if options.wants_row(name))]
    return tuple(dict.fromkeys(wanted))
