"""Code-mixing: languages of words, the index, switch points, scripts, by cases made by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scalemt.quality.mixing import Mixture, TaggedWord, mixture, native_script
from scalemt.text.protection import protect
from scalemt.types import Segment


def tagged(told: str) -> Mixture:
    """Make a mixture of "tengo/es un/es meeting/en 5/-"."""
    words, text = [], ""
    for item in told.split():
        word, tag = item.rsplit("/", 1)
        start = len(text) + bool(text)
        text = f"{text} {word}" if text else word
        words.append(TaggedWord(word, start, start + len(word), "" if tag == "-" else tag))
    return Mixture(text, tuple(words), ("es", "en"))


@pytest.mark.parametrize(
    ("told", "index", "switches"),
    [
        ("", 0.0, 0),
        ("12/- Ana/-", 0.0, 0),
        ("la/es casa/es", 0.0, 0),
        ("la/es house/en", 50.0, 1),
        ("la/es casa/es is/en blue/en", 50.0, 1),
        # 100 (1 - 3 / (5 - 1)): the name is not among the words that have a language.
        ("Ana/- tengo/es un/es meeting/en hoy/es", 25.0, 2),
        ("uno/es two/en tres/es four/en", 50.0, 3),
        # A word of no language between two of one is no switch.
        ("voy/es a/es Berlin/- mañana/es", 0.0, 0),
    ],
)
def test_index_and_switches(told: str, index: float, switches: int) -> None:
    made = tagged(told)
    assert made.index == pytest.approx(index)
    assert len(made.switches) == switches


def test_three_languages_have_one_main_one() -> None:
    made = tagged("uno/es dos/es tres/es four/en five/en sis/ca")
    assert made.index == pytest.approx(50.0)
    assert made.shares == {"es": 0.5, "en": pytest.approx(1 / 3), "ca": pytest.approx(1 / 6)}


def test_switches_are_where_the_other_language_begins() -> None:
    made = tagged("tengo/es un/es meeting/en hoy/es")
    assert [made.text[at:].split()[0] for at in made.switches] == ["meeting", "hoy"]


def test_words_of_no_language_go_with_the_stretch_before_them_or_first_after() -> None:
    made = tagged("Ana/- tengo/es 2/- meetings/en")
    assert [(made.text[s.start : s.end], s.language, s.words) for s in made.stretches] == [
        ("Ana tengo 2", "es", 1),
        ("meetings", "en", 1),
    ]


@pytest.mark.parametrize(
    ("text", "among", "told"),
    [
        (
            "Mañana tengo un meeting con my boss.",
            ("es", "en"),
            "Mañana/es tengo/es un/es meeting/en con/es my/en boss/en",
        ),
        (
            "I told him que no podía venir.",
            ("es", "en"),
            "I/en told/en him/en que/es no/es podía/es venir/es",
        ),
        # "no" is in both: it goes with its neighbours.
        ("Say no to drugs", ("es", "en"), "Say/en no/en to/en drugs/en"),
        ("Fala com my boss", ("pt", "en"), "Fala/pt com/pt my/en boss/en"),
        ("Bihar joan behar naiz to the doctor", ("eu", "en"), None),
        ("Call Ana at 5 on http://example.org/x", ("en", "es"), None),
        ("THIS IS LOUD", ("es", "en"), "THIS/en IS/en LOUD/en"),
    ],
)
def test_words_are_told_by_themselves_and_their_neighbours(
    text: str, among: tuple[str, ...], told: str | None
) -> None:
    pytest.importorskip("simplemma")
    made = mixture(text, among, protect(Segment(text)).spans)
    if told:
        assert made.told() == told
    else:
        tags = [word.language for word in made.words]
        assert tags[0] == among[0]
        assert {word.language for word in made.words if word.text in ("Ana", "5", "http", "example.org")} <= {""}


def test_there_are_no_words_in_protected_content() -> None:
    segment = protect(Segment("Pulsa <b>the button</b> en https://example.com/my/house ahora"))
    made = mixture(segment.text, ("es", "en"), segment.spans)
    told = {word.text: word.language for word in made.words}
    assert told["Pulsa"] == told["ahora"] == "es"
    assert told["the"] == told["button"] == "en"
    assert list(told) == ["Pulsa", "the", "button", "en", "ahora"]
    assert [made.text[s.start : s.end] for s in made.stretches] == [
        "Pulsa",
        "the button",
        "en https://example.com/my/house ahora",
    ]


def test_a_script_of_its_own_decides_and_latin_letters_are_told_as_romanised() -> None:
    native = mixture("कल मेरा exam है", ("hi", "en"))
    assert [word.language for word in native.words] == ["hi", "hi", "en", "hi"]
    assert native.romanised == ()
    assert native.scripts == {"Deva": 0.75, "Latn": 0.25}
    roman = mixture("Mujhe lagta hai we should leave now", ("hi", "en"))
    assert [word.language for word in roman.words] == ["hi"] * 3 + ["en"] * 4
    assert roman.romanised == ("hi",)
    assert mixture("we should leave", ("en", "es")).romanised == ()


def test_without_dictionaries_the_lists_and_letters_still_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    from scalemt.quality import word_evidence

    monkeypatch.setattr(word_evidence, "_known", lambda *_: None)
    word_evidence._evidence.cache_clear()
    try:
        made = mixture("I told him que no podía venir", ("es", "en"))
        assert [word.language for word in made.words] == ["en"] * 3 + ["es"] * 4
    finally:
        word_evidence._evidence.cache_clear()


def test_languages_without_any_list_are_told_by_letters_and_nothing_breaks() -> None:
    made = mixture("Die Katze und the dog", ("xh", "en"))
    assert len(made.words) == 5
    assert native_script("hi") == "Deva"
    assert native_script("en") == "Latn"


def test_one_language_alone_takes_all_words() -> None:
    made = mixture("anything at all", ("es",))
    assert made.counts == {"es": 3}
    assert made.index == 0.0


def test_the_project_s_own_sentences_are_tagged() -> None:
    pytest.importorskip("simplemma")
    folder = Path(__file__).parents[2] / "benchmarks/code_switch"
    rows = [row.split("\t") for row in (folder / "mixed.tsv").read_text("utf-8").splitlines() if row[0] != "#"]
    assert len(rows) >= 60
    assert len({(first, second) for _, first, second, *_ in rows}) >= 3
    right = total = 0
    for _, first, second, marked, *references in rows:
        assert len(references) == 2
        gold = [
            (word, second if part.startswith("[") else "" if part.startswith("{") else first)
            for part in re.findall(r"\[[^\]]*\]|\{[^}]*\}|[^\[{]+", marked)
            for word in (item.text for item in mixture(part, (first, second)).words)
        ]
        made = mixture(re.sub(r"[\[\]{}]", "", marked), (first, second)).words
        assert [item.text for item in made] == [word for word, _ in gold]
        right += sum(item.language in (tag, "") for item, (_, tag) in zip(made, gold, strict=True))
        total += len(made)
    assert right / total > 0.95
