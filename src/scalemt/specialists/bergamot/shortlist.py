"""The lexical shortlist: which target tokens are worth scoring for a given source (marian-dev, `shortlist.cpp`).

A binary file holds, little-endian: magic, checksum, firstNum, bestNum, size of wordToOffset, size of shortLists
(u64 each); wordToOffset (u64); shortLists (u32). Source token `w` may become the target tokens
`shortLists[wordToOffset[w]:wordToOffset[w + 1]]`; the first `firstNum` tokens are always allowed. Some published
files have fewer offsets than the vocabulary has tokens: the last source tokens then have no list.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scalemt.errors import ModelError

MAGIC = 0xF11A48D5013417F5
_HEADER = struct.Struct("<6Q")

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shortlist:
    """Candidate target tokens by source token; `shared` says that both sides use one vocabulary."""

    first: int
    offsets: I64
    targets: I64
    vocabulary: int
    shared: bool

    def candidates(self, source: Sequence[int]) -> I64:
        """Return the sorted target ids that are allowed for a source (its ids, end of sentence included).

        With a shared vocabulary every source token may also be copied. As Marian does, the set is filled up to
        a multiple of eight with the next frequent tokens: its int8 kernels need that, and leaving those out
        would change results.
        """
        allowed = np.zeros(self.vocabulary, dtype=np.bool_)
        allowed[: self.first] = True
        if self.shared:
            allowed[list(source)] = True
        for token in set(source):
            if token + 1 < len(self.offsets):
                allowed[self.targets[self.offsets[token] : self.offsets[token + 1]]] = True
        missing = -int(allowed.sum()) % 8
        if missing:
            allowed[self.first + np.flatnonzero(~allowed[self.first :])[:missing]] = True
        return np.flatnonzero(allowed)


def read_shortlist(path: Path, vocabulary: int, *, shared: bool) -> Shortlist:
    """Read a binary shortlist file.

    Args:
        path: the `lex*.s2t.bin` file.
        vocabulary: number of target tokens of the model.
        shared: whether source and target use the same vocabulary.

    Raises:
        ModelError: the file is missing, cut off, not of the format, or made for another vocabulary.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"The shortlist file {path} cannot be read: {error.strerror}.") from error
    if len(data) < _HEADER.size or _HEADER.unpack_from(data)[0] != MAGIC:
        raise ModelError(
            f"{path} is not a binary lexical shortlist of Marian (its first 8 bytes are "
            f"{data[:8].hex() or 'missing'}). Fetch it again, or switch the shortlist off."
        )
    _, _, first, _, offset_count, target_count = _HEADER.unpack_from(data)
    needed = _HEADER.size + 8 * offset_count + 4 * target_count
    if len(data) < needed or not offset_count:
        raise ModelError(f"The shortlist {path} has {len(data)} bytes where its header promises {needed}.")
    offsets = np.frombuffer(data, "<u8", offset_count, _HEADER.size).astype(np.int64)
    targets = np.frombuffer(data, "<u4", target_count, _HEADER.size + 8 * offset_count).astype(np.int64)
    rising = bool((np.diff(offsets) >= 0).all()) and offsets[0] >= 0 and offsets[-1] <= target_count
    if not rising or (target_count and int(targets.max()) >= vocabulary):
        raise ModelError(
            f"The shortlist {path} does not fit a vocabulary of {vocabulary} tokens. "
            "Use the file that belongs to the model, or switch the shortlist off."
        )
    return Shortlist(min(first, vocabulary), offsets, targets, vocabulary, shared)


def write_shortlist(path: Path, shortlist: Shortlist, best: int = 50) -> None:
    """Write a binary shortlist file that `read_shortlist` reads, and Marian too.

    Args:
        path: the `lex*.s2t.bin` file.
        shortlist: what is written.
        best: how many tokens a word was given when the list was made; told in the header, used by nobody.
    """
    offsets, targets = shortlist.offsets.astype("<u8"), shortlist.targets.astype("<u4")
    told = struct.pack("<4Q", shortlist.first, best, len(offsets), len(targets))
    body = told + offsets.tobytes() + targets.tobytes()
    path.write_bytes(struct.pack("<2Q", MAGIC, _checksum(body)) + body)


def _checksum(body: bytes) -> int:
    """Marian's `util::hashMem`: boost's `hash_combine` over all whole words of 64 bits."""
    most, found = 2**64 - 1, 0
    for word in np.frombuffer(body[: len(body) // 8 * 8], "<u8").tolist():
        found ^= (word + 0x9E3779B9 + ((found << 6) & most) + (found >> 2)) & most
    return found
