"""The side that is left open, written by an engine: batches that stand alone, each written down as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import Any

from scalemt.data.cleaning import Watcher
from scalemt.data.synthesis.back_translation import BackTranslation
from scalemt.data.synthesis.base import about_of, origin_of_told
from scalemt.data.synthesis.configuration import Synthesis
from scalemt.data.synthesis.store import Place, Store
from scalemt.errors import BackendError, PausedError, UsageError
from scalemt.jobs.journal import Journal
from scalemt.jobs.working import Worker
from scalemt.memory.units import Unit
from scalemt.retry import RetryBudget
from scalemt.text.protection import protect
from scalemt.types import Segment, Translation

_RETRIES = 1000
_LARGE = 256  # segments; a specialist alone is fastest on many, sorted by length

Rows = Sequence[tuple[Place, Unit]]


def fill(
    store: Store,
    synthesis: Synthesis,
    journal: Callable[[tuple[float, float]], Journal],
    watcher: Watcher,
    why: Callable[[], str],
) -> str:
    """Have the engine write what lacks a side, and return its signature.

    Args:
        store: holds the pairs.
        synthesis: says how they are translated.
        journal: makes what writes down answers, given prices.
        watcher: is told how far it is.
        why: a reason to stop, or "".

    Raises:
        PausedError: it was stopped, or a limit is reached.
        UsageError: something that the profile names cannot be used.
    """
    worker = Worker(synthesis.settings(), journal, RetryBudget(_RETRIES, 0), watcher.note)
    signature = worker.signature
    watcher.phase("translating", store.count("open"))
    done = 0
    for rows, made in _translated(store, synthesis, worker, why):
        store.fill([
            _filled(place, unit, translation, synthesis, worker)
            for (place, unit), translation in zip(rows, made, strict=True)
        ])  # fmt: skip
        done += len(rows)
        watcher.move(done, 0)
    return signature


def _translated(
    store: Store, synthesis: Synthesis, worker: Worker, why: Callable[[], str]
) -> Iterator[tuple[Rows, Sequence[Translation]]]:
    """Yield batches with their translations; of one that makes a backend fail, each pair by itself."""
    size = synthesis.profile.batch if synthesis.settings().asks else _LARGE
    place: Place = (-1, -1)
    while True:
        try:
            for rows, made in _stream(store, synthesis, worker, why, (place, size)):
                place = rows[-1][0]
                yield rows, made
            return
        except BackendError:
            rows = store.open_pairs(place, size)
        for row in rows:
            if reason := why():
                raise PausedError(reason)
            yield [row], [_alone(row[1], synthesis, worker)]
        place = rows[-1][0]


def _stream(
    store: Store, synthesis: Synthesis, worker: Worker, why: Callable[[], str], start: tuple[Place, int]
) -> Iterator[tuple[Rows, Sequence[Translation]]]:
    taken: list[Rows] = []

    def batches() -> Iterator[list[Segment]]:
        place, size = start
        while rows := store.open_pairs(place, size):
            if reason := why():
                raise PausedError(reason)
            place = rows[-1][0]
            taken.append(rows)
            yield [_segment(unit, synthesis) for _, unit in rows]

    if isinstance(synthesis.kind, BackTranslation) and synthesis.kind.sources == "sampled":
        for segments in batches():
            yield taken.pop(0), _samples(segments, worker, synthesis)
        return
    with closing(worker.work(batches())) as stream:
        for made in stream:
            yield taken.pop(0), made


def _alone(unit: Unit, synthesis: Synthesis, worker: Worker) -> Translation:
    """Return the translation of one pair's text, or what makes it fail."""
    segment = _segment(unit, synthesis)
    try:
        if isinstance(synthesis.kind, BackTranslation) and synthesis.kind.sources == "sampled":
            return _samples([segment], worker, synthesis)[0]
        with closing(worker.work([[segment]])) as stream:
            return next(stream)[0]
    except BackendError as fault:
        return Translation(segment, "", synthesis.profile.method, synthesis.direction, error=fault)


def _segment(unit: Unit, synthesis: Synthesis) -> Segment:
    text = unit.target if synthesis.kind.fills == "source" else unit.source
    return Segment(text, document=unit.context)


def _samples(segments: Sequence[Segment], worker: Worker, synthesis: Synthesis) -> list[Translation]:
    """Return translations of which each is one that the specialist has sampled (Edunov et al. 2018)."""
    pair = synthesis.direction
    plan = worker.engine.plan(*pair)
    road = plan.kit.road
    if road is None:
        raise UsageError("Sampled sources need a specialist: name one in [profile].")
    drafted = road.draft([protect(segment) for segment in segments], 1)
    return [
        Translation(segment, item.shown[0].text, "draft", pair, item.shown, signature=plan.signature)
        for segment, item in zip(segments, drafted, strict=True)
    ]


def _filled(
    place: Place, unit: Unit, translation: Translation, synthesis: Synthesis, worker: Worker
) -> tuple[Place, Unit | None, str]:
    if translation.error or not translation.text.strip():
        return place, None, f"not translated ({translation.error or 'empty'})"[:200]
    failed = synthesis.kind.refused([check.name for check in translation.checks if not check.passed])
    if failed:
        return place, None, f"the check {failed[0]}"
    return (
        place,
        replace(
            unit,
            origin=_provenance(unit, translation, synthesis, worker),
            **{synthesis.kind.fills: translation.text},  # type: ignore[arg-type]
        ),
        "",
    )


def _provenance(unit: Unit, translation: Translation, synthesis: Synthesis, worker: Worker) -> str:
    """Return provenance with what has translated; where terms were put in, how."""
    road = worker.engine.plan(*synthesis.direction).kit.road
    told: dict[str, Any] = {"translated_by": road.signature if road else translation.method}
    chosen = next((item.origin for item in chain(translation.candidates) if item.text == translation.text), "")
    if chosen not in ("", "draft"):
        told["chosen"] = chosen
    return origin_of_told({**about_of(unit.origin), **told})
