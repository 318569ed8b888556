"""Fine-tuning of a student, from its corpora to a registered model."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalemt.data.workfiles import held
from scalemt.errors import InputError
from scalemt.folders import data_dir
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.bergamot.files import ModelFiles
from scalemt.specialists.bergamot.marian import read_model
from scalemt.specialists.bergamot.shortlist import read_shortlist
from scalemt.specialists.bergamot.vocabulary import Vocabulary
from scalemt.trained import ModelCard, TrainedModels
from scalemt.training.bergamot.bases import find_base
from scalemt.training.bergamot.configuration import FineTuning
from scalemt.training.bergamot.examples import Encoded, Example, batched, encoded
from scalemt.training.bergamot.shortlists import coverage, extended
from scalemt.training.bergamot.writing import Student
from scalemt.training.judging import Judged, judge
from scalemt.training.naming import check_specialist_name
from scalemt.training.pairs import Pairs, read_pairs, without
from scalemt.training.tables import Texts
from scalemt.training.watching import Silent, Watcher

_MASK = BergamotSpecialist.mask


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A registered model.

    Args:
        card, folder: of its version.
        before, after: scores of dev and general.
        is_current: whether the name alone means this version.
    """

    card: ModelCard
    folder: Path
    before: dict[str, dict[str, float]]
    after: dict[str, dict[str, float]]
    is_current: bool


