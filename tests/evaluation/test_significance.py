"""Our paired tests against sacreBLEU's, and what holds for any metric."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import sacrebleu
from sacrebleu.significance import PairedTest

from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation import significance
from scalemt.evaluation.metrics import Measured, Metric, RatioMetric, build_metric
from scalemt.evaluation.metrics.base import Progress
from scalemt.evaluation.significance import (
    Options,
    bootstrap,
    compare,
    describe,
    paired_bootstrap,
    paired_randomisation,
)
from scalemt.evaluation.systems import Output, System, TestSet

SCORERS: dict[str, Any] = {
    "bleu": sacrebleu.BLEU,
    "chrf": sacrebleu.CHRF,
    "chrf++": lambda: sacrebleu.CHRF(word_order=2),
    "ter": sacrebleu.TER,
}
SEGMENTS = 300
SYSTEMS = {"baseline": 0.20, "better": 0.12, "close": 0.19, "worse": 0.35}  # share of words spoilt

SUBJECTS = "the captain|two fishermen|a young teacher|our neighbour|the old ferry|every harbour master".split("|")
VERBS = "repairs|sells|remembers|has painted|will leave|cannot find".split("|")
OBJECTS = "a wooden boat|the red lighthouse|his father's nets|three letters from home|the last ticket".split("|")
PLACES = "before sunrise|near the bridge|in heavy rain|without a word|during the long winter|at half past 9".split(
    "|"
)


def sentences(seed: int) -> list[str]:
    drawn = random.Random(seed)
    parts = [[drawn.choice(column) for column in (SUBJECTS, VERBS, OBJECTS, PLACES)] for _ in range(SEGMENTS)]
    return [" ".join(part).capitalize() + "." for part in parts]


def spoilt(texts: list[str], rate: float, seed: int) -> list[str]:
    drawn = random.Random(seed)
    spare = " ".join([*SUBJECTS, *OBJECTS]).split()

    def change(word: str) -> str:
        return word if drawn.random() > rate else drawn.choice(["", drawn.choice(spare), word[::-1]])

    return [" ".join(filter(None, map(change, text.split()))) for text in texts]


REFERENCES = sentences(1)
OTHERS = spoilt(REFERENCES, 0.3, 2)
OUTPUTS: dict[str, Sequence[str]] = {
    name: spoilt(REFERENCES, rate, number) for number, (name, rate) in enumerate(SYSTEMS.items(), 3)
}


@lru_cache(maxsize=4)
def measured(name: str, references: int = 1) -> tuple[Metric, dict[str, Measured]]:
    metric = build_metric(name)
    test_set = TestSet("t", references=(tuple(REFERENCES), tuple(OTHERS))[:references])
    return metric, {
        system: metric.measure(System(system, tuple(map(Output, texts))), test_set)
        for system, texts in OUTPUTS.items()
    }


@lru_cache(maxsize=16)
def sacre(name: str, kind: str, count: int, references: int = 1) -> tuple[str, list[Any]]:
    """sacreBLEU's signature and results, by system."""
    scorer = SCORERS[name]()
    test = PairedTest(
        list(OUTPUTS.items()), {name: scorer}, [REFERENCES, OTHERS][:references], test_type=kind, n_samples=count
    )
    signatures, scores = test()
    (key,) = signatures
    return str(signatures[key]), list(scores[key])


@pytest.mark.parametrize(
    ("name", "references"), [("bleu", 1), ("bleu", 2), ("chrf", 1), ("chrf++", 1), ("ter", 1), ("ter", 2)]
)
def test_bootstrap_equals_sacrebleu(name: str, references: int) -> None:
    metric, by_system = measured(name, references)
    _, results = sacre(name, "bs", 1000, references)
    found = []
    for (system, item), result in zip(by_system.items(), results, strict=True):
        drawn = bootstrap(metric, item)
        # Not closer: sacreBLEU scores samples in single precision.
        assert drawn.mean == pytest.approx(result.mean, abs=2e-4), system
        assert (drawn.high - drawn.low) / 2 == pytest.approx(result.ci, abs=2e-4), system
        assert describe(metric, item).score == pytest.approx(result.score, abs=1e-9), system
        if system != "baseline":
            found.append(paired_bootstrap(metric, by_system["baseline"], item))
            assert found[-1] == result.p_value, system
    # Else all of them could be the least p-value there is, and any test would do.
    assert min(found) == 1 / 1001
    assert max(found) > 0.05


