"""A watcher of a policy file that does not run: for what is shown of one."""

from pathlib import Path
from time import time

from colorfast.extproc import Processor
from colorfast.extproc._file_source import FileSource
from colorfast.extproc._reload import first
from colorfast.extproc._source import Reading
from colorfast.extproc._watch import Watcher
from colorfast.policy import Engine


def watcher_of(file: Path, processor: Processor) -> Watcher:
    """The watcher of *file* that would keep *processor* up to date."""
    source = FileSource(str(file), poll=1.0)
    state = first(source.name, Reading(content=file.read_bytes()), time())
    return Watcher(state, processor, source)


def processor_of(file: Path) -> Processor:
    """A processor that decides by *file*."""
    return Processor(engine_of(file))


def engine_of(file: Path) -> Engine:
    """The engine of *file*."""
    return first(str(file), Reading(content=file.read_bytes()), time()).engine
