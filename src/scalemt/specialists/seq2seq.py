"""What the `ctranslate2` and `transformers` specialists share: pairs, batches, limits, words, scores.

Both decode first and then score what was decoded by one forced pass. So confidences are always those of the
model's own distribution: neither the temperature nor the top-k cut of a sampler, nor a beam, changes them.
(SCALE's released code, `translate_flores200_nllb.py`, reads them from the sampler's truncated scores.)
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from scalemt import languages
from scalemt.errors import ConfigurationError, ModelError, NoRoadError, SpecialistError, UnknownLanguageError
from scalemt.fingerprint import exact_fingerprint, fingerprint
from scalemt.huggingface import model_files, read_json
from scalemt.specialists.base import BaseSpecialist, DraftOptions
from scalemt.specialists.confidence import Pairing, shift, words_from_pieces
from scalemt.specialists.families import OPUS_ALIASES, Convention, parse_direction
from scalemt.specialists.pieces import Pieces, readable
from scalemt.text import split_long
from scalemt.types import Draft, Likelihood, Pair

_NAMED_PAIR = re.compile(r"opus-mt-(?:tc-\w+-)?([a-z]{2,3})-([a-z]{2,3})(?![a-z])")
_LANGUAGE_GROUPS = set("mul roa gem sla ine trk afa cel bat zle zls zlw gmq gmw".split())
MOST_TOKENS = 512  # of a source; longer texts are cut: these models saw nothing longer in training
_PART_CHARACTERS = 500
_SPARE_TOKENS = 8  # of an output beyond `max_ratio` times its source, so that one word may become a few


@dataclass(frozen=True, slots=True)
class Row:
    """One text ready for the encoder: its tokens, the tokens forced at the start of the output."""

    source: list[str]
    prefix: list[str]


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Group indices so that rows x longest row stays within a token budget, longest rows first.

    A row longer than the budget gets a batch of its own.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class Settings:
    """What both specialists are configured with; see their docstrings."""

    pairs: Sequence[str] | None
    options: DraftOptions
    pairing: Pairing
    threads: int
    batch_tokens: int

    def __post_init__(self) -> None:
        options = self.options
        if self.pairing not in ("aligned", "shifted"):
            raise ConfigurationError(f"pairing is {self.pairing!r}. Valid choices: aligned, shifted.")
        for name, value, least in (
            ("threads", self.threads, 1),
            ("batch_tokens", self.batch_tokens, 1),
            ("beam", options.beam, 1),
            ("top_k", options.top_k, 0),
            ("seed", options.seed, 0),
        ):
            if value < least:
                raise ConfigurationError(f"{name} is {value}, but must be at least {least}.")
        for name, number in (("temperature", options.temperature), ("max_ratio", options.max_ratio)):
            if not number > 0.0:
                raise ConfigurationError(f"{name} is {number}, but must be above 0.")

    def directions(self) -> list[Pair]:
        """The configured pairs; one alone may be given without a list."""
        pairs = [self.pairs] if isinstance(self.pairs, str) else self.pairs or ()
        return [parse_direction(text) for text in pairs]


class Seq2SeqSpecialist(BaseSpecialist):
    """A specialist over an encoder-decoder folder; subclasses bring `_decode` and `_force`.

    `pairs()` is what was configured, or what a single-pair model says of itself. A multilingual model (NLLB
    has some 40,000 directions) lists none: ask `supports`.

    A text of more than 512 tokens is cut at sentence ends, else at white space, into parts that are drafted one by
    one and joined by a space, words put in a row and scores summed. A draft has at most `max_ratio` tokens for
    each token of its source, and 8 more.

    `Draft.alignment` is empty: no attention of these models is trained to align words, and none was measured. Lost
    spans are put back by likeness of words.
    """

    single_sentence = True

    def __init__(
        self,
        folder: Path,
        convention: Convention,
        pieces: Pieces,
        settings: Settings,
        tokenizer: str | Path | None = None,
    ) -> None:
        self._folder = folder
        self._places = [folder, *([Path(tokenizer).expanduser()] if tokenizer else [])]
        self._convention = convention
        self._pieces = pieces
        self._settings = settings
        self._pairs = self._configured() if settings.pairs is not None else self._own_pairs()

    @cached_property
    def signature(self) -> str:
        """One token with folder, hash of the weights, family, and every setting that can change a draft."""
        options = self._settings.options
        settings = [
            self._folder.name.replace(" ", "_"),
            f"sha256:{fingerprint(self._weights())}",
            self._convention.family.name,
            self._precision(),
            f"beam{options.beam}",
            f"t{options.temperature:g}",
            f"k{options.top_k}",
            f"seed{options.seed}",
            f"ratio{options.max_ratio:g}",
            *([] if self._settings.pairing == "aligned" else [self._settings.pairing]),
        ]
        return f"{self.name}[{';'.join(settings)}]"

    def cache_key(self, pair: Pair) -> str:
        """The signature, the content of all files of model and tokenizer, the options in full, and the library."""
        content = exact_fingerprint(model_files(*self._places))
        return f"{self.signature}|{content}|{self._settings.options}|{self._computed_by()}"

    def pairs(self) -> list[Pair]:
        """The configured directions, or those a bilingual model has; empty for a multilingual one."""
        return list(self._pairs)

    def supports(self, pair: Pair) -> bool:
        """Whether the pair is among the configured ones and the vocabulary has its language tokens."""
        if self._pairs and self.resolve(pair) is None:
            return False
        return not self._convention.missing(pair)

    def score(self, sources: Sequence[str], targets: Sequence[str], pair: Pair) -> list[Likelihood]:
        """The likelihood of `targets[i]` given `sources[i]`, end of sentence included, forced prefix left out.

        Raises:
            NoRoadError: the pair is not covered.
            SpecialistError: the counts differ, a text is too long to be scored at once, or the model failed.
        """
        if len(sources) != len(targets):
            raise SpecialistError(f"{self.name} was given {len(sources)} sources and {len(targets)} targets.")
        if not self.supports(pair):
            raise NoRoadError(self._no_road(pair))
        rows = [self._row(text, pair) for text in sources]
        pieces = [self._pieces.target(text) for text in targets]
        self._check_lengths([row.source for row in rows], pieces)
        log_probs = self._force(rows, pieces)
        return [Likelihood(math.fsum(known), len(known)) for known in log_probs]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        parts = [self._parts(text, pair) for text in texts]
        rows = [row for part in parts for row in part]
        paths = self._decode_all(rows, n)
        flat = [(row, path) for row, several in zip(rows, paths, strict=True) for path in several]
        log_probs = self._force([row for row, _ in flat], [path for _, path in flat])
        pieces = (self._as_draft(path, known, pair) for (_, path), known in zip(flat, log_probs, strict=True))
        drafts = iter([[next(pieces) for _ in range(n)] for _ in rows])
        return [_joined([next(drafts) for _ in part]) for part in parts]

    def _decode_all(self, rows: list[Row], n: int) -> list[list[list[str]]]:
        limits = [math.ceil(self._settings.options.max_ratio * len(row.source)) + _SPARE_TOKENS for row in rows]
        decoded: list[list[list[str]]] = [[] for _ in rows]
        with self._sampling() if n > 1 else nullcontext():
            for batch in token_batches([len(row.source) for row in rows], self._settings.batch_tokens):
                longest = self._cap(max(limits[index] for index in batch))
                outputs = self._decode([rows[index] for index in batch], longest, n)
                for index, paths in zip(batch, outputs, strict=True):
                    # cut to the row's own limit, or a draft would depend on its neighbours in the batch
                    decoded[index] = [path[: limits[index]] for path in paths]
        return decoded

    def _as_draft(self, path: list[str], log_probs: list[float], pair: Pair) -> Draft:
        *probabilities, end = (min(1.0, math.exp(known)) for known in log_probs)
        if self._settings.pairing == "shifted":
            probabilities = shift(probabilities, end)
        specials = self._convention.specials
        words = words_from_pieces(readable(path), probabilities, unknown=specials)
        text = self._pieces.text([piece for piece in path if piece not in specials])
        return Draft(text, words, math.fsum(log_probs), self.name, pair.target)

    def _row(self, text: str, pair: Pair) -> Row:
        source = self._convention.source(text, pair, self._pieces.source, end=self._adds_end)
        return Row(source, self._convention.prefix(pair))

    def _parts(self, text: str, pair: Pair, characters: int = _PART_CHARACTERS) -> list[Row]:
        """The text as one row, or cut into several that the model can take; halved until they fit."""
        row = self._row(text, pair)
        if len(row.source) <= self._most_tokens() or characters < 2:
            return [row]
        parts = [part for part, _ in split_long(text, characters, (), pair.source) if part]
        return [row for part in parts for row in self._parts(part, pair, characters // 2)]

    def _cap(self, limit: int) -> int:
        """The limit, or what the positions leave after decoder start and language token."""
        return min(limit, self._most_tokens() - 3)

    def _check_lengths(self, *sides: list[list[str]]) -> None:
        longest = max((len(tokens) for side in sides for tokens in side), default=0)
        most = self._cap(longest)
        if longest > most:
            raise SpecialistError(
                f"{self.name} was given a text of {longest} tokens to score, but {self._folder.name} takes at "
                f"most {most} at once. Score its sentences one by one."
            )

    def _no_road(self, pair: Pair) -> str:
        if self._pairs and self.resolve(pair) is None:
            return super()._no_road(pair)
        return f"{self.name} ({self._folder.name}) does not cover {pair}. {self._convention.missing(pair)}"

    def _configured(self) -> list[Pair]:
        pairs = self._settings.directions()
        for pair in pairs:
            if missing := self._convention.missing(pair):
                raise ConfigurationError(f"The model in {self._folder} cannot translate {pair}. {missing}")
        return pairs

    def _own_pairs(self) -> list[Pair]:
        """What a model that has no source tokens says of itself, for its source must be known from elsewhere."""
        if self._convention.family.many_sources:
            return []
        source, target = self._stated_languages()
        if source and self._convention.chooses_target:
            return [Pair(source, tag) for tag in self._target_tags() if tag != source]
        if source and target:
            return [Pair(source, target)]
        raise ModelError(
            f"The model in {self._folder} does not say from which language into which it translates. "
            "Say it with `pairs`, for example pairs = ['en->pt']."
        )

    def _target_tags(self) -> list[str]:
        before, after = self._convention.family.mark.split("{}")
        tags: dict[str, None] = {}
        for token in sorted(self._convention.languages):
            code = token.removeprefix(before).removesuffix(after)
            tag = known_tag(OPUS_ALIASES.get(code, code))
            if tag and self._convention.token(tag):
                tags[tag] = None
        return list(tags)

    def _stated_languages(self) -> tuple[str | None, str | None]:
        """Source and target by tokenizer_config.json, else by a folder named like opus-mt-en-pt."""
        config = read_json(self._folder / "tokenizer_config.json")
        stated = [str(config.get(key) or "") for key in ("source_lang", "target_lang")]
        if not any(stated) and (named := _NAMED_PAIR.search(self._folder.name.lower())):
            stated = list(named.groups())
        return known_tag(stated[0]), known_tag(stated[1])

    _adds_end = True

    def _sampling(self) -> AbstractContextManager[object]:
        """A context in which `_decode` samples from a freshly seeded generator."""
        return nullcontext()

    @abstractmethod
    def _precision(self) -> str:
        """The number format of the weights, for the signature."""

    @abstractmethod
    def _computed_by(self) -> str:
        """The libraries with their versions and the device, for the cache."""

    def _most_tokens(self) -> int:
        """Most tokens of one row, for source and output alike."""
        return MOST_TOKENS

    @abstractmethod
    def _weights(self) -> list[Path]:
        """The files whose content decides what is drafted."""

    @abstractmethod
    def _decode(self, rows: list[Row], limit: int, n: int) -> list[list[list[str]]]:
        """Decode one batch: for each row `n` lists of pieces, prefix and `</s>` left out; sampled if n > 1."""

    @abstractmethod
    def _force(self, rows: list[Row], targets: list[list[str]]) -> list[list[float]]:
        """Natural-log probability of each target piece and then of `</s>`, for any number of rows."""


def _joined(parts: list[list[Draft]]) -> list[Draft]:
    """Put the drafts of the parts of one text together, path by path."""
    if len(parts) == 1:
        return parts[0]
    return [
        replace(
            path[0],
            text=" ".join(part.text for part in path if part.text),
            words=tuple(word for part in path for word in part.words),
            score=math.fsum(part.score or 0.0 for part in path),
        )
        for path in zip(*parts, strict=True)
    ]


def known_tag(code: str) -> str | None:
    """The canonical tag of a code that names one language, or None ("roa", "mul" and "" name none)."""
    try:
        return None if not code or code.lower() in _LANGUAGE_GROUPS else languages.parse(code)
    except UnknownLanguageError:
        return None
