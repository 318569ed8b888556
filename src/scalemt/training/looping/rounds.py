"""Train, evaluate, report errors, synthesise where it is weak, and again, until dev stalls.

LLMs-in-the-loop Part 1 (arXiv 2407.12126): language models stand around a small expert model, which translates
alone. Here measures find the weak places, since they are exact where a small model's judgement is not; a
generalist may write the sentences.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from scalemt.data.workfiles import held
from scalemt.errors import InputError, UsageError
from scalemt.folders import data_dir
from scalemt.glossary import Glossary, load_glossary
from scalemt.lines import write_whole
from scalemt.trained import TrainedModels
from scalemt.training.judging import METRICS, scored
from scalemt.training.looping.configuration import Loop
from scalemt.training.looping.reporting import loop_report, round_report
from scalemt.training.looping.synthesising import Synthesiser, around_terms
from scalemt.training.looping.weaknesses import Weaknesses, WeakTerm, find_weaknesses
from scalemt.training.naming import check_specialist_name
from scalemt.training.pairs import Pairs, read_pairs
from scalemt.training.tables import Corpus
from scalemt.training.updating.comparing import Outputs
from scalemt.training.updating.configuration import Scale
from scalemt.training.updating.kinds import Order, trainer_of
from scalemt.training.watching import Silent, Watcher

PACKAGED = "bergamot"


@dataclass(frozen=True, slots=True)
class Round:
    """One round: its number, the model that it ended with, scores by test set, errors, synthesis."""

    number: int
    model: str
    scores: dict[str, dict[str, float]]
    errors: Weaknesses
    synthetic: dict[str, Any] = field(default_factory=dict)

    @property
    def deciding(self) -> float:
        """The score on dev that decides."""
        return self.scores["dev"][METRICS[0]]

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "round": self.number, "model": self.model, "scores": self.scores, "errors": self.errors.as_json(),
            "synthetic": self.synthetic,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """A finished loop: its rounds, number 0 before the first; the best model; why it ended; where reports lie."""

    rounds: tuple[Round, ...]
    best: str
    why: str
    folder: Path


def run_loop(
    loop: Loop,
    *,
    work: str | Path | None = None,
    fresh: bool = False,
    shelf: TrainedModels | None = None,
    watcher: Watcher | None = None,
    synthesiser: Synthesiser = around_terms,
) -> Ended:
    """Go round until dev stalls, and promote the best round.

    Killed at any moment, the same call goes on where it was: rounds that are done are kept in the folder.

    Args:
        loop: what goes round.
        work: folder of rounds and reports; None is `loops/NAME` in the data folder.
        fresh: begin anew; versions that were registered stay.
        shelf: where versions are registered.
        watcher: is told how it goes.
        synthesiser: makes pairs around weak terms.

    Raises:
        UsageError: something cannot be used, or another process works in the folder; the message says what and how
            to mend it.
        PausedError: it cannot go on now; what was done is kept.
    """
    check_specialist_name(loop.name)
    folder = Path(work) if work else data_dir() / "loops" / loop.name
    with held(folder, fresh=fresh):
        _claim(loop, folder)
        return _ended(_Run(loop, folder, shelf, watcher, synthesiser))


def _ended(run: _Run) -> Ended:
    """Go round in a folder that is held."""
    loop = run.loop
    rounds = [run.done(0) or run.measured(0, run.start, {})]
    why = f"{loop.rounds} rounds are done"
    for number in range(1, loop.rounds + 1):
        rounds.append(run.done(number) or run.round(number, rounds))
        if _stalled(rounds, loop):
            why = f"round {number} gained less than {loop.gain:g} chrF++ on dev"
            break
        if number < loop.rounds and not rounds[-1].errors.terms:
            why = "no term is weak any more"
            break
    best = max(rounds, key=lambda one: one.deciding)
    write_whole(run.folder / "report.md", loop_report(loop.name, [one.as_json() for one in rounds], why))
    if best.number:
        run.shelf.promote(loop.name, int(best.model.partition(":")[2]))
    return Ended(tuple(rounds), best.model, why, run.folder)


def _claim(loop: Loop, folder: Path) -> None:
    """Take a folder, or refuse where it holds rounds of another configuration."""
    told = json.dumps(loop.model_dump(exclude={"rounds", "patience", "gain"}), sort_keys=True)
    mark = folder / "loop.json"
    if mark.exists() and mark.read_text("utf-8") != told:
        raise UsageError(
            f"{folder} holds rounds of another configuration. Go on with that one, name another folder with "
            "--work, or begin anew with --fresh."
        )
    write_whole(mark, told)


def _stalled(rounds: list[Round], loop: Loop) -> bool:
    """Whether the last rounds brought nothing over the best one before them."""
    last, before = rounds[-loop.patience :], rounds[: -loop.patience]
    return bool(before) and max(one.deciding for one in last) < max(one.deciding for one in before) + loop.gain


class _Run:
    """What the rounds of one loop share."""

    def __init__(
        self,
        loop: Loop,
        folder: Path,
        shelf: TrainedModels | None,
        watcher: Watcher | None,
        synthesiser: Synthesiser,
    ) -> None:
        self.loop, self.folder = loop, folder
        self.shelf, self._watcher, self._synthesiser = shelf or TrainedModels(), watcher or Silent(), synthesiser
        self.start = loop.base
        self._outputs = Outputs(folder / "outputs", loop.pair, Scale(use=False))
        texts = {"dev": loop.dev, "test": loop.test, "general": loop.general}
        self._tests = {
            name: read_pairs(item.as_source(loop.pair), loop.pair, lines=item.lines, seed=loop.seed)
            for name, item in texts.items()
            if item
        }
        self._terms: Glossary | None = None

    def done(self, number: int) -> Round | None:
        """Return a round that an earlier call has finished."""
        try:
            told = json.loads((self._place(number) / "round.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        errors = told["errors"]
        terms, worst = tuple(WeakTerm(**one) for one in errors["terms"]), tuple(errors["worst"])
        weak = Weaknesses(**errors | {"terms": terms, "worst": worst})
        return Round(number, told["model"], told["scores"], weak, told["synthetic"])

    def round(self, number: int, before: list[Round]) -> Round:
        """Synthesise where the best round so far is weak, train, measure; the first round trains alone."""
        corpora, synthetic = self.loop.corpora, dict[str, Any]()
        best = max(before, key=lambda one: one.deciding)
        if number > 1:
            terms = best.errors.glossary(self.loop.pair)
            self._watcher.phase(f"Round {number}: writing about {len(terms.entries)} weak terms")
            made, synthetic = self._synthesiser(self.loop, terms, best.model, self._place(number) / "synthesis")
            corpora = self._mixture(made)
        self._watcher.phase(f"Round {number}: training")
        return self.measured(number, self._trained(number, best.model, corpora), synthetic)

    def measured(self, number: int, model: str, synthetic: dict[str, Any]) -> Round:
        """Measure a model on all test sets, and look at what is wrong on dev."""
        self._watcher.phase(f"Round {number}: measuring {model}")
        outputs = {name: self._outputs.alone(model, test) for name, test in self._tests.items()}
        scores = {name: scored(outputs[name], test, self.loop.pair).scores for name, test in self._tests.items()}
        weak = find_weaknesses(
            outputs["dev"], self._tests["dev"], self.loop.pair, self._glossary(), self.loop.errors
        )
        made = Round(number, model, scores, weak, synthetic)
        place = self._place(number)
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / "report.md", round_report(number, model, scores, weak, synthetic))
        write_whole(place / "round.json", json.dumps(made.as_json(), ensure_ascii=False, indent=1))
        missed = f"{weak.missed} of {weak.known} terms missed"
        self._watcher.note(f"Round {number}: {model}, dev chrF++ {made.deciding}, {missed}.")
        return made

    def _place(self, number: int) -> Path:
        return self.folder / f"round-{number}"

    def _mixture(self, made: Corpus) -> tuple[Corpus, ...]:
        """The synthetic pairs by their share of what is drawn, the corpora by the rest."""
        total, rest = sum(item.weight for item in self.loop.corpora), 1.0 - self.loop.synthesis.share
        shares = [item.weight / total * max(rest, 1e-9) for item in self.loop.corpora]
        older = zip(self.loop.corpora, shares, strict=True)
        return (made, *(item.model_copy(update={"weight": share}) for item, share in older))

    def _trained(self, number: int, parent: str, corpora: tuple[Corpus, ...]) -> str:
        """Return the version of a round, which an earlier call may have made."""
        mark = self._place(number) / "model.json"
        if mark.exists():
            return str(json.loads(mark.read_text("utf-8")))
        loop = self.loop
        backend = PACKAGED if parent == PACKAGED else self.shelf.resolve(parent)[0].backend
        order = Order(
            loop.name, "" if parent == PACKAGED else parent, loop.pair, corpora, loop.dev, loop.training,
            loop.seed, loop.licence, loop.notes, self._place(number) / "training",
        )  # fmt: skip
        card = trainer_of(backend, parent).train(order, shelf=self.shelf, watcher=self._watcher)
        mark.parent.mkdir(parents=True, exist_ok=True)
        write_whole(mark, json.dumps(card.shown))
        return card.shown

    def _glossary(self) -> Glossary:
        if self._terms is None:
            self._terms = self._read_glossary()
        return self._terms

    def _read_glossary(self) -> Glossary:
        pair, named = self.loop.pair, self.loop.errors.glossary
        if named:
            return load_glossary(named, pair)
        from scalemt.glossary.extraction import as_glossary, extract

        self._watcher.phase("Taking terms out of the corpora")
        corpora: list[Pairs] = [read_pairs(item.as_source(pair), pair) for item in self.loop.corpora]
        rows = (zip(corpus.sources, corpus.targets, strict=True) for corpus in corpora)
        found = extract(chain.from_iterable(rows), pair)
        if not found:
            raise InputError(
                "No term was found in the corpora, so that nothing can be told of terms. Name a glossary as "
                "glossary in [errors]."
            )
        return as_glossary(found, pair, "extracted")
