"""The version before and the new one on the same lines: alone, and in SCALE with the same generalist and gate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalemt.config import Configuration, Profile, load_configuration
from scalemt.engine import Engine
from scalemt.engine.backends import build_specialist
from scalemt.errors import GeneralistError, MissingExtraError, PausedError, UsageError
from scalemt.evaluation.metrics.building import build_metric
from scalemt.evaluation.results import Cell, Evaluation
from scalemt.evaluation.run import evaluate
from scalemt.evaluation.significance import Options
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.lines import write_whole
from scalemt.training.judging import METRICS, drafted
from scalemt.training.pairs import Pairs
from scalemt.training.updating.configuration import Scale
from scalemt.types import Pair

OLD, NEW = "before", "new"
_SCALE = "SCALE with "


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions on one test set.

    Args:
        test: "dev", "general" or "held out".
        alone: evaluation of the specialists, the version before as baseline.
        scale: likewise inside SCALE; None where that was not compared.
    """

    test: str
    alone: Evaluation
    scale: Evaluation | None = None

    @property
    def cell(self) -> Cell:
        """The new version alone, by the metric that decides."""
        return self.alone.cells[NEW][METRICS[0]]

    @property
    def scale_cell(self) -> Cell | None:
        """Likewise inside SCALE."""
        return self.scale.cells[f"{_SCALE}{NEW}"][METRICS[0]] if self.scale else None

    def scores(self) -> dict[str, dict[str, float]]:
        """Return scores by system and metric."""
        both = [self.alone, *([self.scale] if self.scale else [])]
        return {
            name: {metric: round(cell.score, 2) for metric, cell in row.items()}
            for evaluation in both
            for name, row in evaluation.cells.items()
        }


class Outputs:
    """Outputs of systems on test sets, kept so that an update that goes on does not make them again.

    Args:
        folder: where they are kept.
        pair: the direction.
        scale: how SCALE is used.
        threads: of the specialists alone.
    """

    def __init__(self, folder: Path, pair: Pair, scale: Scale) -> None:
        self._folder, self._pair, self._scale = folder, pair, scale
        self._configuration = load_configuration()

    def alone(self, spec: str, test: Pairs) -> list[str]:
        """Return the drafts of a specialist."""

        def make() -> list[str]:
            profile = self._configuration.profile(self._scale.profile or None)
            specialist = build_specialist(spec, self._configuration, profile)
            return list(drafted(specialist, self._pair, test.sources))

        return self._kept(("alone", spec, test.digest), make)

    def scale(self, spec: str, test: Pairs) -> list[str]:
        """Return the translations of a profile with the specialist.

        Raises:
            PausedError: the generalist failed: nothing could be decided by that.
        """
        profile = self._profile(spec)

        def make() -> list[str]:
            engine = Engine(profile, self._configuration)
            made = engine.translate(list(test.sources), *self._pair)
            # What the specialist itself spoils counts against it, as an empty text.
            if failed := [item.error for item in made if isinstance(item.error, GeneralistError)]:
                raise PausedError(
                    f"{len(failed)} of {len(made)} segments failed inside SCALE with {spec}: {failed[0]} What was "
                    "trained is kept; mend that, and the same command goes on. Or set scale.use = false."
                )
            return [item.text for item in made]

        return self._kept(("scale", spec, test.digest, profile.model_dump_json()), make)

    def check(self, spec: str) -> None:
        """Find out before hours of work what is not installed.

        Raises:
            UsageError: profile, specialist or generalist cannot be used.
        """
        if not self._scale.use:
            return
        try:
            Engine(self._profile(spec), self._configuration).plan(*self._pair)
        except MissingExtraError as fault:
            raise UsageError(f"{fault} Or compare the specialists alone, with scale.use = false.") from None

    def _profile(self, spec: str) -> Profile:
        chosen: Configuration = self._configuration
        return chosen.profile(self._scale.profile or None, **self._scale.overrides(), specialists=(spec,))

    def _kept(self, what: Sequence[str], make: Callable[[], list[str]]) -> list[str]:
        path = self._folder / f"{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]}.json"
        try:
            found: list[str] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            found = make()
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(found, ensure_ascii=False))
        return found


def compare_versions(
    outputs: Outputs, specs: Mapping[str, str], name: str, test: Pairs, pair: Pair, *, alpha: float, scale: int = 0
) -> Compared:
    """Compare two versions on a test set.

    Args:
        outputs: makes them.
        specs: of `OLD` and `NEW`, as `--specialist` names them.
        name: of the test set.
        test: sources and references.
        pair: the direction.
        alpha: of the tests of significance.
        scale: lines of the test set that SCALE translates too; 0 is none.
    """
    made = {label: outputs.alone(spec, test) for label, spec in specs.items()}
    alone = _evaluated(name, test, pair, made, OLD, alpha)
    if not scale:
        return Compared(name, alone)
    some = first(test, scale)
    both = {f"{_SCALE}{label}": outputs.scale(spec, some) for label, spec in specs.items()}
    return Compared(name, alone, _evaluated(name, some, pair, both, f"{_SCALE}{OLD}", alpha))


def first(test: Pairs, count: int) -> Pairs:
    """Return lines that stand as far apart as so many can."""
    if len(test) <= count:
        return test
    places = [round(number * len(test) / count) for number in range(count)]
    sources, targets = tuple(test.sources[n] for n in places), tuple(test.targets[n] for n in places)
    return Pairs(test.name, sources, targets, digest=f"{test.digest}:{count}")


def _evaluated(
    name: str, test: Pairs, pair: Pair, outputs: Mapping[str, Sequence[str]], baseline: str, alpha: float
) -> Evaluation:
    systems = [System(label, tuple(map(Output, texts))) for label, texts in outputs.items()]
    test_set: Any = TestSet(name, test.sources, (test.targets,), pair)
    metrics = [build_metric(metric) for metric in METRICS]
    for metric, asked in zip(metrics, METRICS, strict=True):
        metric.name = asked
    return evaluate(test_set, systems, metrics, baseline=baseline, options=Options(alpha=alpha))
