"""Difficulty, order and learning rate: which triplets a refiner learns, and when."""

from __future__ import annotations

from collections import Counter

import pytest

from scalemt.errors import ConfigurationError
from scalemt.training.refiner.difficulty import Bucket, bucket, distance_of, edit, ter
from scalemt.training.refiner.ordering import course, rate


def test_distances_are_nought_for_equal_texts_and_rise() -> None:
    for metric in (edit, ter):
        assert metric("la casa azul", "la casa azul") == 0
        assert metric("la casa", "la casa azul") < metric("un perro", "la casa azul")
    assert distance_of("edit") is edit
    assert distance_of("operator:ne")("a", "b")


def test_an_unknown_metric_names_the_choices() -> None:
    for name in ("comet", "no_such_module:f", "math:no_such_function", ":"):
        with pytest.raises(ConfigurationError, match="Valid choices: edit, ter, or module:function"):
            distance_of(name)


def test_buckets_by_quantiles_are_even_also_among_equal_distances() -> None:
    assert bucket([0.3, 0.1, 0.2], "quantiles", (1 / 3, 2 / 3)) == ["hard", "easy", "medium"]
    assert Counter(bucket([0.0] * 9, "quantiles", (1 / 3, 2 / 3))) == {"easy": 3, "medium": 3, "hard": 3}
    assert bucket([0.0, 0.2, 0.5, 0.9], "thresholds", (0.2, 0.6)) == ["easy", "medium", "medium", "hard"]


BUCKETS: list[Bucket] = ["hard", "easy", "medium"] * 8
LENGTHS = [10 + index % 7 for index in range(24)]


def test_both_orders_learn_the_same_triplets_and_one_of_them_from_easy_to_hard() -> None:
    staged, mixed = (
        course(BUCKETS, LENGTHS, order=order, steps=12, batch=2, updates=2, seed=4)
        for order in ("easy-to-hard", "mixed")
    )
    assert Counter(staged.order) == Counter(mixed.order)
    assert staged.steps == mixed.steps == 12
    assert mixed.stages == (12,)
    seen = [BUCKETS[index] for index in staged.order]
    assert [name for at, name in enumerate(seen) if at == 0 or seen[at - 1] != name] == ["easy", "medium", "hard"]
    assert sum(staged.stages) * 4 == len(staged.order)


def test_a_course_is_drawn_by_its_seed_and_goes_through_all_by_default() -> None:
    def drawn(seed: int, steps: int = 0) -> tuple[int, ...]:
        return course(BUCKETS, LENGTHS, order="mixed", steps=steps, batch=4, updates=1, seed=seed).order

    assert sorted(drawn(1)) == list(range(24))
    assert drawn(1) == drawn(1) != drawn(2)
    assert Counter(drawn(1, 12)) == dict.fromkeys(range(24), 2)
    assert len(course(["easy"], [3], order="mixed", steps=0, batch=8, updates=1, seed=0).order) == 8


def test_batches_hold_texts_of_about_one_length() -> None:
    lengths = [(index * 37) % 64 for index in range(64)]
    order = course(["easy"] * 64, lengths, order="mixed", steps=0, batch=4, updates=1, seed=0).order
    spread = [
        max(group) - min(group) for group in zip(*[iter(lengths[index] for index in order)] * 4, strict=True)
    ]
    assert max(spread) <= 4


def test_the_rate_rises_and_falls_once_or_in_each_stage() -> None:
    stages = (10, 10)
    once = [rate(step, stages, "cosine", 0.1) for step in range(20)]
    staged = [rate(step, stages, "staged", 0.1) for step in range(20)]
    assert once[1] == once[2] == max(once) == 1
    assert once[-1] < 0.02
    assert staged[:10] == staged[10:]
    assert staged[9] < 0.05 < staged[10] == 1
    assert rate(15, stages, "constant", 0.1) == 1
    assert rate(20, stages, "staged", 0.1) == 0
