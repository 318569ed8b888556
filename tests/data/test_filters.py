"""Each filter with hand-made pairs: what it drops, why, and what it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from scalemt.data.filters import FILTERS, Filter, Item, Memory, Overlap, StatefulFilter
from scalemt.data.shingles import NearIndex
from scalemt.data.thresholds import shuffled, tuned
from scalemt.errors import InputError
from scalemt.types import Pair

EN_ES = Pair("en", "es")
LONG = "The heron stands in the shallow water and waits for a fish that does not come."
LONG_ES = "La garza está de pie en el agua poco profunda y espera un pez que no llega."


def judged(name: str, source: str, target: str, pair: Pair = EN_ES, **settings: object) -> str:
    return FILTERS[name](**settings).judge(Item(source, target, pair))


@pytest.mark.parametrize(
    ("name", "source", "target", "reason"),
    [
        ("length", "A heron.", "  ", "the target is empty"),
        ("length", "a" * 1001, "b", "the source has 1,001 characters"),
        ("length", "x " + "a" * 201, "b", "the source has a word of 201 characters"),
        ("encoding", "A signal", "Una seÃ±al", "the target holds 'Ã±', which was 'ñ'"),
        ("encoding", "It\u00e2\u20ac\u2122s here", "x", "which was '\u2019'"),
        ("encoding", "A heron", "Ð¦Ð°Ð¿Ð»Ñ\x8f", "the target holds U+008F"),
        ("encoding", "A heron", "Р¦Р°РїР»СЏ", "which was 'Цапля'"),
        ("encoding", "A h\ufffdron", "x", "the source holds U+FFFD"),
        ("ratio", "Yes.", LONG_ES, "4 columns against 75"),
        ("letters", "12 34 56 a", "x", "1 letters among 7 characters of the source"),
        ("script", "A grey heron", "Серая цапля", "0 of 10 letters of the target are Latn"),
        ("copy", LONG, LONG, "100 % the same as the source"),
        ("repetition", LONG, "la garza la garza la garza la garza", "repeats 'la garza'"),
        ("numbers", "It weighs 120 kg.", "Pesa 130 kg.", "the number 120 of the source is missing"),
        ("numbers", "See https://a.example/x now", "Vea ahora", "https://a.example/x of the source is missing"),
        ("tags", "A <b>grey</b> heron", "Una garza <b>gris", "</b> of the source is missing"),
        ("tags", "A heron", "Una garza %s", "%s is not in the source"),
        ("language", LONG, "Der Reiher steht im flachen Wasser und wartet auf einen Fisch.", "looks like German"),
    ],
)
def test_what_a_filter_drops(name: str, source: str, target: str, reason: str) -> None:
    assert reason in judged(name, source, target)


@pytest.mark.parametrize(
    "name", [name for name in FILTERS if name not in {"overlap", "meaning", "alignment", "terms"}]
)
def test_a_good_pair_stays(name: str) -> None:
    step = FILTERS[name]()
    item = Item(f"{LONG} <b>12</b> %s", f"{LONG_ES} <b>12</b> %s", EN_ES)
    assert (step.state() if isinstance(step, StatefulFilter) else step).judge(item) == ""


def test_edges_of_filters() -> None:
    assert judged("ratio", "東京", "Tokyo is it", Pair("ja", "en")) == ""
    assert judged("script", "日本語のテキスト", "a text", Pair("ja", "en")) == ""
    assert judged("script", "हिन्दी में", "in Hindi", Pair("hi", "en")) == ""
    assert judged("letters", "हिन्दी में", "in Hindi", Pair("hi", "en")) == ""
    assert (
        judged("script", "Cliquer <b>OK</b>", 'Нажмите <b class="grey heron">да</b>', Pair("fr", "ru"), least=0.9)
        == ""
    )
    for text in ("Él señaló «así» – ¿qué?", "Серая цапля", "Їжак і ґава", "灰色の鷺", "ẞ ñ é", "Größe\u00a0€ 5"):
        assert judged("encoding", text, text) == "", text
    assert judged("copy", "LibreOffice", "LibreOffice") == ""
    assert judged("copy", "LibreOffice", "LibreOffice", short=True) == "both sides are the same"
    assert judged("language", LONG, LONG_ES[:20]) == ""
    assert judged("language", LONG_ES, LONG_ES, sides=("target",)) == ""
    assert judged("length", "中" * 900, "x", Pair("zh", "en")) == "", "no words: no word is too long"


def state(name: str, **settings: object) -> Memory:
    step = FILTERS[name](**settings)
    assert isinstance(step, StatefulFilter)
    return step.state()


def test_duplicates() -> None:
    seen = state("duplicates")
    assert seen.judge(Item("A  heron", "Una garza", EN_ES)) == ""
    assert seen.judge(Item("a heron", "una GARZA ", EN_ES)) == "the same pair stands before it"
    assert seen.judge(Item("a heron", "otra garza", EN_ES)) == ""
    assert seen.judge(Item("a heron", "una garza", Pair("en", "gl"))) == ""
    by_source = state("duplicates", by="source")
    by_source.learn(Item("a heron", "una garza", EN_ES))
    assert by_source.judge(Item("A heron", "otra", EN_ES)) == "the same source stands before it"


def test_near_duplicates_need_both_sides() -> None:
    near = state("near", likeness=90)
    assert near.judge(Item(LONG, LONG_ES, EN_ES)) == ""
    assert near.judge(Item(LONG.replace("come", "comes"), "Algo muy distinto, de otra persona.", EN_ES)) == ""
    assert "nearly the same" in near.judge(Item(LONG.replace("a fish", "the fish"), LONG_ES + ".", EN_ES))


def test_what_a_test_set_holds_is_dropped(tmp_path: Path) -> None:
    text, pairs = tmp_path / "devtest.txt", tmp_path / "dev.tsv"
    text.write_text(f"Something else entirely.\n\n{LONG_ES}\n", "utf-8")
    pairs.write_text("The mill is closed today.\tEl molino está cerrado hoy.\n", "utf-8")
    step = Overlap(tests=(str(text), str(pairs)), languages=("en", "es"))
    step.check()
    assert "devtest.txt, segment 3" in step.judge(Item("x", LONG_ES.replace("un pez", "el pez"), EN_ES))
    assert "dev.tsv, segment 1" in step.judge(Item("The mill is closed today", "x", EN_ES))
    assert step.judge(Item("The mill turns.", "El molino gira.", EN_ES)) == ""
    empty = tmp_path / "empty.txt"
    empty.write_bytes(b"")
    with pytest.raises(InputError, match=r"empty.txt: no text in it"):
        Overlap(tests=(str(empty),)).check()


def test_near_index_finds_what_a_comparison_with_all_finds() -> None:
    from rapidfuzz import fuzz

    texts = [f"{LONG} {number}" for number in range(40)] + [
        f"page {number * 7919} of the book" for number in range(60)
    ]
    index = NearIndex(90)
    for number, text in enumerate(texts[::2]):
        index.add(text, str(number))
    due = [any(fuzz.ratio(a.casefold(), b.casefold()) >= 90 for b in texts[::2]) for a in texts[1::2]]
    found = [index.find(text) is not None for text in texts[1::2]]
    assert not any(hit and not wanted for hit, wanted in zip(found, due, strict=True))
    assert sum(due) > 25
    # Short texts that differ in a few figures are the hardest.
    assert sum(found) >= 0.9 * sum(due)
    assert index.find("") is None
    assert NearIndex().find("x") is None


@pytest.mark.parametrize("text", ["", "a", "é", "\U0001f600", "日本", "x" * 100_000, "\x00"])
def test_any_text_can_be_looked_for(text: str) -> None:
    index = NearIndex()
    index.add(text)
    found = index.find(text)
    assert found is None if not text else (found is not None and found[1] == 100)


def test_a_threshold_is_where_the_fewest_mistakes_are() -> None:
    found = tuned([0.8, 0.9, 0.7, 0.1], [0.1, 0.2, 0.3, 0.2], 0.5)
    assert 0.3 < found.value < 0.7
    assert (found.kept, found.rejected, found.sample) == (0.75, 1.0, 4)
    # Where the scores say nothing, nothing is dropped.
    assert tuned([0.5] * 4, [0.5] * 4, 0.1).kept == 1.0
    mixed = [0.1, 0.2, 0.3, 0.4]
    assert tuned(mixed, mixed, 0.1).kept == 1.0


def test_shuffling_leaves_none_in_its_place() -> None:
    targets = [str(number % 50) for number in range(100)]
    moved = shuffled(targets, 3)
    assert sorted(moved) == sorted(targets) or len(set(moved)) > 40
    assert all(a != b for a, b in zip(targets, moved, strict=True))
    assert shuffled(["a", "a"], 1) == ["a", "a"]
    assert shuffled([], 1) == []


@pytest.mark.parametrize(
    ("name", "settings"),
    [("length", {"most": 0}), ("ratio", {"most": 0.5}), ("near", {"likeness": 20}), ("meaning", {"noise": 0}),
     ("overlap", {}), ("tags", {"kinds": ["tags"]}), ("copy", {"shorts": True})],
)  # fmt: skip
def test_settings_are_checked(name: str, settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FILTERS[name](**settings)


def test_every_filter_says_its_name() -> None:
    for name, kind in FILTERS.items():
        assert issubclass(kind, Filter)
        assert kind.model_fields["filter"].default == name
