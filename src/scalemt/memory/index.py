"""The fuzzy index of one side of a memory: shards that grow by the units that were added, never rebuilt.

New units are compared one by one until there are many; then they become a shard, and shards of like size become
one, as in a log-structured merge tree (O'Neil et al. 1996). The files are a cache beside the memory: where they
are missing, of another memory or cannot be written, they are made anew or done without.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from threading import RLock

from scalemt.errors import InputError
from scalemt.lines import write_whole
from scalemt.memory.shard import Hit, Shard, build, merge
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import skeleton
from scalemt.types import Pair

_LAYOUT = 2
_TAIL = 1_000  # units compared one by one before they become a shard
_LARGEST = 200_000  # units indexed at once: some 300 MB of memory
_LONGEST = 10_000  # letters of a text that is compared; the time grows with the square of them
_GROWTH = 4  # a shard is merged with the one before it unless that is so many times as large

Progress = Callable[[int], None]


class FuzzyIndex:
    """Finds units whose source is like a text; of a kept pair, or of its opposite where `swapped`.

    Args:
        store: the memory.
        pair: a pair that it keeps.
        swapped: the targets are searched.
    """

    def __init__(self, store: MemoryStore, pair: Pair, *, swapped: bool) -> None:
        self._store = store
        self._pair = pair
        self._swapped = swapped
        side = "target" if swapped else "source"
        self._folder = index_folder(store.path) / f"{pair.source}--{pair.target}--{side}"
        self._lock = RLock()
        self._shards: list[Shard] = []
        self._tail: list[tuple[int, str]] = []
        self._last = 0
        self._loaded = False

    def search(self, text: str, limit: int, floor: float) -> list[Hit]:
        """Return the units most like a skeleton, best first, the newest of equals first.

        Args:
            text: a skeleton.
            limit: the most to return.
            floor: the least likeness, in percent.
        """
        if not text or len(text) > _LONGEST:
            return []
        with self._lock:
            total = sum(map(len, self._shards))
            hits = [hit for shard in self._shards for hit in shard.search(text, limit, floor, len(shard) / total)]
            hits += self._in_tail(text, limit, floor)
        return sorted(hits, key=lambda hit: (-hit[0], -hit[1]))[:limit]

    def _in_tail(self, text: str, limit: int, floor: float) -> list[Hit]:
        if not self._tail:
            return []
        from rapidfuzz import fuzz, process

        # The newest first: of equals those that come first are kept.
        tail = self._tail[::-1]
        found = process.extract(
            text, [held for _, held in tail], scorer=fuzz.ratio, limit=limit, score_cutoff=floor
        )
        return [(score, tail[place][0], held) for held, score, place in found]

    def refresh(self, progress: Progress | None = None) -> None:
        """Take up what was added to the memory since the last call, by whomever."""
        with self._lock:
            newest = self._store.newest_id()
            if not self._loaded:
                self._load(newest)
            if newest == self._last:
                return
            if newest < self._last:
                # The file is an older one now, put back from a copy.
                self._shards, self._tail, self._last = [], [], 0
            fresh = self._fresh()
            while chunk := list(islice(fresh, _LARGEST)):
                self._tail += chunk
                self._last = chunk[-1][0]
                if len(self._tail) > _TAIL:
                    self._make_shard()
                if progress:
                    progress(len(chunk))
            self._last = max(newest, self._last)

    def _fresh(self) -> Iterable[tuple[int, str]]:
        for number, unit in self._store.sides(self._pair, self._last, swapped=self._swapped):
            yield number, skeleton(unit.segment)

    def _load(self, newest: int) -> None:
        self._loaded = True
        try:
            known = json.loads((self._folder / "index.json").read_text("utf-8"))
            if (known["layout"], known["uuid"]) == (_LAYOUT, self._store.uuid):
                # All files are opened now: another process may remove them later.
                shards = [Shard(self._folder / name).open() for name in known["shards"]]
                if shards and 0 < int(known["last"]) <= newest:
                    self._shards, self._last = shards, int(known["last"])
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            # A cache that cannot be read is none: it is made anew.
            self._shards, self._last = [], 0

    def _make_shard(self) -> None:
        """Make a shard of the units that are compared one by one, and of it and others of like size one.

        Without room on any disk all stays as it is, only slower.
        """
        try:
            self._shards.append(self._written(partial(build, sources=self._tail)))
            self._tail = []
            replaced: list[Shard] = []
            while len(self._shards) > 1 and len(self._shards[-2]) < _GROWTH * len(self._shards[-1]):
                replaced += self._shards[-2:]
                self._shards[-2:] = [self._written(partial(merge, shards=self._shards[-2:]))]
            self._save(replaced)
        except (OSError, InputError):
            return

    def _written(self, write: Callable[[Path], None]) -> Shard:
        """Return a new shard, beside the memory or, where that cannot be written, in a temporary folder."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix="shard-", dir=self._folder))
            return _filled(folder, write)
        except OSError:
            # A memory on a disk that is not ours to write, or full: the index lives as long as the process.
            return _filled(_Temporary.folder(), write)

    def _save(self, replaced: Sequence[Shard]) -> None:
        """Write down which shards make the index, then remove those that no index needs."""
        names = [shard.folder.name for shard in self._shards]
        if any(shard.folder.parent != self._folder or not shard.folder.exists() for shard in self._shards):
            return  # they lie elsewhere, or another process has made one of them, and written that down
        about = {"layout": _LAYOUT, "uuid": self._store.uuid, "last": self._last, "shards": names}
        write_whole(self._folder / "index.json", json.dumps(about) + "\n")
        gone = {shard.folder.name for shard in replaced}
        for folder in self._folder.glob("shard-*"):
            if folder.name in gone or (folder.name not in names and not _in_use(folder)):
                shutil.rmtree(folder, ignore_errors=True)


def _filled(folder: Path, write: Callable[[Path], None]) -> Shard:
    try:
        write(folder)
        return Shard(folder).open()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _in_use(folder: Path) -> bool:
    """Whether another process may be writing a shard now; readers are safe, mapped files outlive their names."""
    import time

    try:
        return time.time() - folder.stat().st_mtime < 3600
    except OSError:
        return False


class _Temporary:
    """A folder for indexes that cannot be kept, removed at the end of the process."""

    _home: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def folder(cls) -> Path:
        if cls._home is None:
            cls._home = tempfile.TemporaryDirectory(prefix="scalemt-memory-")
        return Path(tempfile.mkdtemp(dir=cls._home.name))


def index_folder(path: Path) -> Path:
    """Return where the index of a memory lies."""
    return path.with_name(f"{path.name}-index")


def index_size(path: Path) -> int:
    """Return the bytes of the index of a memory on disk."""
    return sum(
        os.path.getsize(os.path.join(root, name))
        for root, _, names in os.walk(index_folder(path))
        for name in names
    )


def drop_index(path: Path) -> None:
    """Remove the index of a memory; the next search makes it anew."""
    shutil.rmtree(index_folder(path), ignore_errors=True)
