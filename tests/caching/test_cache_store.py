"""The file of the cache: many processes, a limit, and every way in which a file can be of no use."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from scalemt.caching import CacheStore
from scalemt.errors import UsageError


def key(name: object) -> bytes:
    return sha256(str(name).encode()).digest()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CacheStore]:
    made = CacheStore(tmp_path / "deep" / "cache.sqlite")
    yield made
    made.close()


def raw(path: Path, *statements: str) -> None:
    file = sqlite3.connect(path)
    for statement in statements:
        file.execute(statement)
    file.commit()
    file.close()


def test_what_was_put_is_got_by_another_store(store: CacheStore) -> None:
    values = {key(1): ["á", None, 1.5], key(2): {"deep": [{}]}, key(3): "\ud800 lone"}
    store.put("draft", values)
    assert CacheStore(store.path).get([key(1), key(2), key(3), key(4), key(1)]) == values
    assert store.get([]) == {}


def test_a_thousand_keys_in_one_call(store: CacheStore) -> None:
    values = {key(number): number for number in range(1203)}
    store.put("draft", values)
    assert store.get(list(values)) == values


def test_the_file_is_for_its_user_alone(store: CacheStore) -> None:
    before = os.umask(0)
    try:
        store.put("draft", {key(1): 1})
    finally:
        os.umask(before)
    for path in store.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_values_that_json_cannot_hold_are_left_out(store: CacheStore) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    store.put("draft", {key(1): float("nan"), key(2): {1, 2}, key(3): deep, key(4): "x" * 2**24, key(5): 5})
    assert store.get([key(number) for number in range(6)]) == {key(5): 5}


@pytest.mark.parametrize("value", ["x''", "x'ff'", "'text'", "7", "x'7b'"])
def test_a_damaged_value_is_not_there(store: CacheStore, value: str) -> None:
    store.put("draft", {key(1): 1, key(2): 2})
    raw(store.path, f"UPDATE entries SET value = {value} WHERE rowid = 1")
    assert store.get([key(1), key(2)]) == {key(2): 2}


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    store = CacheStore(tmp_path / "cache.sqlite", limit=1_000_000)
    text = "x" * 10_000
    store.put("draft", {key(number): text for number in range(80)})
    raw(store.path, "UPDATE entries SET used = used - 100000")
    kept = [key(number) for number in range(40)]
    assert len(store.get(kept)) == 40  # so these have been used now
    store.put("draft", {key(number): text for number in range(100, 140)})
    assert len(store.get(kept)) == 40
    assert len(store.get([key(number) for number in range(100, 140)])) == 40
    assert len(store.get([key(number) for number in range(40, 80)])) < 20
    assert store.stats().bytes < 1_100_000
    store.put("draft", {key(f"new {number}"): text for number in range(500)})
    assert 50 < store.stats().entries < 100
    assert store.stats().bytes < 1_100_000
    store.close()


def test_a_read_is_no_write_until_an_hour_has_passed(store: CacheStore) -> None:
    store.put("draft", {key(1): 1})
    file = sqlite3.connect(store.path)
    (before,) = file.execute("PRAGMA data_version").fetchone()
    store.get([key(1)])
    assert file.execute("PRAGMA data_version").fetchone() == (before,)
    raw(store.path, "UPDATE entries SET used = used - 4000")
    store.get([key(1)])
    (used,) = file.execute("SELECT used FROM entries").fetchone()
    assert used > time.time() - 100
    file.close()


def test_stats_and_clear(store: CacheStore) -> None:
    assert (store.stats().entries, store.stats().bytes, store.clear()) == (0, 0, 0)
    assert not store.path.exists()
    store.put("draft", {key(number): "x" * 1000 for number in range(100)})
    store.put("completion", {key("a"): 1, key("b"): 2})
    found = store.stats()
    assert [(kind.kind, kind.entries) for kind in found.kinds] == [("completion", 2), ("draft", 100)]
    assert found.kinds[1].bytes == 100 * 1002
    assert store.clear("forced") == 0
    assert store.clear(older_than=60) == 0
    raw(store.path, "UPDATE entries SET created = created - 90 WHERE kind = 'completion'")
    assert store.clear("draft", older_than=60) == 0
    assert store.clear(older_than=60) == 2
    before = store.stats().bytes
    assert store.clear("draft") == 100
    assert store.stats().bytes < before - 90_000
    store.put("draft", {key(1): 1})
    assert store.clear() == 1


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be looked at" * 40, b"SQLite format 3\0"]
)
def test_a_damaged_file_costs_only_time(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(content)
    told: list[str] = []
    store = CacheStore(path, notice=told.append)
    store.put("draft", {key(1): 1})
    assert store.get([key(1)]) == {}
    assert len(told) == 1
    assert str(path) in told[0]
    assert "scalemt cache clear" in told[0]
    with pytest.raises(UsageError, match="cache clear"):
        CacheStore(path).stats()
    with pytest.raises(UsageError, match="cannot be used"):
        CacheStore(path).clear("draft")
    assert CacheStore(path).clear() == 0
    assert not path.exists()


def test_a_file_damaged_in_the_middle_costs_only_time(store: CacheStore) -> None:
    store.put("draft", {key(number): "x" * 3000 for number in range(200)})
    store.close()
    content = bytearray(store.path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    store.path.write_bytes(content)
    told: list[str] = []
    spoilt = CacheStore(store.path, notice=told.append)
    assert spoilt.get([key(number) for number in range(200)]) == {}
    spoilt.put("draft", {key(number): 1 for number in range(200)})
    assert len(told) == 1


def test_a_file_of_a_later_layout_is_left_alone(store: CacheStore) -> None:
    store.put("draft", {key(1): 1})
    raw(store.path, "PRAGMA user_version = 7")
    told: list[str] = []
    later = CacheStore(store.path, notice=told.append)
    assert later.get([key(1)]) == {}
    assert "layout 7" in told[0]
    later.put("draft", {key(2): 2})
    file = sqlite3.connect(store.path)
    assert file.execute("SELECT COUNT(*) FROM entries").fetchone() == (1,)
    file.close()


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "cache.sqlite", tmp_path / "folder"):
        told: list[str] = []
        store = CacheStore(path, notice=told.append)
        for _ in range(2):
            store.put("draft", {key(1): 1})
            assert store.get([key(1)]) == {}
        assert len(told) == 1
        assert "SCALEMT_CACHE_DIR" in told[0]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert CacheStore(tmp_path / "cache.sqlite").get([key(1)]) == {}
    finally:
        tmp_path.chmod(0o700)


def test_a_file_that_somebody_keeps_locked(store: CacheStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("draft", {key(1): 1})
    monkeypatch.setattr("scalemt.caching.store._PATIENCE", 0.1)
    holder = sqlite3.connect(store.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    told: list[str] = []
    waiting = CacheStore(store.path, notice=told.append)
    assert waiting.get([key(1)]) == {key(1): 1}  # readers wait for nobody
    waiting.put("draft", {key(2): 2})
    assert len(told) == 1
    assert "writing to it" in told[0]
    holder.execute("COMMIT")
    holder.close()
    assert CacheStore(store.path).get([key(2)]) == {}
    waiting.close()


def _write(path: Path, first: int) -> None:
    store = CacheStore(path, limit=50_000_000, notice=_fail)
    for number in range(first, first + 60):
        store.put("draft", {key(number): [number], key("shared"): "shared", key(f"big {number}"): "x" * 5000})
        assert store.get([key(number), key("shared")]) == {key(number): [number], key("shared"): "shared"}


def _fail(message: str) -> None:
    raise AssertionError(message)


@pytest.mark.slow
def test_many_processes_at_once(store: CacheStore) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(store.path, 1000 * first)) for first in range(5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 5
    expected = {key(1000 * first + number): [1000 * first + number] for first in range(5) for number in range(60)}
    assert store.get(list(expected)) == expected
    assert store.stats().entries == 5 * 120 + 1


def test_many_threads_at_once(store: CacheStore) -> None:
    faults: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 30):
                store.put("draft", {key(number): number})
                assert store.get([key(number)]) == {key(number): number}
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(100 * first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert store.stats().entries == 240


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_opens_the_file_anew(store: CacheStore) -> None:
    store.put("draft", {key(1): 1})
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.put("draft", {key(2): 2})
            code = 0 if store.get([key(1), key(2)]) == {key(1): 1, key(2): 2} else 1
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    store.put("draft", {key(3): 3})
    assert len(store.get([key(1), key(2), key(3)])) == 3


def test_an_interrupted_write_leaves_nothing_half_done(store: CacheStore) -> None:
    store.put("draft", {key(1): 1})

    class Interrupting(dict[bytes, Any]):
        def items(self) -> Any:
            yield key(2), 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put("draft", Interrupting())
    assert store.get([key(1), key(2)]) == {key(1): 1}
    store.put("draft", {key(3): 3})
    assert json.dumps(store.get([key(3)])[key(3)]) == "3"
