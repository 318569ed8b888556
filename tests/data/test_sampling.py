"""Samples, Strategic Downsampling, and splits by document."""

from __future__ import annotations

from collections import Counter
from math import inf

import pytest

from scalemt.data.sampling import Downsampling, plan_sample, quotas
from scalemt.data.splitting import choose, document_of
from scalemt.errors import UsageError
from scalemt.memory import Unit
from scalemt.types import Pair

EN_ES = Pair("en", "es")


def corpus(count: int = 1000) -> list[Unit]:
    """A tenth are labels, the others sentences, from four files of which one is small."""
    made = []
    for number in range(count):
        text = f"Label {number}" if number % 10 == 0 else f"The heron number {number} stands in the cold water."
        file = "small" if number < count // 50 else f"file{number % 3}"
        made.append(Unit(text, f"{text} (es)", EN_ES, origin=f"in.tsv#{number + 1} | {file}"))
    return made


def test_a_sample_has_the_strata_of_its_corpus() -> None:
    units = corpus()
    plan = plan_sample(lambda: units, 100, seed=3)
    assert plan.strata == {("up to 4 words",): (100, 10), ("up to 9 words",): (900, 90)}
    drawn = list(plan.drawn(lambda: units))
    assert len(drawn) == plan.size == 100
    assert sum(unit.source.startswith("Label") for unit in drawn) == 10
    numbers = [units.index(unit) for unit in drawn]
    assert numbers == sorted(set(numbers))
    assert list(plan.drawn(lambda: units)) == drawn
    assert list(plan_sample(lambda: units, 100, seed=4).drawn(lambda: units)) != drawn


def test_temperature_gives_small_strata_more() -> None:
    counts: dict[tuple[str, ...], int] = {("a",): 900, ("b",): 90, ("c",): 10}
    assert quotas(counts, 100) == {("a",): 90, ("b",): 9, ("c",): 1}
    assert quotas(counts, 90, inf) == {("a",): 40, ("b",): 40, ("c",): 10}
    warm = quotas(counts, 100, 5)
    assert sum(warm.values()) == 100
    assert warm[("c",)] == 10
    assert quotas(counts, 5000) == counts
    assert sum(quotas({("a",): 1, ("b",): 1, ("c",): 1}, 2).values()) == 2


def test_a_sample_by_two_properties() -> None:
    units = corpus()
    plan = plan_sample(lambda: units, 40, by=("length", "origin"), temperature=inf)
    assert {name: drawn for name, (_, drawn) in plan.strata.items() if name[1] == "small"} == {
        ("up to 4 words", "small"): 2, ("up to 9 words", "small"): 5
    }  # fmt: skip
    with pytest.raises(UsageError, match="no pairs"):
        plan_sample(list, 5)
    with pytest.raises(UsageError, match="temperature of 1 or more"):
        plan_sample(lambda: units, 5, temperature=0.5)


def multi_way(count: int) -> list[Unit]:
    """Each sentence with three languages out of English and into it; as many of Welsh alone."""
    made = []
    for number in range(count):
        english = f"The heron number {number} is grey."
        for tag in ("es", "gl", "pt-BR"):
            made.append(Unit(english, f"{tag} {number}", Pair("en", tag)))
            made.append(Unit(f"{tag} {number}", english.upper() if number % 2 else english, Pair(tag, "en")))
        made.append(Unit(f"cy {number}", f"The stork number {number} is white.", Pair("cy", "en")))
        made.append(Unit(f"es {number}", f"gl {number}", Pair("es", "gl")))
    return made


def test_downsampling_thins_the_multi_way_part_into_the_pivot_alone() -> None:
    units = multi_way(1000)
    made = Downsampling(("en-GB",))
    kept = list(made.kept(lambda: units))
    pairs = Counter(str(unit.pair) for unit in kept)
    assert [pairs[f"en->{tag}"] for tag in ("es", "gl", "pt-BR")] == [1000] * 3
    assert (pairs["cy->en"], pairs["es->gl"]) == (1000, 1000)
    into = sum(pairs[f"{tag}->en"] for tag in ("es", "gl", "pt-BR"))
    assert 110 <= into <= 190  # 5 % of 3,000, four standard deviations
    assert made.counts["into pivot, multi-way kept"] == into
    assert made.sources["before"] == pytest.approx(2.0)
    assert made.sources["after"] < 1.2
    # The coin is the example's: another order, or a longer corpus, changes no toss.
    longer = list(Downsampling(("en",)).kept(lambda: [*reversed(units), *multi_way(1100)[-800:]]))
    texts = {(unit.source, unit.target) for unit in longer}
    assert all((unit.source, unit.target) in texts for unit in kept if unit.pair.target == "en")


def test_downsampling_makes_both_directions_when_told() -> None:
    units = [unit for unit in multi_way(200) if unit.pair.source == "en"]
    made = Downsampling(("en",), keep=0, both=True)
    kept = list(made.kept(lambda: units))
    assert kept == units
    assert made.counts["into pivot, multi-way read"] == 600
    assert len(list(Downsampling(("en",), keep=1, both=True).kept(lambda: units))) == 1200
    # One other language is no multi-way corpus.
    alone = [unit for unit in units if unit.pair.target == "es"]
    assert len(list(Downsampling(("en",), keep=0, both=True).kept(lambda: alone))) == 400
    assert len(list(Downsampling(("en",), keep=0, languages=4, both=True).kept(lambda: units))) == 1200
    with pytest.raises(UsageError, match="found no pivot"):
        Downsampling(())


def test_a_split_takes_whole_documents_and_lets_nothing_leak() -> None:
    units = [
        Unit(f"Sentence {number} of {document}.", f"Frase {number} de {document}.", EN_ES,
             origin=f"in.tsv#{number} | doc{document}")
        for document in range(100) for number in range(1, 11)
    ]  # fmt: skip
    # What every document has: dev has it too, so train must not.
    units += [Unit("Close", "Cerrar", EN_ES, origin=f"in.tsv#11 | doc{document}") for document in range(100)]
    split = choose(lambda: units, share=0.1, seed=1)
    dev, train = list(split.held_out(lambda: units)), list(split.training(lambda: units))
    assert (split.documents, split.blocks, split.pairs) == (100, 0, 1100)
    assert len(dev) == 110
    assert split.leaking == 90
    assert len(train) == 900
    documents = [{document_of(unit, "origin", 100)[0] for unit in side} for side in (dev, train)]
    assert not documents[0] & documents[1]
    # A corpus that has grown keeps its split.
    later = [*units, *(Unit(f"New {n}", f"Nuevo {n}", EN_ES, origin=f"in.tsv#{n} | other{n}") for n in range(20))]
    again = choose(lambda: later, share=0.1, seed=1)
    assert len(again.dev & split.dev) >= 8
    near = choose(lambda: units, share=0.1, seed=1)
    near.likeness = 85
    assert len(list(near.training(lambda: units))) < 900


def test_where_nothing_tells_a_document_neighbours_are_one() -> None:
    units = [Unit(f"Sentence {n}.", f"Frase {n}.", EN_ES, origin=f"in.tsv#{n}") for n in range(1, 1001)]
    split = choose(lambda: units, share=0.1, block=20)
    dev = list(split.held_out(lambda: units))
    assert (len(dev), split.blocks, split.documents) == (100, 1000, 50)
    with pytest.raises(UsageError, match=r"Dev should have 10 pairs, and the smallest document has 500"):
        choose(lambda: units, most=10, block=500)
    with pytest.raises(UsageError, match="one document"):
        choose(lambda: units, by="file")
    with pytest.raises(UsageError, match="no pairs"):
        choose(list)
