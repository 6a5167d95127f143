"""The policy file changes while it is served."""

import asyncio
import itertools
import os
from pathlib import Path

import grpc
import pytest
from extproc.support import ask, message, service, until, written

from colorfast.extproc import Running, _file_source
from colorfast.extproc._file_source import FileSource, look_at, read_file
from colorfast.extproc._reload import PolicyState, first, judge
from colorfast.extproc._source import Reading, Unavailable, Verdict
from colorfast.extproc._watch import load_first
from colorfast.policy import InvalidInput
from helpers import policies

CANARY = policies.file("default: canary")
BASE = policies.file("default: base")
BROKEN = policies.file("default: nowhere\nbaseline: nobody")
GONE = look_at("/none/p.yaml")


def reading(content: str | bytes | Unavailable, *, again: bool = False) -> Reading:
    given = content.encode() if isinstance(content, str) else content
    return Reading(content=given, again=again)


def state(text: str = CANARY) -> PolicyState:
    return first("p.yaml", reading(text), 1.0)


# The core: content in, next state and verdict out.


def test_the_same_content_is_not_judged_anew() -> None:
    before = state()
    assert judge(before, reading(CANARY), 2.0) == (before, Verdict.UNCHANGED)


def test_other_content_replaces_the_policy() -> None:
    after, verdict = judge(state(), reading(BASE), 2.0)
    assert verdict is Verdict.ACCEPTED
    assert (after.engine.policy.default, after.loaded_at, after.refusal) == ("base", 2.0, None)


def test_a_broken_file_changes_nothing_and_tells_everything() -> None:
    before = state()
    after, verdict = judge(before, reading(BROKEN), 2.0)
    assert verdict is Verdict.REFUSED
    assert after.engine is before.engine
    assert after.loaded_at == before.loaded_at
    assert after.refusal is not None
    assert [diagnostic.code for diagnostic in after.refusal.diagnostics] == ["CF201", "CF201"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"[1, 2]", b"\x00" * 100])
def test_any_bytes_are_judged_without_raising(content: bytes) -> None:
    before = state()
    after, verdict = judge(before, reading(content), 2.0)
    assert (verdict, after.engine) == (Verdict.REFUSED, before.engine)


def test_a_fault_is_told_once() -> None:
    broken, _ = judge(state(), reading(BROKEN), 2.0)
    assert judge(broken, reading(BROKEN), 3.0) == (broken, Verdict.UNCHANGED)
    gone, verdict = judge(broken, reading(GONE), 3.0)
    assert verdict is Verdict.UNREADABLE
    assert judge(gone, reading(GONE), 4.0) == (gone, Verdict.UNCHANGED)


def test_the_good_file_coming_back_clears_the_refusal() -> None:
    for content in (BROKEN, GONE):
        broken, _ = judge(state(), reading(content), 2.0)
        after, verdict = judge(broken, reading(CANARY), 3.0)
        assert (verdict, after.refusal) == (Verdict.ACCEPTED, None)


def test_who_asks_gets_the_same_content_judged_again() -> None:
    assert judge(state(), reading(CANARY, again=True), 2.0)[1] is Verdict.ACCEPTED
    gone, _ = judge(state(), reading(GONE), 2.0)
    assert judge(gone, reading(GONE, again=True), 3.0)[1] is Verdict.UNREADABLE


# Reading.


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        read_file(str(folder / "pipe"))


async def test_a_first_policy_that_cannot_be_read_is_a_diagnostic(folder: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        await load_first(FileSource(str(folder / "none.yaml"), poll=1.0))
    assert caught.value.code == "CF110"


# The rim: a real service and a real file.


async def lane(running: Running) -> bytes:
    async with grpc.aio.insecure_channel(running.address) as channel:
        return written(await ask(channel, message()))[0]["x-lane"]


def results(running: Running) -> dict[str, int]:
    return {str(verdict): count for verdict, count in running.watcher.results.items() if count}


async def test_a_changed_file_is_served(folder: Path) -> None:
    async with service(folder, "default: canary") as running:
        assert await lane(running) == b"canary"
        (folder / "policy.yaml").write_text(BASE)
        await until(lambda: results(running) == {"success": 1})
        assert await lane(running) == b"base"


async def test_a_broken_file_is_reported_and_changes_nothing(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(folder, "default: canary") as running:
        (folder / "policy.yaml").write_text(BROKEN)
        await until(lambda: results(running) == {"refused": 1})
        assert await lane(running) == b"canary"
        assert "CF602" in caplog.text
        assert caplog.text.count("CF201") == 2
        (folder / "policy.yaml").write_text(BASE)
        await until(lambda: results(running) == {"refused": 1, "success": 1})
        assert await lane(running) == b"base"


async def test_the_watcher_survives_a_file_that_vanishes(folder: Path) -> None:
    async with service(folder, "default: canary") as running:
        (folder / "policy.yaml").unlink()
        await until(lambda: results(running) == {"unreadable": 1})
        assert await lane(running) == b"canary"
        (folder / "policy.yaml").write_text(BASE)
        await until(lambda: results(running) == {"unreadable": 1, "success": 1})
        assert await lane(running) == b"base"


async def test_a_config_maps_symlink_swap_is_seen(folder: Path) -> None:
    # kubelet: policy.yaml -> ..data/policy.yaml, ..data -> a folder that is replaced as a whole.
    for name, text in (("..1", CANARY), ("..2", BASE)):
        (folder / name).mkdir()
        (folder / name / "policy.yaml").write_text(text)
        os.utime(folder / name / "policy.yaml", (1, 1))
    (folder / "..data").symlink_to("..1")
    (folder / "policy.yaml").symlink_to("..data/policy.yaml")
    async with service(folder) as running:
        assert await lane(running) == b"canary"
        (folder / "..new").symlink_to("..2")
        (folder / "..new").rename(folder / "..data")
        await until(lambda: results(running) == {"success": 1})
        assert await lane(running) == b"base"


async def test_who_asks_gets_the_file_read_at_once(folder: Path) -> None:
    async with service(folder, "default: canary", poll=3600.0) as running:
        (folder / "policy.yaml").write_text(BASE)
        running.reload()
        await until(lambda: results(running) == {"success": 1})
        assert await lane(running) == b"base"


async def test_a_file_that_is_half_written_is_not_served(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = BASE.encode()
    looks = itertools.chain([whole[:-9], whole[:-5], whole[:-1], whole], itertools.repeat(whole))
    async with service(folder, "default: canary") as running:
        monkeypatch.setattr(_file_source, "look_at", lambda _: next(looks))
        await until(lambda: results(running))
        assert results(running) == {"success": 1}
        assert await lane(running) == b"base"


async def test_every_request_is_decided_by_one_policy(folder: Path) -> None:
    texts = [
        policies.file(f"default: {lane}\nheader: x-{lane}\nmember: {lane}")
        for lane in ("base", "canary")
    ]
    wholes = [
        {f"x-{lane}": lane.encode(), "baggage": f"{lane}={lane}".encode()}
        for lane in ("base", "canary")
    ]
    (folder / "policy.yaml").write_text(texts[0])
    async with (
        service(folder, poll=0.01) as running,
        grpc.aio.insecure_channel(running.address) as channel,
    ):
        seen = []
        for number in range(1, 5):
            (folder / "policy.yaml").write_text(texts[number % 2])
            while running.watcher.results[Verdict.ACCEPTED] < number:
                seen += await asyncio.gather(*(ask(channel, message()) for _ in range(10)))
    assert {tuple(written(answer)[0].items()) for answer in seen} == {
        tuple(whole.items()) for whole in wholes
    }
