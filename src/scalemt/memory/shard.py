"""One part of the fuzzy index: an inverted index over many sources, in files that are mapped, not read.

Candidates are found by shared words, pairs of words and, in short texts and those of few words, groups of three
letters, the rarest first. They are ordered by the letters that they share, bounded from above by a bag of letters,
and scored by `rapidfuzz.fuzz.ratio` (the Indel similarity, 2 x letters in common / letters of both) until no bound
is above the last hit. Tokens are kept as 32-bit hashes: where two fall together, a candidate more is scored, and
that is all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np

# Scripts without spaces by the character, elsewhere words.
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]|\w+")
_SHORT = 32  # letters of a query up to which groups of three letters are looked up too
_SHORT_KEPT = 64  # letters of a source up to which they are kept: half of a query's likeness needs no longer one
_FEW, _FEW_KEPT = 12, 9  # letters a word from which on words are too few to find a text by, as in one compound
_POSTINGS = 50_000  # read for one query, the rarest tokens first
_CANDIDATES = 2_000  # bounded and perhaps scored
# Of a small part of an index, so that what was added last is found as well as all else.
_LEAST_POSTINGS, _LEAST_CANDIDATES = 5_000, 300
_BLOCK = 64  # scored between two looks at the bound
_BINS = 32  # of the bag of letters
_TOGETHER = 1 << 22  # postings of one range when shards are merged: some 100 MB of memory

_FILES = ("tokens", "starts", "postings", "lengths", "bags", "ids", "offsets")

Hit = tuple[float, int, str]
"""Likeness in percent, id of the unit, its skeleton."""


def tokens(text: str, *, query: bool) -> list[str]:
    """Return what a text is found by, each once."""
    lower = text.lower()
    words = _TOKEN.findall(lower)
    found = [*words, *(f"{one} {other}" for one, other in pairwise(words))]
    short, few = (_SHORT, _FEW) if query else (_SHORT_KEPT, _FEW_KEPT)
    if len(text) <= short or len(text) > few * len(words):
        padded = f" {lower} "
        # The sign in front keeps them apart from words of three letters.
        found += [f"\0{padded[i : i + 3]}" for i in range(len(padded) - 2)]
    return list(dict.fromkeys(found))


def _hashed(token: str) -> int:
    return crc32(token.encode(errors="surrogatepass"))


def _bag(text: str) -> Any:
    import numpy as np

    letters = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), np.uint32)
    return np.minimum(np.bincount(letters & (_BINS - 1), minlength=_BINS), 255)


class Shard:
    """An index over some units, read from a folder that `build` or `merge` wrote.

    Args:
        folder: with the files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return len(self._arrays["ids"])

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        import numpy as np

        # Plain arrays over the mapped files: `memmap` itself is slow to index.
        return {name: np.asarray(np.load(self.folder / f"{name}.npy", mmap_mode="r")) for name in _FILES}

    @cached_property
    def _texts(self) -> memoryview:
        import numpy as np

        mapped: Any = np.memmap(self.folder / "texts.bin", np.uint8, "r")
        return memoryview(mapped)

    @cached_property
    def _sums(self) -> Any:
        """What has been found so far of each unit; all zero between two searches."""
        import numpy as np

        return np.zeros(len(self), np.float32)

    def open(self) -> Shard:
        """Map all files, which may then be removed, and return the shard.

        Raises:
            OSError: one is missing.
            ValueError: one is not what was written.
        """
        arrays = self._arrays
        units = len(arrays["ids"])
        whole = len(arrays["starts"]) == len(arrays["tokens"]) + 1 and len(arrays["offsets"]) == units + 1
        whole = whole and arrays["bags"].shape == (units, _BINS) and len(arrays["lengths"]) == units
        if not (units and whole and arrays["starts"][-1] == len(arrays["postings"])):
            raise ValueError("the arrays do not belong together")
        if len(self._texts) != max(1, arrays["offsets"][-1]):
            raise ValueError("texts are missing")
        return self

    def texts(self, places: Any) -> list[str]:
        """Return the skeletons at places."""
        starts, ends = self._arrays["offsets"][places].tolist(), self._arrays["offsets"][places + 1].tolist()
        texts = self._texts
        return [str(texts[start:end], "utf-8", "surrogatepass") for start, end in zip(starts, ends, strict=True)]

    def search(self, text: str, limit: int, floor: float, share: float = 1.0) -> list[Hit]:
        """Return the units most like a skeleton, best first, the newest of equals first.

        Args:
            text: a skeleton.
            limit: the most to return.
            floor: the least likeness, in percent.
            share: of an index in several parts, how much of it this is: what may be read is shared out.
        """
        import numpy as np

        places = self._candidates(text, floor, share)
        if not len(places):
            return []
        lengths = self._arrays["lengths"][places]
        apart = np.abs(self._arrays["bags"][places].astype(np.int16) - _bag(text).astype(np.int16)).sum(axis=1)
        bounds = 100.0 * (1.0 - apart / (len(text) + lengths))
        order = np.argsort(-bounds, kind="stable")
        return self._scored(text, places[order], bounds[order], limit, floor)

    def _scored(self, text: str, places: Any, bounds: Any, limit: int, floor: float) -> list[Hit]:
        from rapidfuzz import fuzz, process

        hits: list[Hit] = []
        least = floor
        for start in range(0, len(places), _BLOCK):
            if bounds[start] < least:
                break
            block = places[start : start + _BLOCK]
            for found, score, index in process.extract(
                text, self.texts(block), scorer=fuzz.ratio, limit=limit, score_cutoff=least
            ):
                hits.append((score, int(self._arrays["ids"][block[index]]), found))
            hits.sort(key=lambda hit: (-hit[0], -hit[1]))
            del hits[limit:]
            least = max(least, hits[-1][0]) if len(hits) == limit else least
        return hits

    def _candidates(self, text: str, floor: float, share: float) -> Any:
        """Return the places of units that may be alike: those that share most letters, in tokens."""
        import numpy as np

        sums, parts = self._sums, []
        for weight, postings in self._postings(text, max(_LEAST_POSTINGS, round(_POSTINGS * share))):
            before = sums[postings]
            parts.append(postings[before == 0])  # each place once: where it is seen first
            sums[postings] = before + weight
        if not parts:
            return np.empty(0, np.int64)
        places = np.concatenate(parts)
        lengths = self._arrays["lengths"][places]
        # A ratio of f needs 2 x the shorter / both >= f.
        least = floor / 100
        low, high = len(text) * least / (2 - least), len(text) * (2 - least) / max(least, 0.01)
        fit = (lengths >= low) & (lengths <= high)
        near = places[fit]
        # Of equals the newest are kept.
        scores = sums[near] / (len(text) + lengths[fit]) + near * 1e-14
        sums[places] = 0
        most = max(_LEAST_CANDIDATES, round(_CANDIDATES * share))
        if len(near) > most:
            near = near[np.argpartition(scores, len(near) - most)[-most:]]
        return np.sort(near)[::-1]

    def _postings(self, text: str, most: int) -> list[tuple[float, Any]]:
        import numpy as np

        arrays = self._arrays
        weights: dict[int, float] = {}
        for token in tokens(text, query=True):
            weights.setdefault(_hashed(token), len(token))
        asked = np.array(list(weights), np.uint32)
        rows = np.searchsorted(arrays["tokens"], asked)
        known = rows < len(arrays["tokens"])
        known[known] &= arrays["tokens"][rows[known]] == asked[known]
        starts = arrays["starts"]
        lists = sorted(
            (int(starts[row + 1] - starts[row]), weights[int(token)], int(starts[row]))
            for row, token in zip(rows[known].tolist(), asked[known].tolist(), strict=True)
        )
        chosen: list[tuple[float, Any]] = []
        read = 0
        for count, weight, start in lists:
            if chosen and read + count > most:
                break
            chosen.append((weight, arrays["postings"][start : start + count]))
            read += count
        return chosen


