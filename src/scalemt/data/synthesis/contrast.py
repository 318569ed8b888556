"""Translations beside faulty versions of them, from which models learn to leave nothing out and put nothing in.

OVERMISS (Chen et al., arXiv 2308.12674): of each pair one version with something added ("over") and one with
something left out ("miss"), as a contrastive instruction. How the paper made its own was not read; here a
generalist is asked, and what it did is looked at, or words are moved by rule. The items follow the authors' code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from random import Random
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from scalemt import languages
from scalemt.data.reading import Source, read
from scalemt.data.synthesis.asking import chat_prompt, fault_of, labelled, said, template_of, text_of
from scalemt.data.synthesis.base import Kind, Made, Request, Setting, origin_of
from scalemt.data.tables import below
from scalemt.memory.units import Unit
from scalemt.methods.agents.asking import read_object
from scalemt.types import Completion, Draft, Pair, Prompt

VERSIONS = ("over", "miss")
"""Something is added; something is left out."""

_LEAST = 3  # words that are added or left out
_SLIP = 1  # words that may differ beside
_MOST = 0.6  # share of the words that may go
_END = re.compile(r"[.!?…。！？]+[\"'”»)]*$")  # signs of East Asian languages too


class Contrast(Kind):
    """Faulty versions of pairs.

    Args:
        corpus: files of pairs (one file, or two of parallel lines with a comma between); they go through the
            chain before anybody is asked about them.
        by: who makes the versions: the generalist, or a rule, which needs none. A rule cuts a stretch of words
            out, and puts in a stretch of another target.
        most: pairs to take.
    """

    name: ClassVar[str] = "contrast"

    corpus: Annotated[tuple[str, ...], Field(min_length=1)]
    by: Literal["generalist", "rules"] = "generalist"
    most: Annotated[int, Field(ge=1)] | None = None

    @property
    def asks(self) -> bool:
        """Whether a generalist makes the versions."""
        return self.by == "generalist"

    @property
    def after_filters(self) -> bool:
        """Yes: nobody is to be asked about pairs that are dropped."""
        return True

    @property
    def files(self) -> tuple[str, ...]:
        """The corpora."""
        return tuple(file for names in self.corpus for file in names.split(","))

    def placed(self, folder: Path) -> Kind:
        """See `Kind`."""
        corpus = tuple(",".join(below(folder, file) for file in names.split(",")) for names in self.corpus)
        return self.model_copy(update={"corpus": corpus})

    def inputs(self, pair: Pair) -> list[Source]:
        """Return the corpora for the chain."""
        return [Source(tuple(names.split(",")), *pair) for names in self.corpus]

    def check(self, pair: Pair) -> None:
        """See `Kind`."""
        for source in self.inputs(pair):
            source.check()

    def requests(self, setting: Setting) -> Iterator[Request]:
        """See `Kind`."""
        before = ""
        for number, unit in enumerate(self._units(setting.pair)):
            if number == self.most:
                return
            prompt = self._prompt(unit, setting) if self.asks else None
            yield Request(number, prompt, setting.seed, (unit, before))
            before = unit.target

    def read(self, request: Request, answer: Completion | None, setting: Setting) -> Made:
        """See `Kind`; of a pair three units come: itself, and the versions, each with its name as the note."""
        unit, other = request.about
        if answer is None:
            versions = _by_rule(unit.target, other, Random(f"{setting.seed}:{request.number}"))  # noqa: S311
        elif why := fault_of(answer):
            return Made(faults=[why])
        else:
            versions = self._versions(answer, setting)
        made = Made()
        kept = {name: text for name, text in versions.items() if _is_version(name, unit.target, text)}
        made.faults = [f"{name}: not what was asked for" for name in VERSIONS if name not in kept]
        if kept:
            told = {"by": setting.maker or "rules", "of": unit.origin}
            if answer is not None:
                told |= {"template": template_of("contrast", setting.teller).signature}
            right = replace(unit, origin=origin_of(self.name, setting, **told, seed=request.seed), note="right")
            made.units = [right, *(replace(right, target=text, note=name) for name, text in kept.items())]
        return made

    def _units(self, pair: Pair) -> Iterator[Unit]:
        for source in self.inputs(pair):
            yield from read(source, Counter(), keep_places=True)

    def _prompt(self, unit: Unit, setting: Setting) -> Prompt:
        if setting.teller == "chat":
            return chat_prompt("contrast", {"source": unit.source, "target": unit.target}, setting.pair)
        shown = [Draft(unit.target)]
        return template_of("contrast", "base").render(unit.source, shown, (), setting.pair)

    def _versions(self, answer: Completion, setting: Setting) -> dict[str, str]:
        if setting.teller == "base":
            lines = labelled(said(answer), template_of("contrast", "base"), setting.pair)
            return dict(zip(VERSIONS, lines, strict=False))
        told = read_object(answer) or {}
        return {name: text for name in VERSIONS if (text := text_of(told.get(name)))}


def _is_version(name: str, target: str, text: str) -> bool:
    """Whether a text is a target with words added, or left out, and hardly anything else."""
    added, removed = _changes(target, text)
    if name == "over":
        return added >= _LEAST and removed <= _SLIP
    return added <= _SLIP and _LEAST <= removed <= _MOST * len(target.split())


def _changes(one: str, other: str) -> tuple[int, int]:
    """Return how many words the other has more, and how many it lacks; the signs around them do not count."""
    left, right = ([word.strip(".,;:!?\"'").casefold() for word in text.split()] for text in (one, other))
    added = removed = 0
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind != "equal":
            removed, added = removed + b - a, added + d - c
    return added, removed


def _by_rule(target: str, other: str, draws: Random) -> dict[str, str]:
    """Return versions made of words: of another target some are put in, of this one some are cut out."""
    end = _END.search(target)
    tail = end[0] if end else ""
    words = target[: len(target) - len(tail)].split()
    lent = _END.sub("", other).split()
    made = {}
    if len(lent) >= _LEAST and words:
        count = draws.randint(_LEAST, min(len(lent), 2 * _LEAST))
        start = draws.randrange(len(lent) - count + 1)
        at = draws.choice([place for place in range(1, len(words) + 1) if place == len(words) or
                           words[place - 1].endswith((",", ";", ":"))])  # fmt: skip
        made["over"] = " ".join([*words[:at], *lent[start : start + count], *words[at:]]) + tail
    most = min(int(_MOST * len(words)), 3 * _LEAST)
    if most >= _LEAST and len(words) > _LEAST + 1:
        count = draws.randint(_LEAST, most)
        start = draws.randint(1, len(words) - count)
        made["miss"] = " ".join([*words[:start], *words[start + count :]]).rstrip(",;:") + tail
    return made


def records_of(units: Iterator[Unit]) -> Iterator[dict[str, Any]]:
    """Yield one object a pair: `source`, `target` (the right one), `over`, `miss` where there are, and provenance.

    Read as a corpus, such lines give the right pairs alone.
    """
    made: dict[str, Any] = {}
    for unit in units:
        if unit.note == "right":
            if made:
                yield made
            made = {"source": unit.source, "target": unit.target, "source_language": unit.pair.source,
                    "target_language": unit.pair.target, "origin": unit.origin}  # fmt: skip
        else:
            made[unit.note] = unit.target
    if made:
        yield made


def item_of(record: dict[str, Any]) -> dict[str, str] | None:
    """Return the contrastive instruction of a record as OVERMISS has it, None where a version lacks.

    At inference the text in the first `<p>…</p>` of an answer is the translation.
    """
    if not all(record.get(name) for name in VERSIONS):
        return None
    source, target = (languages.name(record[name]) for name in ("source_language", "target_language"))
    faulty = "\n".join(f"<v>{_FAULTS[name]}: {record[name]}</v>" for name in VERSIONS)
    return {
        "instruction": (
            f"A {source} sentence is given. Translations of it into {target} may say more than it does, or leave "
            f"some of it out. Give the {target} translation that does neither."
        ),
        "input": f"<p>{record['source']}</p>",
        "hint": "The faithful translation comes first, faulty ones follow it.",
        "response": f"<p>{record['target']}</p>\n{faulty}",
    }


_FAULTS = {"over": "over-translation", "miss": "miss-translation"}


def labels(record: dict[str, Any]) -> Sequence[str]:
    """Return the versions that a record has."""
    return [name for name in VERSIONS if record.get(name)]
