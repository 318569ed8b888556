"""fast_align (Dyer, Chahuneau and Smith 2013), trained on the very texts that are to be aligned.

The library is `systran-align`, a build of fast_align that joins both directions by grow-diag-final-and (Koehn et
al. 2005). Words are trained on in lower case and without the punctuation around them; links are between the
words as they stand. On FLORES devtest, against the entries of the FreeDict dictionaries, that raises F1 of the
links from .70 to .78 (English-Portuguese) and from .57 to .69 (English-Spanish); `benchmarks/characteristics.py`
shows what it does to the measures of literalness.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scalemt.errors import ConfigurationError, InputError, MissingExtraError
from scalemt.evaluation.alignment.base import Alignment, Words
from scalemt.evaluation.alignment.words import bare, by_character, split
from scalemt.lines import read_lines
from scalemt.types import Pair

# Fixed diagonal tension 4: of all settings the one whose links agreed best with the dictionaries. Learning the
# tension pulls the links of a thousand sentences onto the diagonal, which is what NM measures.
_OPTIONS = {"favor_diagonal": True, "variational_bayes": True, "optimize_tension": False}

# Of one pair of texts. Two texts of 3,000 different words have 9 million pairs and take 800 MB to train on; a text
# of 20,000 words takes half a minute, and one of 32,000 the process down.
_MOST_PAIRS, _MOST_WORDS = 4_000_000, 5_000

Ids = tuple[int, ...]


class FastAlign:
    """A reparameterised IBM model 2 in both directions, symmetrised; the same links in every run.

    Args:
        argument: "SRC,TGT": two files of parallel lines to train on besides the texts that are aligned.
        pair: the languages of those files, where they are not written with spaces.
        normalise: train on words without case and surrounding punctuation.

    Raises:
        MissingExtraError: systran-align is not installed.
        ConfigurationError: the argument is not two paths.
        InputError: the files cannot be read, or differ in their numbers of lines.
    """

    name = "fast-align"

    def __init__(self, argument: str = "", *, pair: Pair | None = None, normalise: bool = True) -> None:
        _library()
        self._normalise = normalise
        self._extra = _read_pair(argument, pair) if argument else []
        self._vocabularies: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._model: Any = None
        self._fitted_on = ""

    @property
    def signature(self) -> str:
        """Library and version, symmetrisation, form of the words, and number and hash of the training pairs."""
        form = "bare" if self._normalise else "raw"
        return f"fast-align[{_version()},gdfa,words:{form},fit:{self._fitted_on or 'none'}]"

    def fit(self, sources: Sequence[Words], targets: Sequence[Words]) -> None:
        """Train on N pairs of texts and on the files of the constructor; the order of the pairs does not matter.

        Pairs with an empty side teach nothing and are left out.

        Raises:
            InputError: two texts are so long that their word pairs would fill the memory.
        """
        pairs = [*zip(sources, targets, strict=True), *self._extra]
        for source, target in pairs:
            _refuse_too_long(source, target)
        texts = sorted((self._forms(source), self._forms(target)) for source, target in pairs if source and target)
        self._vocabularies = _numbered(source for source, _ in texts), _numbered(target for _, target in texts)
        self._model = _trained([(self._ids(source, 0), self._ids(target, 1)) for source, target in texts])
        self._fitted_on = f"{len(texts)}.{sha256(repr(texts).encode()).hexdigest()[:8]}" if texts else ""

    def align(self, sources: Sequence[Words], targets: Sequence[Words], system: str = "") -> list[Alignment]:
        """Return the links of N pairs of texts; trains on them first where `fit` was not called.

        Raises:
            InputError: two texts are too long to be aligned.
        """
        if self._model is None:
            self.fit(sources, targets)
        return [self._one(source, target) for source, target in zip(sources, targets, strict=True)]

    def score(self, sources: Sequence[Words], targets: Sequence[Words], least: int = 2) -> list[float | None]:
        """Return how likely N pairs of texts are under the fitted model: the mean log probability of a word.

        Both directions count alike. Words that were not trained on are left out: of them the model knows nothing,
        and its floor for them would say that the pair is wrong.

        Args:
            sources, targets: N pairs, scored by what `fit` learnt.
            least: known words on each side below which there is no score (None), as there is for a pair that is
                too long to be aligned.
        """
        return [self._score(*texts, least) for texts in zip(sources, targets, strict=True)]

    def _score(self, source: Words, target: Words, least: int) -> float | None:
        sides = [[number for number in self._ids(self._forms(words), side) if number] for side, words in
                 enumerate((source, target))]  # fmt: skip
        counts = [len(side) for side in sides]
        if self._model is None or min(counts) < max(1, least) or max(counts) > _MOST_WORDS:
            return None
        if counts[0] * counts[1] > _MOST_PAIRS:
            return None
        found = self._model.align(*([str(number) for number in side] for side in sides))
        return (float(found["forward_log_prob"]) / counts[1] + float(found["backward_log_prob"]) / counts[0]) / 2

    def _one(self, source: Words, target: Words) -> Alignment:
        # Never handed to the library with an empty side: it would take the process down.
        if not source or not target or self._model is None:
            return ()
        _refuse_too_long(source, target)
        left, right = self._ids(self._forms(source), 0), self._ids(self._forms(target), 1)
        found = self._model.align([str(number) for number in left], [str(number) for number in right])
        return tuple(sorted({(int(i), int(j)) for i, j in found["alignments"]}))

    def _forms(self, words: Words) -> tuple[str, ...]:
        return tuple(map(bare, words)) if self._normalise else tuple(words)

    def _ids(self, words: Iterable[str], side: int) -> Ids:
        known = self._vocabularies[side]
        return tuple(known.get(word, 0) for word in words)


def _refuse_too_long(source: Words, target: Words) -> None:
    if len(source) * len(target) > _MOST_PAIRS or max(len(source), len(target)) > _MOST_WORDS:
        raise InputError(
            f"A source of {len(source)} words and an output of {len(target)} are too long to be aligned (the "
            f"source begins {' '.join(source[:5])[:60]!r}). Word alignment is made for sentences: cut the texts."
        )


def _numbered(texts: Iterable[Words]) -> dict[str, int]:
    """Number the words from 1; 0 is for those that were not trained on.

    The library reads words from a text file with separators of its own: numbers hold none of them.
    """
    return {word: number for number, word in enumerate(sorted({word for text in texts for word in text}), 1)}


def _trained(pairs: Sequence[tuple[Ids, Ids]]) -> Any:
    if not pairs:
        return None
    library = _library()
    with TemporaryDirectory(prefix="scalemt-align-") as folder:
        text, forward, backward = (str(Path(folder, name)) for name in ("text", "forward", "backward"))
        rows = (f"{' '.join(map(str, source))} ||| {' '.join(map(str, target))}\n" for source, target in pairs)
        Path(text).write_text("".join(rows), "ascii")
        with _one_thread():
            library.generate_alignment_probabilities(text, forward, backward, **_OPTIONS)
        return library.Aligner(forward, backward)


def _one_thread() -> Any:
    # With several threads the counts are summed in the order in which they come in, and links change from run
    # to run.
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="openmp")


def _library() -> Any:
    try:
        import systran_align
        import threadpoolctl  # noqa: F401 needed later, and better missed now
    except ImportError as error:
        raise MissingExtraError("The aligner `fast-align`", "evaluation") from error
    return systran_align


def _version() -> str:
    try:
        return f"systran-{version('systran-align')}"
    except PackageNotFoundError:  # built from source, without metadata
        return "systran"


def _read_pair(argument: str, pair: Pair | None) -> list[tuple[Words, Words]]:
    paths = argument.split(",")
    if len(paths) != 2 or not all(paths):
        raise ConfigurationError(
            f"fast-align takes two files of parallel lines, written fast-align:SRC,TGT; found {argument!r}."
        )
    sources, targets = (read_lines(path) for path in paths)
    if len(sources) != len(targets):
        raise InputError(
            f"{paths[0]} has {len(sources)} lines and {paths[1]} {len(targets)}: they are not parallel. "
            "Give two files with the same number of lines."
        )
    left, right = (by_character(tag) for tag in pair or ("", ""))
    return [(split(source, left), split(target, right)) for source, target in zip(sources, targets, strict=True)]