@pytest.mark.parametrize(
    ("name", "references"), [("bleu", 1), ("chrf", 1), ("chrf", 2), ("chrf++", 1), ("ter", 1), ("ter", 2)]
)
def test_randomisation_equals_sacrebleu(name: str, references: int) -> None:
    metric, by_system = measured(name, references)
    _, results = sacre(name, "ar", 2000, references)
    found = [
        paired_randomisation(metric, by_system["baseline"], by_system[system], 2000)
        for system in list(by_system)[1:]
    ]
    assert found == [result.p_value for result in results[1:]]
    assert min(found) == 1 / 2001
    assert max(found) > 0.05


def test_another_seed_equals_sacrebleu_with_that_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", "77")
    metric, by_system = measured("chrf")
    pair = by_system["baseline"], by_system["close"]
    texts: list[tuple[str, Sequence[str]]] = [("baseline", OUTPUTS["baseline"]), ("close", OUTPUTS["close"])]
    for kind, function in (("bs", paired_bootstrap), ("ar", paired_randomisation)):
        _, scores = PairedTest(texts, {"chrf": sacrebleu.CHRF()}, [REFERENCES], kind, 500)()
        (result,) = [item for item in scores["chrF2"] if not isinstance(item, str)][1:]
        assert function(metric, *pair, 500, 77) == result.p_value
        assert function(metric, *pair, 500, 78) != result.p_value


@pytest.mark.parametrize("changed", [1, 3, 40])
def test_systems_that_differ_in_few_segments_equal_sacrebleu(changed: int) -> None:
    # Here many trials differ by exactly as much as the systems do, and rounding would decide on them.
    other = [*OUTPUTS["worse"][:changed], *OUTPUTS["baseline"][changed:]]
    texts: list[tuple[str, Sequence[str]]] = [("baseline", OUTPUTS["baseline"]), ("other", other)]
    for name in ("bleu", "chrf++"):
        metric, by_system = measured(name)
        item = metric.measure(
            System("o", tuple(map(Output, other))), TestSet("t", references=(tuple(REFERENCES),))
        )
        _, scores = PairedTest(texts, {name: SCORERS[name]()}, [REFERENCES], "ar", 500)()
        ((_, result),) = [items for key, items in scores.items() if key != "System"]
        assert not isinstance(result, str)
        assert paired_randomisation(metric, by_system["baseline"], item, 500) == result.p_value


def test_signatures_are_written_as_sacrebleu_writes_them() -> None:
    metric, _ = measured("bleu")
    options = Options(samples=1000, trials=2000)
    bootstrap_part, randomisation_part = sacre("bleu", "bs", 1000)[0], sacre("bleu", "ar", 2000)[0]
    signed = options.sign(metric.signature)
    assert signed.replace("|ar:2000", "") == bootstrap_part
    assert signed.replace("|bs:1000", "") == randomisation_part
    assert options.sign("usw[aligner]") == "usw[aligner]|bs:1000|ar:2000|seed:12345"


# Any metric.


class Share(RatioMetric):
    """A metric of made-up statistics."""

    name = "share"

    def __init__(self, higher_is_better: bool | None = True) -> None:
        # A class variable of metrics; here it is what is tested.
        self.higher_is_better = higher_is_better  # type: ignore[misc]

    @property
    def signature(self) -> str:
        return "share[test]"

    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[tuple[float, float]]:
        raise NotImplementedError


def shares(values: Any, weights: Any = None) -> Measured:
    numerators = np.asarray(values, dtype=np.float64)
    denominators = np.ones_like(numerators) if weights is None else np.asarray(weights, dtype=np.float64)
    rows = np.column_stack([numerators, denominators])
    return Measured(rows, Share().score(rows))


def coins(count: int, probability: float, seed: int) -> Measured:
    return shares(np.random.default_rng(seed).random(count) < probability)


QUICK = Options(samples=300, trials=400)


@pytest.mark.parametrize(
    ("higher_is_better", "up", "down"),
    [(True, "better", "worse"), (False, "worse", "better"), (None, "higher", "lower")],
)
def test_verdicts_follow_the_direction_of_the_metric(higher_is_better: bool | None, up: str, down: str) -> None:
    metric, low, high = Share(higher_is_better), coins(200, 0.3, 1), coins(200, 0.7, 2)
    cell = compare(metric, low, high, QUICK)
    assert (cell.verdict, compare(metric, high, low, QUICK).verdict) == (up, down)
    assert cell.delta == pytest.approx(describe(metric, high).score - describe(metric, low).score)
    assert dict(cell.p_values) == {"bootstrap": 1 / 301, "randomisation": 1 / 401}
    assert cell.low < cell.mean < cell.high
    assert len(cell.segments) == 200


