"""Which demonstrations are shown: one drawn list, or the nearest."""

from __future__ import annotations

import random

import pytest

from scalemt.memory import SELECTORS, packaged_demonstrations
from scalemt.memory.selection import FixedSelector, NearestSelector
from scalemt.types import Demonstration, Pair


def pool(*sources: str) -> list[Demonstration]:
    return [Demonstration(source, f"target {number}") for number, source in enumerate(sources)]


WEATHER = pool(
    "The train leaves at noon.",
    "The weather is fine today.",
    "Rain is expected in the north.",
    "She reads a book about trains.",
    "The weather in the north is cold.",
)


def test_registered_names() -> None:
    assert SELECTORS.load("fixed") is FixedSelector
    assert SELECTORS.load("nearest") is NearestSelector


def test_fixed_shows_a_small_pool_whole_and_in_order() -> None:
    for shots in (5, 6, 64):
        selector = FixedSelector(WEATHER, shots, seed=3)
        assert selector.select(["a", "b"]) == [[0, 1, 2, 3, 4]] * 2
        assert selector.shots == 5


def test_fixed_draws_once_by_seed_in_the_order_of_the_pool() -> None:
    big = pool(*(f"sentence {number}" for number in range(50)))
    first = FixedSelector(big, 5, seed=1).select(["x", "y"])
    assert first == FixedSelector(big, 5, seed=1).select(["other", "texts"])
    assert first[0] == first[1] == sorted(set(first[0]))
    drawn = {tuple(FixedSelector(big, 5, seed).select(["x"])[0]) for seed in range(20)}
    assert len(drawn) > 15


def test_fixed_leaves_the_global_generator_alone() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    FixedSelector(WEATHER, 2, seed=1).select(["x"])
    assert random.random() == expected


def test_nearest_shows_the_most_similar_last() -> None:
    selector = NearestSelector(WEATHER, 2)
    assert selector.select(["Cold weather in the north"]) == [[2, 4]]
    assert selector.select(["fine weather"])[0][-1] == 1


def test_nearest_is_deterministic_and_each_text_by_itself() -> None:
    texts = ["Trains to the north", "A book", "", "weather weather weather"]
    found = NearestSelector(WEATHER, 3).select(texts)
    assert found == NearestSelector(WEATHER, 3, seed=9).select(texts)
    assert found == [NearestSelector(WEATHER, 3).select([text])[0] for text in texts]
    selector = NearestSelector(WEATHER, 3)
    assert selector.select(texts) == selector.select(texts) == found
    assert all(len(set(row)) == 3 for row in found)


@pytest.mark.parametrize("text", ["", "   ", "zzz qqq", "🙂🙂", "...", "日本"])
def test_nearest_without_a_shared_word_shows_the_first_of_the_pool(text: str) -> None:
    assert NearestSelector(WEATHER, 3).select([text]) == [[1, 2, 0]]


def test_nearest_puts_first_what_is_chosen_often_so_that_prompts_begin_alike() -> None:
    common = ["the weather is fine", "the weather is cold"]
    rare = [f"{word} and the weather" for word in ("trains", "books", "bread", "rivers")]
    texts = [f"{word} {word} weather" for word in ("trains", "books", "bread", "rivers")]
    rows = NearestSelector(pool(*rare, *common), 3).select(texts)
    assert [row[-1] for row in rows] == [0, 1, 2, 3]
    assert len({row[0] for row in rows}) < len({tuple(row) for row in rows})
    ranks = {index: place for row in rows for place, index in enumerate(row[:-1])}
    assert all(row[:-1] == sorted(row[:-1], key=lambda index: ranks[index]) for row in rows)


def test_nearest_passes_over_words_that_the_index_does_not_hold() -> None:
    selector = NearestSelector(WEATHER, 1)
    assert selector.select(["cold zzz"]) == selector.select(["cold"]) == [[4]]


@pytest.mark.parametrize(
    ("sources", "text", "nearest"),
    [
        (["今天天气很好", "火车中午出发", "她在读一本书"], "天气怎么样", 0),
        (["電車は正午に出ます", "今日は天気がいい", "本を読む"], "天気予報", 1),
        (["รถไฟออกตอนเที่ยง", "วันนี้อากาศดี", "เธออ่านหนังสือ"], "อากาศ", 1),
        (["ရထားထွက်သည်", "မိုးရွာသည်", "စာအုပ်ဖတ်သည်"], "မိုး", 1),
        (["поезд уходит", "погода хорошая", "она читает"], "Погода?", 1),
        (["القطار يغادر", "الطقس جميل", "تقرأ كتابا"], "الطقس", 1),
    ],
)
def test_nearest_in_other_scripts(sources: list[str], text: str, nearest: int) -> None:
    assert NearestSelector(pool(*sources), 1).select([text]) == [[nearest]]


def test_a_pool_of_one_of_punctuation_and_of_none() -> None:
    assert NearestSelector(pool("Hello"), 5).select(["x", "hello"]) == [[0], [0]]
    assert NearestSelector(pool("...", "!"), 2).select(["...", "x"]) == [[1, 0], [1, 0]]
    for kind in (FixedSelector, NearestSelector):
        assert kind([], 5).select(["x", "y"]) == [[], []]
        assert kind(WEATHER, 0).select(["x"]) == [[]]
        assert kind(WEATHER, 3).select([]) == []


def test_nearest_in_the_packaged_pool_finds_a_sentence_by_most_of_its_words() -> None:
    found = packaged_demonstrations(Pair("en", "eu"))
    texts = [" ".join(item.source.split()[1:]) for item in found]
    rows = NearestSelector(found, 5).select(texts)
    hits = sum(row[-1] == index for index, row in enumerate(rows))
    assert hits >= 0.95 * len(found)
