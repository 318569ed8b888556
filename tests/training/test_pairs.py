"""Pairs to train on: read, drawn, masked, mixed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from scalemt.data.reading import Source
from scalemt.errors import InputError
from scalemt.memory import MemoryStore, Unit
from scalemt.training.pairs import OTHER_LANGUAGES, TESTED, masked, mixed, pairs_of, read_pairs, without
from scalemt.types import Pair

EN_PT = Pair("en", "pt")


def corpus(path: Path, lines: int = 40) -> Path:
    path.write_text("".join(f"The plum {n} is ripe.\tA ameixa {n} está madura.\n" for n in range(lines)), "utf-8")
    return path


def test_a_smaller_share_is_part_of_a_larger_one(tmp_path: Path) -> None:
    source = Source((str(corpus(tmp_path / "a.tsv")),))
    tenth, half = (read_pairs(source, EN_PT, fraction=share, seed=3) for share in (0.1, 0.5))
    assert (len(tenth), len(half)) == (4, 20)
    assert set(tenth.sources) < set(half.sources)
    assert read_pairs(source, EN_PT, fraction=0.1, seed=3).digest == tenth.digest
    assert read_pairs(source, EN_PT, fraction=0.1, seed=4).digest != tenth.digest
    assert len(read_pairs(source, EN_PT, lines=7)) == 7


def test_the_other_direction_is_swapped(tmp_path: Path) -> None:
    path = str(corpus(tmp_path / "a.tsv", 2))
    found = read_pairs(Source((path,), "en", "pt"), Pair("pt", "en"))
    assert found.sources[0] == "A ameixa 0 está madura."


def test_a_memory_gives_its_pair_and_a_territory_is_no_obstacle(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "m.db", create=True)
    store.add([Unit("A ripe plum.", "Uma ameixa madura.", Pair("en", "pt-BR")), Unit("A", "B", Pair("en", "de"))])
    store.close()
    assert read_pairs(Source((str(tmp_path / "m.db"),)), EN_PT).targets == ("Uma ameixa madura.",)


def test_nothing_in_the_direction_is_an_error_that_counts(tmp_path: Path) -> None:
    path = str(corpus(tmp_path / "a.tsv", 3))
    with pytest.raises(InputError, match=f"holds no pair for en->pt: 3 {OTHER_LANGUAGES}"):
        read_pairs(Source((path,), "de", "fr"), EN_PT)


def test_what_a_test_set_holds_is_not_trained_on() -> None:
    train = pairs_of("train", [Unit("One  Plum", "x", EN_PT), Unit("a", "DUAS", EN_PT), Unit("b", "c", EN_PT)])
    tested = pairs_of("dev", [Unit("one plum", "uma", EN_PT), Unit("two", "duas", EN_PT)])
    left = without(train, [tested])
    assert left.sources == ("b",)
    assert left.passed_over == Counter({TESTED: 2})
    assert without(left, [tested]) is left


def test_spans_are_masked_alike_on_both_sides() -> None:
    both = masked("Press <b>Save</b> in %s.", "Em %s, prima <b>Guardar</b>.", "word")
    assert both is not None
    source, target = (text.split() for text in both)
    assert {word.strip(".,") for word in source} & {word.strip(".,") for word in target}
    assert "%s" not in both[0] + both[1]
    assert masked("Press <b>Save</b>.", "Prima Guardar 7.", "word") is None or "<b>" not in both[0]
    assert masked("A plum %d.", "Uma ameixa.", "word") is None
    assert masked("A plum.", "Uma ameixa.", "word") == ("A plum.", "Uma ameixa.")


def test_corpora_are_drawn_by_weight_and_each_line_in_its_turn() -> None:
    drawn = mixed([10, 1000, 0], [3.0, 1.0, 5.0], 4000, seed=1)
    counts = Counter(number for number, _ in drawn)
    assert counts[2] == 0
    assert counts[0] == pytest.approx(3000, abs=120)
    turns = Counter(line for number, line in drawn if number == 0)
    assert max(turns.values()) - min(turns.values()) <= 1
    assert mixed([10, 1000, 0], [3.0, 1.0, 5.0], 4000, seed=1) == drawn
    assert mixed([10, 1000, 0], [3.0, 1.0, 5.0], 50, seed=2) != drawn[:50]