def test_both_tests_must_agree() -> None:
    metric, by_system = measured("chrf")
    baseline, close = by_system["baseline"], by_system["close"]
    cell = compare(metric, baseline, close, Options(trials=1000))
    low, high = sorted(cell.p_values.values())
    assert low < high
    for alpha, verdict in ((low, "tie"), ((low + high) / 2, "tie"), (high, "tie"), (high + 1e-9, "better")):
        assert compare(metric, baseline, close, Options(trials=1000, alpha=alpha)).verdict == verdict


@pytest.mark.parametrize("name", ["bleu", "chrf", "ter"])
def test_equal_systems_tie_with_the_p_values_of_sacrebleu(name: str) -> None:
    metric, by_system = measured(name)
    cell = compare(metric, by_system["baseline"], by_system["baseline"], Options(samples=1000, trials=500))
    texts: list[tuple[str, Sequence[str]]] = [("a", OUTPUTS["baseline"]), ("b", OUTPUTS["baseline"])]
    for kind, test, count in (("bs", "bootstrap", 1000), ("ar", "randomisation", 500)):
        _, scores = PairedTest(texts, {name: SCORERS[name]()}, [REFERENCES], kind, count)()
        ((_, result),) = [items for key, items in scores.items() if key != "System"]
        assert not isinstance(result, str)
        assert cell.p_values[test] == result.p_value == 1 / (count + 1)
    assert (cell.verdict, cell.delta) == ("tie", 0.0)


@pytest.mark.parametrize(("segments", "verdict"), [(1, "tie"), (5, "tie"), (6, "better"), (20, "better")])
def test_too_few_differing_segments_are_a_tie(segments: int, verdict: str) -> None:
    # Every segment is won: 2 of 2^5 swaps differ as much, an exact p-value of 0.0625; of 2^6, 0.03125.
    metric, none, every = Share(), shares([0.0] * segments), shares([1.0] * segments)
    cell = compare(metric, none, every, QUICK)
    assert cell.verdict == verdict
    assert (cell.score, cell.delta, cell.low, cell.high) == (100.0, 100.0, 100.0, 100.0)
    # The segments on which both are equal add nothing.
    rest = [1.0] * 50
    padded = compare(metric, shares([*[0.0] * segments, *rest]), shares([1.0] * (segments + 50)), QUICK)
    assert segments > 5 or padded.verdict == "tie"
    assert cell.differing == padded.differing == segments


def test_p_values_are_uniform_where_there_is_no_difference() -> None:
    metric = Share()
    found = [
        paired_randomisation(metric, coins(150, 0.5, 2 * seed), coins(150, 0.5, 2 * seed + 1), 300, seed)
        for seed in range(200)
    ]
    # Of 200 tests 10 are expected at 0.05 and 100 at 0.5; six standard deviations are allowed.
    assert sum(p < 0.05 for p in found) < 29
    assert 58 < sum(p < 0.5 for p in found) < 142


def test_the_tests_are_two_sided_and_do_not_care_for_order() -> None:
    metric, by_system = measured("chrf")
    baseline, close = by_system["baseline"], by_system["close"]
    assert paired_bootstrap(metric, baseline, close) == paired_bootstrap(metric, close, baseline)
    there, back = (paired_randomisation(metric, *pair, 1000) for pair in ((baseline, close), (close, baseline)))
    assert there == back


def test_segments_left_out_do_not_count() -> None:
    metric = Share()
    values, weights = [1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]
    padded = shares([*values, 0.0, 0.0], [*weights, 0.0, 0.0])
    assert describe(metric, padded).score == 75.0
    assert bootstrap(metric, padded).mean == pytest.approx(75.0, abs=3)


def test_samples_that_are_undefined_are_passed_over() -> None:
    metric = Share()
    # One segment in four can be judged, so some samples hold none that can.
    some = shares([1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0])
    drawn = bootstrap(metric, some, 400)
    assert 0 < np.isnan(drawn.scores).sum() < 400
    assert (drawn.mean, drawn.low, drawn.high) == (100.0, 100.0, 100.0)
    other = shares([0.5, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0])
    defined = int((~np.isnan(drawn.scores)).sum())
    assert paired_bootstrap(metric, some, other, 400) == 1 / (defined + 1)
    assert compare(metric, some, other, QUICK).verdict == "tie"


@pytest.mark.parametrize(("bad", "weight"), [(np.nan, 1.0), (np.nan, np.nan), (np.inf, 1.0), (np.inf, np.inf)])
def test_undefined_statistics_give_an_undefined_cell(bad: float, weight: float) -> None:
    metric, whole = Share(), coins(20, 0.5, 1)
    broken = shares([bad, *[1.0] * 19], [weight, *[1.0] * 19])
    for cell in (compare(metric, whole, broken, QUICK), compare(metric, broken, whole, QUICK)):
        assert cell.verdict == "undefined"
        assert not np.isfinite(cell.delta)
        assert np.isnan(list(cell.p_values.values())).all()
    nothing = shares([0.0] * 20, [0.0] * 20)
    assert describe(metric, nothing, QUICK).verdict == "undefined"
    assert np.isnan(describe(metric, nothing, QUICK).low)