def build(folder: Path, sources: Iterable[tuple[int, str]]) -> None:
    """Write the index of ids and skeletons into an empty folder; some 40 bytes a word are needed meanwhile."""
    from array import array

    import numpy as np

    packed, ids, lengths, offsets = array("Q"), array("q"), array("i"), array("q", [0])
    bags = bytearray()
    with (folder / "texts.bin").open("wb") as out:
        for place, (number, text) in enumerate(sources):
            packed.extend((_hashed(token) << 32) | place for token in tokens(text, query=False))
            data = text.encode(errors="surrogatepass")
            out.write(data)
            ids.append(number)
            lengths.append(len(text))
            offsets.append(offsets[-1] + len(data))
            bags += _bag(text).astype(np.uint8).tobytes()
        if not offsets[-1]:
            out.write(b"\0")  # a file without content cannot be mapped
    arrays = {
        "lengths": np.array(lengths, np.int32),
        "bags": np.frombuffer(bytes(bags), np.uint8).reshape(-1, _BINS),
        "ids": np.array(ids, np.int64),
        "offsets": np.array(offsets, np.int64),
    }
    # Sorted where it lies: a copy would be the largest thing here.
    pairs = np.frombuffer(packed, np.uint64) if packed else np.empty(0, np.uint64)
    _write(folder, [pairs], len(pairs), {name: [array] for name, array in arrays.items()})


