"""A refiner from its configuration to its place among the trained models."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalemt.data.workfiles import held
from scalemt.errors import InputError
from scalemt.folders import data_dir
from scalemt.memory.units import Unit
from scalemt.prompts import Template, load_template
from scalemt.trained import ModelCard, Place, TrainedModels
from scalemt.training.refiner.card import (
    Material,
    data_told,
    drafters_told,
    licence_told,
    samples_told,
    settings_told,
    training_told,
)
from scalemt.training.refiner.configuration import RefinerConfiguration
from scalemt.training.refiner.difficulty import EVEN, Bucket, bucket, distance_of
from scalemt.training.refiner.foundation import (
    Foundation,
    adapted,
    agree,
    chosen_precision,
    fits,
    found,
    libraries,
    tokenizer_of,
)
from scalemt.training.refiner.ordering import Course, course
from scalemt.training.refiner.texts import learnable, refiner_template, taught
from scalemt.training.refiner.triplets import Triplet, TripletFile, dev_units
from scalemt.training.watching import Silent, Watcher

if TYPE_CHECKING:
    from scalemt.generalists import Generalist
    from scalemt.training.refiner.fitting import Fitted

_CUT_ALIKE = 20  # texts that transformers and llama.cpp must cut alike
_MOST_DEV = 32  # triplets whose loss is measured on the way


def train_refiner(
    configuration: RefinerConfiguration,
    work: Path | None = None,
    watcher: Watcher | None = None,
    *,
    fresh: bool = False,
    shelf: TrainedModels | None = None,
    source: str = "",
) -> tuple[ModelCard, Path]:
    """Make triplets, train an adapter, export it, measure it, and put it among the trained models.

    Args:
        configuration: says all.
        work: the folder of what is unfinished; called again with it, the training goes on where it was. None is
            `training/NAME` in the data folder.
        watcher: is told how it goes.
        fresh: train anew; triplets that were made stay.
        shelf: where the model goes; None is the user's.
        source: the text of the configuration, kept beside what is made.

    Returns:
        The card of the new version, and its folder.

    Raises:
        InputError: nothing is left to train on.
        ModelError: the model cannot be trained or exported.
        PausedError: see `fit`.
        UsageError: another process works in the folder, or it cannot be made.
    """
    libraries()
    place = work or data_dir() / "training" / configuration.name
    with held(place):
        return _made(configuration, place, watcher or Silent(), fresh, shelf or TrainedModels(), source)


def _made(
    configuration: RefinerConfiguration,
    work: Path,
    watcher: Watcher,
    fresh: bool,
    shelf: TrainedModels,
    source: str,
) -> tuple[ModelCard, Path]:
    template = refiner_template(configuration.base.template)
    foundation = _founded(configuration, watcher)
    material = prepare(configuration, foundation, template, work, watcher)
    plan = plan_course(configuration, material)
    precision = chosen_precision(configuration.training.precision)
    model, fitted = _trained(configuration, foundation, material, plan, precision, work, watcher, fresh)
    with shelf.adding(configuration.name) as place:
        options = _exported(model, configuration, foundation, place.folder)
        if source:
            (place.folder / "configuration.toml").write_text(source, "utf-8")
        shutil.copy(work / "training" / "losses.jsonl", place.folder)
        generalist = _built(options, foundation, place, configuration.training.threads)
        scores, samples = _measured(configuration, generalist, watcher)
        place.card = replace(
            options,
            pairs=tuple(dict.fromkeys(str(corpus.pair) for corpus in configuration.corpora)),
            drafters=drafters_told(material),
            parent=foundation.shown,
            data=data_told(configuration, material),
            settings=settings_told(configuration, template, precision, plan),
            scores={**scores, "training": training_told(fitted)},
            licence=configuration.licence or licence_told(configuration, foundation),
            notes="\n\n".join(part for part in (configuration.notes, samples) if part),
        )
    shutil.rmtree(work / "training", ignore_errors=True)  # what it was for is done; drafts may serve again
    card = place.card
    return card, shelf.folder(card.name, card.version)


def prepare(
    configuration: RefinerConfiguration, foundation: Foundation, template: Template, work: Path, watcher: Watcher
) -> Material:
    """Return triplets as tokens, in buckets.

    Raises:
        InputError: nothing is left; the message says what took how many.
    """
    watcher.phase("Drafting")
    file = TripletFile(work / "triplets.jsonl")
    triplets = file.make(configuration.corpora, configuration.seed, watcher.moved)
    dropped = Counter(file.dropped)
    dev = _dev_triplets(configuration, work)
    tokenizer = tokenizer_of(foundation.folder)
    settings = configuration.training
    learn = partial(
        learnable, template=template, tokenizer=tokenizer, most=settings.max_tokens,
        share_without=settings.without_draft, seed=configuration.seed,
    )  # fmt: skip
    if foundation.gguf:
        agree(tokenizer, foundation.gguf, _prompts(triplets, template))
    items = dict(learn(triplets, dropped=dropped))
    if not items:
        told = ", ".join(f"{count:,} {why}" for why, count in dropped.most_common())
        raise InputError(f"Of {len(triplets):,} triplets none can be learnt: {told}. Raise max_tokens or `words`.")
    fits((token for item in items.values() for token in item.ids), foundation.folder)
    buckets = _bucketed(configuration, {index: triplets[index] for index in items})
    return Material(triplets, items, buckets, [made for _, made in learn(dev, dropped=Counter())], dropped)


def _prompts(triplets: Sequence[Triplet], template: Template) -> list[str]:
    texts = (taught(triplet, template) for triplet in triplets[:: max(1, len(triplets) // _CUT_ALIKE)])
    return [text.prompt + text.answer for text in texts if text]


def plan_course(configuration: RefinerConfiguration, material: Material) -> Course:
    """Return which triplets are learnt in which order."""
    settings, indices = configuration.training, list(material.items)
    made = course(
        [material.buckets[index] for index in indices],
        [len(material.items[index].ids) for index in indices],
        order=settings.order,
        steps=settings.steps,
        batch=settings.batch,
        updates=settings.accumulation,
        seed=configuration.seed,
    )
    return Course(tuple(indices[place] for place in made.order), made.stages)


def _founded(configuration: RefinerConfiguration, watcher: Watcher) -> Foundation:
    watcher.phase("Reading the model")
    foundation = found(configuration.base)
    if foundation.gguf:
        from scalemt.huggingface import read_json
        from scalemt.training.refiner.exporting import architecture_of

        # Known before hours of training, not after.
        architecture_of(read_json(foundation.folder / "config.json"), foundation.folder)
    return foundation


def _dev_triplets(configuration: RefinerConfiguration, work: Path) -> list[Triplet]:
    """Return drafted dev lines, a few of each corpus."""
    corpora = [corpus for corpus in configuration.corpora if corpus.dev and corpus.dev_lines]
    if not corpora or not configuration.training.measure_every:
        return []
    each = max(1, _MOST_DEV // len(corpora))
    measured = [
        corpus.model_copy(update={"files": corpus.dev, "dev": (), "lines": min(each, corpus.dev_lines)})
        for corpus in corpora
    ]
    return TripletFile(work / "dev.jsonl").make(measured, configuration.seed)


def _bucketed(configuration: RefinerConfiguration, triplets: dict[int, Triplet]) -> dict[int, Bucket]:
    """Bucket the triplets of each pair by itself: else one that drafts badly would be learnt last as a whole.

    Drafts that are to be kept are all as easy as can be: they are spread evenly, or they would be forgotten again.
    """
    settings = configuration.difficulty
    distance = distance_of(settings.metric)
    groups: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for index, triplet in triplets.items():
        groups[triplet.pair, triplet.keep].append(index)
    made: dict[int, Bucket] = {}
    for (_, keep), indices in groups.items():
        distances = [distance(triplets[index].draft, triplets[index].target) for index in indices]
        found = bucket(distances, "quantiles", EVEN) if keep else bucket(distances, settings.by, settings.cuts)
        made.update(zip(indices, found, strict=True))
    return {index: made[index] for index in triplets}


def _trained(
    configuration: RefinerConfiguration,
    foundation: Foundation,
    material: Material,
    plan: Course,
    precision: str,
    work: Path,
    watcher: Watcher,
    fresh: bool,
) -> tuple[Any, Fitted]:
    from scalemt.training.refiner.fitting import Lessons, fit

    model = adapted(foundation.folder, configuration.lora, precision=precision, seed=configuration.seed)
    identity = _identity(configuration, foundation, material, plan, precision)
    lessons = Lessons(plan, material.items, material.dev, configuration.training, identity, configuration.seed)
    return model, fit(model, lessons, work / "training", fresh=fresh, watcher=watcher)


def _identity(
    configuration: RefinerConfiguration, foundation: Foundation, material: Material, plan: Course, precision: str
) -> str:
    """Return a digest of all that decides what is learnt; how often it is told or kept does not."""
    free = {"checkpoint_every", "measure_every", "threads"}
    settings = configuration.training.model_dump(exclude=free)
    shape = [settings, configuration.lora.model_dump(), configuration.seed, foundation.shown, precision]
    seen = [[*material.items[index].ids, material.items[index].opening] for index in plan.order]
    return hashlib.sha256(json.dumps([shape, seen]).encode()).hexdigest()


def _exported(model: Any, configuration: RefinerConfiguration, foundation: Foundation, folder: Path) -> ModelCard:
    """Write what runs into the folder of a new version; return a card that says how it is run."""
    template = load_template(configuration.base.template)
    name = f"{template.name}.toml"
    (folder / name).write_bytes(_template_bytes(configuration.base.template))
    options: dict[str, Any] = {"template": name, "shots": 0, "kind": "base"}
    if foundation.gguf is None:
        model.merge_and_unload().save_pretrained(str(folder / "model"))
        tokenizer_of(foundation.folder).save_pretrained(str(folder / "model"))
        return ModelCard("generalist", "transformers", options | {"path": "model"}, ("path", "template"))
    from scalemt.training.refiner.exporting import export_adapter

    unpacked = folder / "peft"
    model.save_pretrained(str(unpacked))
    export_adapter(unpacked, foundation.folder, folder / "adapter.gguf")
    shutil.rmtree(unpacked)
    options["adapter"] = "adapter.gguf"
    if not foundation.packaged:
        options["model"] = str(foundation.gguf.resolve())
    return ModelCard("generalist", "llamacpp", options, ("adapter", "template"))


def _template_bytes(name: str) -> bytes:
    from importlib.resources import files

    packaged = files("scalemt.prompts") / "templates" / f"{name}.toml"
    return packaged.read_bytes() if packaged.is_file() else Path(name).read_bytes()


def _built(card: ModelCard, foundation: Foundation, place: Place, threads: int) -> Generalist:
    from scalemt.generalists import GENERALISTS

    built: Generalist = GENERALISTS.load(card.backend)(threads=threads, **card.options_in(place.folder))
    return built


def _measured(
    configuration: RefinerConfiguration, generalist: Generalist, watcher: Watcher
) -> tuple[dict[str, Any], str]:
    """Score drafts and refinements of the dev lines of each corpus by each of its specialists."""
    from scalemt.training.refiner.scoring import score

    scores: dict[str, Any] = {}
    samples: list[str] = []
    jobs = [
        (corpus, spec) for corpus in configuration.corpora if corpus.dev and corpus.dev_lines
        for spec in corpus.specialists
    ]  # fmt: skip
    watcher.phase("Measuring")
    for number, (corpus, spec) in enumerate(jobs, 1):
        units: list[Unit] = dev_units(corpus, configuration.seed)
        made = score(generalist, units, corpus.pair, spec)
        told = {"lines": len(units), **made.scores, "seconds": round(made.seconds, 1), "refused": made.refused}
        scores[f"{corpus.pair} {spec} {Path(corpus.dev[0]).name}"] = told
        samples += samples_told(corpus, spec, made.samples)
        watcher.moved(number, len(jobs))
    if hasattr(generalist, "close"):
        generalist.close()
    return scores, "\n".join(samples)