def test_a_system_beside_none() -> None:
    metric, item = Share(), coins(50, 0.5, 3)
    assert describe(metric, item, QUICK).verdict == "baseline"
    alone = describe(metric, item, QUICK, "undefined")
    assert (alone.verdict, alone.p_values, alone.delta) == ("undefined", {}, 0.0)
    assert alone.low <= alone.score <= alone.high


def test_different_test_sets_are_refused() -> None:
    metric, short, long = Share(), coins(20, 0.5, 1), coins(21, 0.5, 1)
    for function in (paired_bootstrap, paired_randomisation, compare):
        with pytest.raises(InputError, match="20 of the baseline and 21 of the system"):
            function(metric, short, long)
    with pytest.raises(InputError, match="needs segments"):
        bootstrap(metric, Measured(np.zeros((0, 2)), np.zeros(0)))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"samples": 0}, "bootstrap samples is 0"),
        ({"samples": 10**9}, "bootstrap samples is 1000000000"),
        ({"trials": -1}, "randomisation trials is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"alpha": 0.0}, "significance level is 0.0"),
        ({"alpha": 5.0}, "significance level is 5.0"),
        ({"alpha": float("nan")}, "significance level is nan"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Options(**options)


def test_functions_refuse_what_options_refuse() -> None:
    metric, item = Share(), coins(20, 0.5, 1)
    with pytest.raises(ConfigurationError, match="samples is 0"):
        bootstrap(metric, item, 0)
    with pytest.raises(ConfigurationError, match="trials is 0"):
        paired_randomisation(metric, item, item, 0)
    with pytest.raises(ConfigurationError, match="seed"):
        paired_bootstrap(metric, item, item, 10, -5)


def test_one_sample_is_enough_to_run() -> None:
    metric, low, high = Share(), coins(20, 0.2, 1), coins(20, 0.9, 2)
    cell = compare(metric, low, high, Options(samples=1, trials=1))
    assert cell.low == cell.mean == cell.high
    assert cell.verdict == "tie"  # no p-value below 1/2 can come out


# Drawing in blocks.


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks of the least size, and nothing kept."""
    monkeypatch.setattr(significance, "_BLOCK", 1)
    monkeypatch.setattr(significance, "_KEPT", 0)
    significance._kept.cache_clear()
    yield
    significance._kept.cache_clear()


@pytest.mark.parametrize("segments", [1, 7, 33, 1012])
def test_blocks_draw_what_one_call_would_draw(segments: int, small_blocks: None) -> None:
    rows = 101
    counted = list(significance._blocks(significance._count_rows, segments, rows, 9))
    assert [len(block) for block in counted] == [32, 32, 32, 5]
    drawn = np.random.default_rng(9).choice(segments, size=(rows, segments), replace=True)
    expected = [np.bincount(row, minlength=segments) for row in drawn]
    np.testing.assert_array_equal(np.concatenate(counted), expected)
    swapped = np.concatenate(list(significance._blocks(significance._swap_rows, segments, rows, 9)))
    np.testing.assert_array_equal(swapped, np.random.default_rng(9).integers(2, size=(rows, segments), dtype=bool))


def test_p_values_do_not_depend_on_blocks(small_blocks: None) -> None:
    metric, by_system = measured("chrf++")
    pair = by_system["baseline"], by_system["close"]
    _, bootstrapped = sacre("chrf++", "bs", 1000)
    _, randomised = sacre("chrf++", "ar", 2000)
    assert paired_bootstrap(metric, *pair) == bootstrapped[2].p_value
    assert paired_randomisation(metric, *pair, 2000) == randomised[2].p_value


def test_a_block_of_a_large_test_set_stays_small() -> None:
    for segments in (1, 1000, 100_000):
        rows = significance._rows_of_block(segments)
        assert rows % 32 == 0
        # Indices and counts as integers and as floating point: 24 bytes each.
        assert 24 * rows * segments < 110e6


@pytest.mark.slow
def test_a_hundred_thousand_segments_need_little_memory() -> None:
    import tracemalloc

    one, other = coins(100_000, 0.5, 1), coins(100_000, 0.52, 2)
    tracemalloc.start()
    try:
        cell = compare(Share(), one, other, Options(samples=200, trials=400))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert cell.verdict == "better"
    assert peak < 200e6
