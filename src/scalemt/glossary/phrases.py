"""Pairs of phrases that translate each other, from sentence pairs whose words are aligned.

Words are aligned by fast_align (Dyer, Chahuneau and Smith 2013) in both directions, joined by grow-diag-final-and;
phrase pairs are those consistent with the alignment (Koehn, Och and Marcu 2003).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from scalemt.errors import MissingExtraError

Ids = tuple[int, ...]
PhrasePair = tuple[Ids, Ids]

# As in `scalemt.evaluation.alignment.fast_align`, which says why.
_OPTIONS = {"favor_diagonal": True, "variational_bayes": True, "optimize_tension": False}


class Side(NamedTuple):
    """One side of a sentence pair: what stands for its words, and which of them may begin and which end a phrase.

    Words that no phrase may hold, such as punctuation, have the number 0 in `words`; `all` has numbers for them.
    """

    all: Ids
    words: Ids
    starts: Sequence[bool]
    ends: Sequence[bool]


def align(pairs: Sequence[tuple[Ids, Ids]]) -> Iterator[list[tuple[int, int]]]:
    """Yield the links of each sentence pair, from a model trained on all of them.

    Args:
        pairs: the words of both sides as numbers above 0; no side is empty.

    Raises:
        MissingExtraError: systran-align is not installed.
    """
    model = _trained(pairs)
    for source, target in pairs:
        found = model.align([str(word) for word in source], [str(word) for word in target])
        yield [(int(one), int(other)) for one, other in found["alignments"]]


def _trained(pairs: Sequence[tuple[Ids, Ids]]) -> Any:
    try:
        import systran_align
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingExtraError("Finding terms in translated texts", "evaluation") from error
    with TemporaryDirectory(prefix="scalemt-terms-") as folder:
        text, forward, backward = (str(Path(folder, name)) for name in ("text", "forward", "backward"))
        with Path(text).open("w", encoding="ascii") as file:
            for source, target in pairs:
                file.write(f"{' '.join(map(str, source))} ||| {' '.join(map(str, target))}\n")
        # With several threads the counts are summed in the order in which they come in, and links change.
        with threadpool_limits(1, user_api="openmp"):
            systran_align.generate_alignment_probabilities(text, forward, backward, **_OPTIONS)
        return systran_align.Aligner(forward, backward)


def phrase_pairs(
    source: Side, target: Side, links: Iterable[tuple[int, int]], longest: tuple[int, int]
) -> Iterator[PhrasePair]:
    """Yield the phrase pairs of one sentence pair, each as often as it occurs.

    Args:
        source, target: the sides.
        links: pairs of places.
        longest: most words of a phrase on either side.
    """
    forward, backward = _reach(links, len(source.all), len(target.all))
    for start, reach in enumerate(forward):
        if reach is None or not source.starts[start]:
            continue
        low, high = reach
        for end in range(start, min(len(source.words), start + longest[0])):
            if not source.words[end]:
                break
            linked = forward[end]
            if linked is None:
                continue
            low, high = min(low, linked[0]), max(high, linked[1])
            if source.ends[end] and _is_consistent(backward, low, high, start, end):
                held = _trimmed(target, low, high, longest[1])
                if held:
                    yield source.words[start : end + 1], held


Reach = list[tuple[int, int] | None]


def _reach(links: Iterable[tuple[int, int]], sources: int, targets: int) -> tuple[Reach, Reach]:
    """Return for each word the first and the last word that it is linked with."""
    forward: Reach = [None] * sources
    backward: Reach = [None] * targets
    for one, other in links:
        for reach, place, value in ((forward, one, other), (backward, other, one)):
            held = reach[place]
            reach[place] = (min(held[0], value), max(held[1], value)) if held else (value, value)
    return forward, backward


def _is_consistent(backward: Reach, low: int, high: int, start: int, end: int) -> bool:
    return all(reach is None or (start <= reach[0] and reach[1] <= end) for reach in backward[low : high + 1])


def _trimmed(target: Side, low: int, high: int, longest: int) -> Ids:
    """Return the target phrase without what it may not begin or end with; empty where it is none."""
    while low <= high and not target.starts[low]:
        low += 1
    while high >= low and not target.ends[high]:
        high -= 1
    held = target.words[low : high + 1]
    return held if len(held) <= longest and 0 not in held else ()


def count_phrases(sides: Iterable[Side], wanted: set[Ids]) -> Counter[Ids]:
    """Return how often each of the phrases wanted occurs, where a phrase may begin and end."""
    lengths = sorted({len(phrase) for phrase in wanted})
    counts: Counter[Ids] = Counter()
    for side in sides:
        for length in lengths:
            for start in range(len(side.words) - length + 1):
                phrase = side.words[start : start + length]
                if side.starts[start] and side.ends[start + length - 1] and phrase in wanted:
                    counts[phrase] += 1
    return counts
