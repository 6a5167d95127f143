"""A small proxy-wasm host (ABI 0.2.1) on wasmtime: enough of one for the plugin, in this process."""

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import wasmtime

Line = tuple[str, bytes]

OK: Final = 0
NOT_FOUND: Final = 1
PLUGIN_CONFIGURATION: Final = 7

_FUEL: Final = 1 << 40  # instructions; what takes more has lost its way
_I32: Final = wasmtime.ValType.i32()


@cache
def _compiled(module: Path) -> tuple[wasmtime.Engine, wasmtime.Module]:
    settings = wasmtime.Config()
    settings.consume_fuel = True
    engine = wasmtime.Engine(settings)
    return engine, wasmtime.Module.from_file(engine, str(module))


class Refused(Exception):
    """The plugin takes no such configuration; the text is what it logged."""


class Vm:
    """One instance of a plugin, as Envoy has one for each worker and vm_id.

    *random* is what WASI's random_get gives; None withholds the capability. ``pairs`` is what the
    host serialises header lines as, when a test says so; ``decided`` is what dynamic metadata has
    of the service; ``spent`` is how many instructions the last request took, ``writes`` how many
    calls to change its header lines.
    """

    def __init__(self, module: Path, *, random: bytes | None = b"\1\2\3\4\5\6\7\10") -> None:
        engine, wasm = _compiled(module)
        self._store = wasmtime.Store(engine)
        self._store.set_fuel(_FUEL)
        linker = wasmtime.Linker(engine)
        self._random = random
        for space, name, arity in _IMPORTS:
            kind = wasmtime.FuncType([_I32] * arity, [_I32])
            linker.define_func(space, name, kind, getattr(self, name))
        self._exports: Any = linker.instantiate(self._store, wasm).exports(self._store)
        self._memory: Any = self._exports["memory"]
        self._ids = iter(range(1, 1 << 31))
        self._config = b""
        self.log: list[str] = []
        self.lines: list[Line] = []
        self.source = ""
        self.properties: dict[str, bytes] = {}
        self.spent = 0
        self.writes = 0
        self.pairs: bytes | None = None
        self.decided = b""
        assert self._call("proxy_on_vm_start", 0, 0)

    @property
    def memory_bytes(self) -> int:
        """How large the instance has grown."""
        size: int = self._memory.data_len(self._store)
        return size

    def configure(self, config: str, root: int | None = None) -> int:
        """The root context of a filter with this configuration. Raises Refused."""
        if root is None:
            root = next(self._ids)
            self._call("proxy_on_context_create", root, 0)
        self._config = config.encode("utf-8", "surrogateescape")
        self.log.clear()
        if not self._call("proxy_on_configure", root, len(self._config)):
            raise Refused("\n".join(self.log))
        return root

    def request(self, root: int, lines: Iterable[Line], source: str = "") -> list[Line]:
        """The header lines of a request after the filter."""
        self._store.set_fuel(_FUEL)
        stream = self.open(root)
        left = self.decide(stream, lines, source)
        self.delete(stream)
        self.spent = _FUEL - self._store.get_fuel()
        return left

    def open(self, root: int) -> int:
        """The context of a new stream of *root*'s filter."""
        stream = next(self._ids)
        self._call("proxy_on_context_create", stream, root)
        return stream

    def decide(self, stream: int, lines: Iterable[Line], source: str = "") -> list[Line]:
        """The header lines of *stream* after the filter."""
        self.lines, self.source, self.properties = list(lines), source, {}
        self.writes = 0
        assert self._call("proxy_on_request_headers", stream, len(self.lines), 1) == 0
        return self.lines

    def told(self, field: str) -> str | None:
        """What the filter said of the last request."""
        value = self.properties.get(f"colorfast.{field}")
        return None if value is None else value.decode()

    def delete(self, context: int) -> None:
        """The end of a stream, or of a filter."""
        self._call("proxy_on_delete", context)

    def proxy_log(self, _level: int, text: int, length: int) -> int:
        self.log.append(self._read(text, length).decode())
        return OK

    def proxy_get_buffer_bytes(
        self, kind: int, start: int, most: int, out: int, length: int
    ) -> int:
        assert kind == PLUGIN_CONFIGURATION
        return self._give(self._config[start : start + most], out, length)

    def proxy_get_header_map_pairs(self, _map: int, out: int, length: int) -> int:
        if self.pairs is not None:
            return self._give(self.pairs, out, length)
        pairs = [(name.encode(), value) for name, value in self.lines]
        sizes = b"".join(struct.pack("<II", len(name), len(value)) for name, value in pairs)
        texts = b"".join(name + b"\0" + value + b"\0" for name, value in pairs)
        return self._give(struct.pack("<I", len(pairs)) + sizes + texts, out, length)

    def proxy_replace_header_map_value(
        self, _map: int, name: int, name_length: int, value: int, length: int
    ) -> int:
        self.writes += 1
        key = self._read(name, name_length).decode()
        self._remove(key)
        self.lines.append((key, self._read(value, length)))
        return OK

    def proxy_remove_header_map_value(self, _map: int, name: int, length: int) -> int:
        self.writes += 1
        self._remove(self._read(name, length).decode())
        return OK

    def proxy_get_property(self, path: int, path_length: int, out: int, length: int) -> int:
        match self._read(path, path_length):
            case b"source\0address":
                return self._give(self.source.encode(), out, length)
            case b"metadata\0filter_metadata\0colorfast\0policy" if self.decided:
                return self._give(self.decided, out, length)
            case _:
                return NOT_FOUND

    def proxy_set_property(self, path: int, path_length: int, value: int, length: int) -> int:
        self.properties[self._read(path, path_length).decode()] = self._read(value, length)
        return OK

    def proxy_get_current_time_nanoseconds(self, out: int) -> int:
        self._memory.write(self._store, struct.pack("<Q", 1), out)
        return OK

    def random_get(self, out: int, length: int) -> int:
        if self._random is None:
            return NOT_FOUND
        assert length == len(self._random)
        self._memory.write(self._store, self._random, out)
        return OK

    def _call(self, name: str, *arguments: int) -> int:
        function: Callable[..., int] = self._exports[name]
        return function(self._store, *arguments)

    def _read(self, start: int, length: int) -> bytes:
        start &= 0xFFFFFFFF
        return bytes(self._memory.read(self._store, start, start + length))

    def _give(self, data: bytes, out: int, length: int) -> int:
        at = self._call("proxy_on_memory_allocate", len(data)) & 0xFFFFFFFF if data else 0
        self._memory.write(self._store, data, at)
        self._memory.write(self._store, struct.pack("<I", at), out)
        self._memory.write(self._store, struct.pack("<I", len(data)), length)
        return OK

    def _remove(self, key: str) -> None:
        self.lines = [line for line in self.lines if line[0] != key]


_IMPORTS: Final = (
    ("env", "proxy_log", 3),
    ("env", "proxy_get_buffer_bytes", 5),
    ("env", "proxy_get_header_map_pairs", 3),
    ("env", "proxy_replace_header_map_value", 5),
    ("env", "proxy_remove_header_map_value", 3),
    ("env", "proxy_get_property", 4),
    ("env", "proxy_set_property", 4),
    ("env", "proxy_get_current_time_nanoseconds", 1),
    ("wasi_snapshot_preview1", "random_get", 2),
)


@contextmanager
def filtering(vm: Vm, config: str) -> Iterator[int]:
    """The root context of a filter that is there until the block ends."""
    root = vm.configure(config)
    try:
        yield root
    finally:
        vm.delete(root)
