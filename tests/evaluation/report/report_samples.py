"""Evaluations made up for the report: sentences of a small grammar, systems that spoil them more or less."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from scalemt.evaluation.results import Cell, Evaluation, MetricInfo, Reliability, Verdict
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.types import Draft, Pair, Word

WHO = ["the old ferryman", "our new doctor", "a patient teacher", "the mayor of the town", "her youngest brother"]
DID = ["repaired", "sold", "painted", "forgot", "described", "carried home", "lost", "measured"]
WHAT = [
    "the blue boat",
    "a wooden bridge",
    "three letters",
    "the broken clock",
    "an unusual map",
    "the garden wall",
]
WHEN = ["before the storm", "on Monday", "without a word", "during the long winter", "as everybody had expected"]
MORE = ["because the harbour was closed", "although nobody had asked for it", "while the children were asleep"]
WRONG = ["thing", "maybe", "house", "went", "of", "quickly"]
METRICS = (
    MetricInfo("chrF++", "chrF2++|nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0|bs:1000|seed:12345"),
    MetricInfo("BLEU", "BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0|bs:1000|seed:12345"),
    MetricInfo(
        "TER", "TER|nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0", higher_is_better=False
    ),
    MetricInfo("length", "length|unit:characters|scalemt:0.1.0", higher_is_better=None, group="behaviour"),
)
SYSTEMS = {
    "gpt-4": 0.16, "scale": 0.07, "nllb-200-3.3B": 0.09, "scale (no confidence)": 0.085, "m2m100": 0.33,
    "gpt-3.5-turbo": 0.30, "xglm-7.5B": 0.60, "ms-translator": 0.12,
}  # fmt: skip
DOMAINS = ("news", "travel", "health", "science")
BINS = tuple(
    (low / 10, (low + 1) / 10, 40 * (low + 1) ** 2, (low + 0.55) / 10, (low + 0.55) / 10 * 0.9)
    for low in range(10)
)


def sentence(chance: random.Random) -> str:
    parts = [chance.choice(WHO), chance.choice(DID), chance.choice(WHAT), chance.choice(WHEN)]
    if chance.random() < 0.6:
        parts.append(chance.choice(MORE))
    if chance.random() < 0.5:
        parts += ["and", chance.choice(WHO), chance.choice(DID), chance.choice(WHAT)]
    text = " ".join(parts) + "."
    return text[0].upper() + text[1:]


def spoil(text: str, rate: float, chance: random.Random) -> str:
    words = [chance.choice(WRONG) if chance.random() < rate else word for word in text.split()]
    return " ".join(word for word in words if chance.random() > rate / 3)


def score(text: str, reference: str) -> float:
    """A stand-in for a metric: 100 times the share of common words (Dice)."""
    one, two = text.split(), reference.split()
    common = sum(min(one.count(word), two.count(word)) for word in set(one))
    return 200 * common / max(1, len(one) + len(two))


def output(text: str, decision: str, chance: random.Random, slow: float) -> Output:
    drafted = spoil(text, 0.1, chance)
    words = tuple(
        Word(word, 0.15 if word in WRONG else round(chance.uniform(0.55, 1), 2)) for word in drafted.split()
    )
    facts = {"seconds": round(chance.uniform(0.5, 1.5) * slow, 3), "cost": round(0.0004 * slow * slow, 6)}
    return Output(text, Draft(drafted, words, -3.5, "nllb", "en"), decision, facts=facts)


def sample(
    segments: int = 1012,
    names: Sequence[str] = tuple(SYSTEMS),
    *,
    metrics: Sequence[MetricInfo] = METRICS,
    name: str = "made-up devtest",
    baseline: str = "gpt-4",
    seed: int = 7,
) -> Evaluation:
    """Build an evaluation; `names` beyond the known ones get rates of their own."""
    chance = random.Random(seed)
    references = [sentence(chance) for _ in range(segments)]
    sources = [" ".join(word[::-1] for word in text.split()) for text in references]
    rates = {system: SYSTEMS.get(system, 0.1 + 0.01 * number) for number, system in enumerate(names)}
    texts = {system: [spoil(text, rate, chance) for text in references] for system, rate in rates.items()}
    systems = tuple(
        System(system, _outputs(system, texts[system], chance), f"outputs/{system}.txt") for system in names
    )
    scores = {
        system: [score(text, reference) for text, reference in zip(texts[system], references, strict=True)]
        for system in names
    }
    cells = {system: _cells(scores[system], scores.get(baseline), metrics, system == baseline) for system in names}
    ids = tuple(f"dev-{number}" for number in range(1, segments + 1))
    test_set = TestSet(
        name, tuple(sources), (tuple(references),), Pair("xh", "en"), ids,
        tuple(chance.choice(DOMAINS) for _ in range(segments)),
    )  # fmt: skip
    found = {
        "scale": Reliability(BINS, 0.0471, 15400, {"pearson": 0.41, "spearman": 0.388}, "aligner:made-up|bins:10")
    }
    return Evaluation(
        test_set, systems, tuple(metrics), cells, baseline if baseline in names else "",
        reliability={name: value for name, value in found.items() if name in names},
        notes=("All texts are made up.",), scalemt="0.1.0",
    )  # fmt: skip


def _outputs(system: str, texts: Sequence[str], chance: random.Random) -> tuple[Output, ...]:
    if not system.startswith("scale"):
        return tuple(Output(text, facts={"seconds": 0.1 + SYSTEMS.get(system, 0.2)}) for text in texts)
    return tuple(output(text, "refine" if chance.random() < 0.7 else "draft", chance, 2.5) for text in texts)


def _cells(
    scores: Sequence[float], against: Sequence[float] | None, metrics: Sequence[MetricInfo], itself: bool
) -> dict[str, Cell]:
    cells = {}
    for number, metric in enumerate(metrics):
        turned = [
            100 - score if metric.higher_is_better is False else score * (1 - 0.15 * number) for score in scores
        ]
        mean = math.fsum(turned) / len(turned)
        spread = 1.96 * math.sqrt(math.fsum((value - mean) ** 2 for value in turned)) / len(turned)
        delta = 0.0
        verdict: Verdict = "baseline" if itself else "undefined"
        if against is not None and not itself:
            other = [
                100 - score if metric.higher_is_better is False else score * (1 - 0.15 * number)
                for score in against
            ]
            delta = mean - math.fsum(other) / len(other)
            verdict = _verdict(delta, spread, metric.higher_is_better)
        tests = (
            {}
            if itself or against is None
            else {"bootstrap": _p(delta, spread), "randomisation": _p(delta, spread) * 1.1}
        )
        cells[metric.name] = Cell(
            mean, mean, mean - spread, mean + spread, delta, tests, verdict=verdict, segments=tuple(turned)
        )
    return cells


def _verdict(delta: float, spread: float, higher_is_better: bool | None) -> Verdict:
    if abs(delta) < 1.8 * spread:
        return "tie"
    if higher_is_better is None:
        return "higher" if delta > 0 else "lower"
    return "better" if (delta > 0) == higher_is_better else "worse"


def _p(delta: float, spread: float) -> float:
    return math.exp(-2 * abs(delta) / spread) if spread else 1.0