@dataclass(frozen=True, slots=True)
class _Task:
    """All that is known before the first step."""

    settings: FineTuning
    student: Student
    corpora: tuple[Pairs, ...]
    encoded: tuple[Encoded, ...]
    tests: dict[str, Pairs]
    shortlist: dict[str, Any]
    parent: str

    @property
    def examples(self) -> list[list[Example]]:
        return [corpus.examples for corpus in self.encoded]

    def identity(self) -> str:
        """Tell apart trainings that cannot go on from each other's checkpoints."""
        told = [self.settings.training.model_dump(), self.settings.seed, self.student.base.digest(shortlist=False)]
        rows = [[corpus.digest, corpus.weight] for corpus in self.corpora]
        whole = json.dumps([told, rows, [test.digest for test in self.tests.values()]], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()


def fine_tune(
    settings: FineTuning,
    work: Path | None = None,
    *,
    fresh: bool = False,
    promote: bool = False,
    shelf: TrainedModels | None = None,
    watcher: Watcher | None = None,
) -> FineTuned:
    """Fine-tune a student and register it, going on where an earlier call was ended.

    Args:
        settings: what is trained, on what, how.
        work: folder of the unfinished work; None is `training/NAME` in the data folder. It is removed at the end.
        fresh: begin anew.
        promote: have the name mean this version at once; the first version of a name always is.
        shelf: where the model is registered.
        watcher: is told how it goes.

    Raises:
        UsageError: a setting, a file or the base cannot be used, `work` holds another training or other files, or
            another process works in it.
        PausedError: memory or disk do not suffice, or the loss is no number; what was done is kept.
        InterruptedTrainingError: Ctrl-C or SIGTERM, after a checkpoint was written.
    """
    work = work or data_dir() / "training" / settings.name
    shelf, watcher = shelf or TrainedModels(), watcher or Silent()
    check_specialist_name(settings.name)
    task = _task(settings, shelf, watcher)
    with held(work, fresh=fresh):
        made = _made(task, work, shelf, watcher, promote=promote)
        shutil.rmtree(work)
    return made


def _made(task: _Task, work: Path, shelf: TrainedModels, watcher: Watcher, *, promote: bool) -> FineTuned:
    """Train, measure and register, in a folder that is held."""
    from scalemt.training.bergamot.keeping import taken

    settings = task.settings
    taken(work, task.identity())
    watcher.phase("Measuring the model as it is")
    before = _before(task, work)
    watcher.note(f"Before: {_shown(before)}.")
    began = time.monotonic()
    best_step = _trained(task, work, watcher)
    seconds = time.monotonic() - began
    watcher.phase("Measuring what was made")
    best = task.student.specialist(work / "best", settings.training.threads)
    after = {name: judge(best, settings.pair, test).scores for name, test in task.tests.items()}
    card = _card(
        task, before, after, best.signature, {"best step": best_step, "seconds in this run": round(seconds, 1)}
    )
    with shelf.adding(settings.name) as place:
        shutil.copytree(work / "best", place.folder, dirs_exist_ok=True)
        shutil.copytree(work / "logs", place.folder / "logs")
        shutil.copyfile(work / "log.jsonl", place.folder / "history.jsonl")
        (place.folder / "training.json").write_text(_as_json(settings), "utf-8")
        place.card = card
    if promote:
        shelf.promote(settings.name, place.version)
    made = place.card
    folder = shelf.folder(made.name, made.version)
    return FineTuned(made, folder, before, after, shelf.current(made.name) == made.version)


def _task(settings: FineTuning, shelf: TrainedModels, watcher: Watcher) -> _Task:
    base, parent = find_base(settings.base, settings.pair, shelf)
    tests = {"dev": _texts(settings.dev, settings)}
    if settings.general:
        tests["general"] = _texts(settings.general, settings)
    corpora = tuple(
        without(
            read_pairs(
                item.as_source(), settings.pair, fraction=item.fraction, lines=item.lines, seed=settings.seed,
                weight=item.weight,
            ),
            list(tests.values()),
        )
        for item in settings.corpora
    )  # fmt: skip
    vocabularies = Vocabulary(base.source_vocabulary), Vocabulary(base.target_vocabulary)
    made = tuple(
        encoded(corpus, *vocabularies, mask=_MASK, longest=settings.training.longest) for corpus in corpora
    )
    _check_left(corpora, made)
    student, told = _student(settings, base, [corpus.examples for corpus in made], vocabularies[1].size)
    for name, test in tests.items():
        if student.shortlist is not None:
            some = encoded(test, *vocabularies, mask=_MASK, longest=settings.training.longest).examples
            told[f"{name}, tokens cut off"] = coverage(student.shortlist, some).as_json()["tokens cut off"]
    for corpus, one in zip(corpora, made, strict=True):
        watcher.note(f"{corpus.name}: {len(one.examples):,} pairs{_passed(corpus, one)}")
    return _Task(settings, student, corpora, made, tests, told, parent)


def _texts(item: Texts, settings: FineTuning) -> Pairs:
    return read_pairs(item.as_source(), settings.pair, lines=item.lines, seed=settings.seed)


def _passed(corpus: Pairs, made: Encoded) -> str:
    reasons = (corpus.passed_over or {}) | made.left_out
    return "".join(f"; {count:,} {reason}" for reason, count in sorted(reasons.items()))


def _check_left(corpora: Sequence[Pairs], made: Sequence[Encoded]) -> None:
    for corpus, one in zip(corpora, made, strict=True):
        if not one.examples:
            raise InputError(
                f"Nothing of {corpus.name} is left to train on{_passed(corpus, one)}. Give other pairs, or "
                "another longest in [training]."
            )


def _student(
    settings: FineTuning, base: ModelFiles, examples: list[list[Example]], size: int
) -> tuple[Student, dict[str, Any]]:
    """Return how the student is written, and what is told of its shortlist."""
    wanted, told = settings.training.shortlist, dict[str, Any]()
    shortlist = None
    if base.shortlist and wanted != "none":
        shortlist = read_shortlist(base.shortlist, size, shared=base.shared)
        everything = [example for corpus in examples for example in corpus]
        told["corpora, before"] = coverage(shortlist, everything).as_json()
        if wanted == "extend":
            shortlist, told["entries added"] = extended(shortlist, examples)
            told["corpora, after"] = coverage(shortlist, everything).as_json()
    return Student(base, settings.pair, shortlist, settings.training.storage), told


def _before(task: _Task, work: Path) -> dict[str, dict[str, float]]:
    """Score the base as it is, once."""
    kept = work / "before.json"
    if kept.exists():
        found: dict[str, dict[str, float]] = json.loads(kept.read_text("utf-8"))
        return found
    specialist = _as_it_is(task)
    made = {name: judge(specialist, task.settings.pair, test).scores for name, test in task.tests.items()}
    kept.write_text(json.dumps(made), "utf-8")
    return made


def _as_it_is(task: _Task) -> BergamotSpecialist:
    pair = task.settings.pair
    return BergamotSpecialist(
        task.student.base.model, pair=f"{pair.source}-{pair.target}", threads=task.settings.training.threads
    )


def _trained(task: _Task, work: Path, watcher: Watcher) -> int:
    """Train, and return the step of the best student, which `best` in the work folder holds."""
    import torch

    from scalemt.training.bergamot.keeping import Keeper
    from scalemt.training.bergamot.loop import Patience, StudentTrainer, arguments, board, longest_first, run
    from scalemt.training.bergamot.twin import Twin

    settings, seed = task.settings.training, task.settings.seed
    torch.set_num_threads(settings.threads)
    torch.manual_seed(seed)
    weights = [corpus.weight for corpus in task.corpora]
    batches = batched(task.examples, weights, steps=settings.steps, size=settings.batch, seed=seed)
    twin = Twin(read_model(task.student.base.model), dropout=settings.dropout, smoothing=settings.smoothing)
    keeper = Keeper(work, watcher, batches, sum(map(len, task.examples)))

    def measure(folder: Path) -> Judged:
        return judge(task.student.specialist(folder, settings.threads), task.settings.pair, task.tests["dev"])

    trainer = StudentTrainer(
        twin, batches, _dev_batches(task), task.student, work, measure, args=arguments(work, settings, seed),
        callbacks=[keeper, Patience(settings.patience), board(work)],
    )  # fmt: skip
    return run(trainer, keeper, work, longest_first(task.examples), watcher)


def _dev_batches(task: _Task) -> list[list[Example]]:
    base, size = task.student.base, task.settings.training.batch
    vocabularies = Vocabulary(base.source_vocabulary), Vocabulary(base.target_vocabulary)
    made = encoded(task.tests["dev"], *vocabularies, mask=_MASK, longest=task.settings.training.longest).examples
    made.sort(key=lambda example: len(example[1]))
    return [made[at : at + size] for at in range(0, len(made), size)]


def _shown(scores: dict[str, dict[str, float]]) -> str:
    told = ", ".join
    return "; ".join(
        f"{test} {told(f'{name} {score}' for name, score in found.items())}" for test, found in scores.items()
    )


def _card(
    task: _Task, before: dict[str, Any], after: dict[str, Any], signature: str, told: dict[str, Any]
) -> ModelCard:
    settings = task.settings
    scores: dict[str, Any] = {
        name: {"name": test.name, "pairs": len(test), "before": before[name], "after": after[name]}
        for name, test in task.tests.items()
    }
    data = {
        f"{number}: {corpus.name}": corpus.as_json()
        | {"learnt from": len(made.examples), "weight": corpus.weight, "left out": dict(made.left_out)}
        for number, (corpus, made) in enumerate(zip(task.corpora, task.encoded, strict=True), 1)
    }
    return ModelCard(
        kind="specialist",
        backend="bergamot",
        options=task.student.options(),
        paths=("path",),
        pairs=(f"{settings.pair.source}->{settings.pair.target}",),
        parent=task.parent,
        data=data | ({"shortlist": task.shortlist} if task.shortlist else {}),
        settings=settings.training.model_dump() | {"seed": settings.seed} | told,
        scores=scores | {"signature": signature},
        licence=settings.licence,
        notes=settings.notes,
    )


def _as_json(settings: FineTuning) -> str:
    return json.dumps(settings.model_dump(by_alias=True), ensure_ascii=False, indent=2) + "\n"