def merge(folder: Path, shards: Sequence[Shard]) -> None:
    """Write one index of several into an empty folder, without looking at a text again.

    Tokens are taken in ranges of few enough postings, so that the memory needed hardly grows with the shards.
    """
    import numpy as np

    held = [shard._arrays for shard in shards]
    ends = np.cumsum([0, *(item["offsets"][-1] for item in held)])
    with (folder / "texts.bin").open("wb") as out:
        for shard in shards:
            out.write(shard._texts[: shard._arrays["offsets"][-1]])
    parts = {name: [item[name] for item in held] for name in ("lengths", "bags", "ids")}
    moved = [item["offsets"][:-1] + end for item, end in zip(held, ends, strict=False)]
    total = sum(len(item["postings"]) for item in held)
    _write(folder, _ranges(held, total), total, {**parts, "offsets": [*moved, ends[-1:]]})


def _ranges(held: Sequence[dict[str, Any]], total: int) -> Iterator[Any]:
    """Yield the tokens of several indexes with the places of their units in one, a range of tokens at a time."""
    import numpy as np

    firsts = np.cumsum([0, *(len(item["ids"]) for item in held)]).astype(np.uint64)
    count = 1 + total // _TOGETHER
    # Tokens are hashes, which lie evenly.
    bounds = np.linspace(0, 2**32, count + 1).astype(np.uint64)
    for low, high in pairwise(bounds):
        parts = []
        for item, first in zip(held, firsts, strict=False):
            begin, end = np.searchsorted(item["tokens"], [low, high])
            starts = item["starts"][begin : end + 1]
            tokens = np.repeat(item["tokens"][begin:end].astype(np.uint64) << np.uint64(32), np.diff(starts))
            parts.append(tokens | (item["postings"][starts[0] : starts[-1]].astype(np.uint64) + first))
        yield np.concatenate(parts)


def _write(folder: Path, ranges: Iterable[Any], total: int, parts: dict[str, Sequence[Any]]) -> None:
    """Write the files of a shard.

    Args:
        folder: an empty one.
        ranges: tokens and places in one number each; each range behind the other.
        total: how many numbers there are.
        parts: the other arrays, each in pieces.
    """
    import numpy as np

    tokens, starts, done = [], [], 0
    with (folder / "postings.npy").open("wb") as out:
        _header(out, np.dtype(np.uint32), (total,))
        for packed in ranges:
            packed.sort()
            high = (packed >> np.uint64(32)).astype(np.uint32)
            first = np.flatnonzero(np.diff(high, prepend=~high[:1]))
            tokens.append(high[first])
            starts.append(first + done)
            done += len(packed)
            out.write(packed.astype(np.uint32).data)
    whole = {**parts, "tokens": tokens, "starts": [*starts, np.array([total], np.int64)]}
    for name, pieces in whole.items():
        with (folder / f"{name}.npy").open("wb") as out:
            length = sum(len(piece) for piece in pieces)
            _header(out, pieces[0].dtype, (length, *pieces[0].shape[1:]))
            for piece in pieces:
                out.write(np.ascontiguousarray(piece).data)


def _header(out: IO[bytes], kind: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Write the beginning of a `.npy` file whose content is written piece by piece."""
    import numpy as np

    about = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, about)
