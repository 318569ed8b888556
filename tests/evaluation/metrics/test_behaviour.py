"""Copies, lengths, languages, empty and truncated outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from scalemt.errors import InputError
from scalemt.evaluation.metrics import build_metric
from scalemt.evaluation.metrics.folding import fold, is_blank, units, words
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.types import Pair

NAMES = ["copy", "length", "language", "empty", "truncated"]


def score(
    name: str,
    outputs: Sequence[str | Output],
    *,
    sources: Sequence[str] = (),
    references: Sequence[str] = (),
    target: str = "",
) -> tuple[float, list[float]]:
    """The score of the whole and those of the segments."""
    system = System("s", tuple(item if isinstance(item, Output) else Output(item) for item in outputs))
    pair = Pair("en", target) if target else None
    ids = tuple(map(str, range(len(outputs))))
    columns = (tuple(references),) if references else ()
    metric = build_metric(name)
    measured = metric.measure(system, TestSet("t", tuple(sources), columns, pair, ids))
    return float(metric.score(measured.statistics.sum(0, keepdims=True))[0]), measured.segments.tolist()


def nan_safe(values: list[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]


# Folding.


def test_fold_makes_equal_what_reads_equal() -> None:
    assert fold("  Ｓtraße\u00a0 nach\tULM\u200b\u00ad ") == "strasse nach ulm"
    assert fold("e\u0301") == fold("É")
    assert fold("\ufeff\u200b") == ""


def test_units_of_several_scripts() -> None:
    assert units("COVID-19, l'hôpital!") == ["COVID", "-", "19", ",", "l", "'", "hôpital", "!"]
    assert units("船は出ない。Go") == ["船", "は", "出", "な", "い", "。", "Go"]
    # A mark stays with its letter, and inside a word: हिन्दी is one word, ที่ is one letter with two marks.
    assert units("हिन्दी भाषा") == ["हिन्दी", "भाषा"]
    assert units("ที่นี่") == ["ที่", "นี่"]
    assert units("می\u200cروم") == ["می\u200cروم"]
    assert units("") == units(" \n\t") == []
    assert units("a \u0301\u0301b") == ["a", "\u0301\u0301", "b"]  # marks on nothing


def test_words_leave_out_signs() -> None:
    assert words("Yes — 3 of them (see §2)!") == ["Yes", "3", "of", "them", "see", "2"]


def test_units_of_a_huge_word_take_no_quadratic_time() -> None:
    text = "a\u0301" * 300_000 + " " + "字" * 300_000
    assert len(units(text)) == 300_001
    assert len(units("\u0301" * 500_000)) <= 500_000


def test_units_put_together_are_the_text_without_space() -> None:
    text = "Ein Satz, 3 字符 และ\u200b mehr… 👩‍🚀 é"
    assert "".join(units(text)) == "".join(text.split())


def test_blank() -> None:
    assert is_blank(" \u200b\ufeff\u00ad\x00\n")
    assert not is_blank(" .")


# Copies.


def test_copies_are_found_whatever_their_case_and_space() -> None:
    sources = ["Good  night!", "Ulm", "Two words", "Stay"]
    outputs = ["good night! ", "ＵＬＭ", "Zwei Wörter", ""]
    assert score("copy", outputs, sources=sources) == (50.0, [100.0, 100.0, 0.0, 0.0])


def test_blank_sources_can_be_no_copies() -> None:
    total, segments = score("copy", ["", "a"], sources=["\u200b", "b"])
    assert (total, nan_safe(segments)) == (0.0, [None, 0.0])


# Lengths.


def test_length_is_counted_in_words_over_all_segments() -> None:
    total, segments = score("length", ["one two three", "one"], references=["one two", "one, two, three, four!"])
    assert segments == [150.0, 25.0]
    assert total == pytest.approx(100 * 4 / 6)


def test_length_is_counted_in_letters_where_there_are_no_spaces() -> None:
    assert score("length", ["明天下雨。"], references=["明天会下大雨吧！！！"])[0] == pytest.approx(100 * 4 / 7)
    assert score("length", ["ที่นี่"], references=["ที่"])[0] == 200.0


def test_length_takes_the_first_reference_and_survives_empty_ones() -> None:
    metric = build_metric("length")
    test_set = TestSet("t", references=(("a b", ""), ("a b c d e", "x")))
    measured = metric.measure(System("s", (Output("a"), Output("b c"))), test_set)
    assert nan_safe(measured.segments.tolist()) == [50.0, None]
    assert metric.score(measured.statistics.sum(0, keepdims=True))[0] == 150.0
    assert math.isnan(score("length", ["a", ""], references=["", ""])[0])
    assert metric.higher_is_better is None


# Languages.

PORTUGUESE = "A balsa foi cancelada por causa da tempestade, então passamos mais uma noite na ilha."
ENGLISH = "The ferry was cancelled because of the storm, so we spent another night on the island."
CHINESE = "由于暴风雨的缘故，渡轮被取消了，所以我们在岛上又多住了一个晚上，第二天早上才回到家里。"


def test_language_counts_what_is_identified_as_the_target() -> None:
    total, segments = score("language", [PORTUGUESE, ENGLISH, "Ulm", ""], target="pt-BR")
    assert total == 50.0
    assert nan_safe(segments) == [100.0, 0.0, None, None]


@pytest.mark.parametrize("target", ["zh", "zh-Hant"])
def test_chinese_is_not_missed_for_its_dialects(target: str) -> None:
    assert score("language", [CHINESE, ENGLISH], target=target)[0] == 50.0


def test_codes_of_the_identifier_are_mapped() -> None:
    norwegian = (
        "Fergen ble innstilt på grunn av stormen, så vi tilbrakte enda en natt på øya sammen med vennene våre."
    )
    tagalog = (
        "Kinansela ang lantsa dahil sa bagyo, kaya nagpalipas kami ng isa pang gabi sa isla kasama ng pamilya."
    )
    assert score("language", [norwegian], target="nb")[0] == 100.0
    assert score("language", [tagalog], target="fil")[0] == 100.0


def test_a_language_that_the_identifier_does_not_know_is_no_failure() -> None:
    metric = build_metric("language")
    test_set = TestSet("t", ids=("1",), pair=Pair("en", "fur"))
    measured = metric.measure(System("s", (Output(ENGLISH),)), test_set)
    assert np.isnan(metric.score(measured.statistics.sum(0, keepdims=True))[0])
    assert "target:unknown-fur|" in metric.signature


def test_the_signature_of_language_says_what_was_accepted() -> None:
    metric = build_metric("language")
    assert "target" not in metric.signature
    metric.measure(System("s", (Output(CHINESE),)), TestSet("t", ids=("1",), pair=Pair("en", "zh")))
    assert "|target:zh+yue+wuu|letters:25|" in metric.signature
    assert metric.signature.startswith("langid:py3langid-")


def test_language_needs_the_pair() -> None:
    with pytest.raises(InputError, match=r"language needs pair.*--to"):
        score("language", ["a"])


# Empty outputs.


def test_empty_outputs() -> None:
    outputs = ["", " \u200b\ufeff", "a", "", "b"]
    sources = ["one", "two", "three", "", "\u00a0"]
    total, segments = score("empty", outputs, sources=sources)
    assert nan_safe(segments) == [100.0, 100.0, 0.0, None, None]
    assert total == pytest.approx(200 / 3)
    assert score("empty", outputs)[0] == 60.0
    assert score("empty", outputs, references=sources)[0] == pytest.approx(200 / 3)


# Truncated outputs.


@pytest.mark.parametrize(
    ("output", "source", "cut"),
    [
        ("It went on and", "Era assim.", True),
        ("It went on.", "Era assim.", False),
        ("It went on and", "Era assim", False),  # the source has no end either: a heading
        ("Is it?", "Era assim.", False),
        ("He said: “It is.”", "Ele disse: «É.»", False),
        ("He said (it is!)", "Ele disse (é!)", False),
        ("„Es geht.“ ", "It goes.", False),
        ("Er sagte: »Es geht.«", "It goes.", False),
        ("…and so on…", "E assim.", False),
        ("明天下雨。」", "It will rain.", False),
        ("明天下", "It will rain.", True),
        ("It will", "明天下雨。", True),
        ("यह ठीक है।", "It is fine.", False),
        ("ይህ ጥሩ ነው።", "It is fine.", False),
        ("Սա լավ է։", "It is fine.", False),
        ("Սա լավ է:", "It is fine.", False),  # typed with a colon
        ("Είναι καλά;", "Is it fine?", False),  # the Greek question mark
        ("هل هذا جيد؟", "Is it fine?", False),
        ("", "It is fine.", False),  # counted as empty
        (")", "It is fine.", True),
        ("It is fine", '."', True),
    ],
)
def test_a_missing_end_tells_of_truncation(output: str, source: str, cut: bool) -> None:
    assert score("truncated", [output], sources=[source])[0] == 100.0 * cut


def test_what_the_system_told_counts_whatever_the_text() -> None:
    outputs = [Output("It is fine.", truncated=True), Output("", truncated=True), Output("It is fine.")]
    assert score("truncated", outputs, sources=["É."] * 3)[1] == [100.0, 100.0, 0.0]
    assert score("truncated", outputs)[1] == [100.0, 100.0, 0.0]


def test_the_reference_has_a_say_where_it_is_known() -> None:
    # Thai writes no full stop, so an output without one is whole.
    outputs, sources = ["วันนี้ฝนตก"], ["It rains today."]
    assert score("truncated", outputs, sources=sources)[0] == 100.0
    assert score("truncated", outputs, sources=sources, references=["วันนี้ฝนจะตก"])[0] == 0.0
    assert score("truncated", ["It rains"], references=["It rains today."])[0] == 100.0


# All of them.


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_one_token_with_a_version(name: str) -> None:
    signature = build_metric(name).signature
    assert not any(character.isspace() for character in signature)
    assert "|version:scalemt-" in signature
    assert all(part.count(":") == 1 for part in signature.split("|"))


@pytest.mark.parametrize("name", NAMES)
def test_hostile_texts_crash_nothing(name: str) -> None:
    hostile = [
        "\x00\x1b[2J",
        "\U0010ffff" * 50,
        "\u0301" * 2000,
        "(" * 5000,
        "“" * 3000,
        "ﷺ" * 500,
        "\u202e.rtl",
        "\\u",
    ]
    total, segments = score(name, hostile, sources=hostile[::-1], references=hostile, target="pt")
    assert len(segments) == len(hostile)
    assert math.isnan(total) or 0 <= total <= 10_000


@pytest.mark.parametrize("name", NAMES)
def test_all_segments_are_told_as_progress(name: str) -> None:
    told: list[int] = []
    texts = (PORTUGUESE, ENGLISH, "")
    test_set = TestSet("t", texts, (texts,), Pair("en", "pt"))
    build_metric(name).measure(System("s", tuple(map(Output, texts))), test_set, told.append)
    assert sum(told) == 3
