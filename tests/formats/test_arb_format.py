"""ARB: messages, branches as whole sentences, plural categories of the target, metadata that stays."""

# ruff: noqa: E501  # markup reads better in whole lines

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages import read, shouted, written
from scalemt.errors import InputError
from scalemt.formats import FormatOptions, Target
from scalemt.formats.icutext import IcuText
from scalemt.types import Segment

ARB = r"""{
  "@@locale": "en",
  "@@context": "HomePage",
  "hello": "Hello, {name}!",
  "@hello": {"description": "A greeting", "placeholders": {"name": {"type": "String", "example": "Ana"}}},
  "cats": "You have {n, plural, =0{no cats} one {one cat} other {# cats}} here.",
  "who": "{g, select, male{He} other{They}} saw {n, plural, one{# dog} other{# dogs}}",
  "quote": "It's '{not}' \u0041 thing",
  "broken": "A {broken message",
  "flutter": "l'{name} is here",
  "@flutter": {"placeholders": {"name": {}}},
  "count": "{n}", "empty": "", "number": 5, "list": ["kept"],
  "nth": "{n, selectordinal, one{#st place} other{#th place}}"
}
"""


def arb(tmp_path: Path, text: str | bytes = ARB) -> Path:
    path = tmp_path / "app_en.arb"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def made(path: Path, target: str, change: Any = shouted) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(written(path, change, FormatOptions(source="en", target=target)))
    return held


def test_segments_are_whole_sentences(tmp_path: Path) -> None:
    segments = {segment.id: segment for segment in read(arb(tmp_path))}
    assert {name: segment.text for name, segment in segments.items()} == {
        "hello": "Hello, {name}!",
        "cats [n==0]": "You have no cats here.",
        "cats [n=one]": "You have one cat here.",
        "cats [n=other]": "You have # cats here.",
        "who [g=male, n=one]": "He saw # dog",
        "who [g=male, n=other]": "He saw # dogs",
        "who [g=other, n=one]": "They saw # dog",
        "who [g=other, n=other]": "They saw # dogs",
        "quote": "It's {not} A thing",
        "broken": "A {broken message",
        "flutter": "l'{name} is here",
        "nth [n=one]": "#st place",
        "nth [n=other]": "#th place",
    }
    assert segments["hello"].note == "A greeting"
    assert [segments["hello"].text[span.start : span.end] for span in segments["hello"].spans] == ["{name}"]
    assert segments["quote"].spans == ()
    assert len(segments["flutter"].spans) == 1


@pytest.mark.parametrize("text", [ARB, ARB.replace("\n", "\r\n"), "\ufeff" + ARB, "{}", '{"a": "b", "a": "c"}'])
def test_identity(tmp_path: Path, text: str) -> None:
    path = arb(tmp_path, text)
    assert written(path) == path.read_bytes()


def test_a_translation_in_a_language_that_counts_otherwise(tmp_path: Path) -> None:
    polish = made(arb(tmp_path), "pl")
    assert polish["@@locale"] == "pl"
    assert polish["@@context"] == "HomePage"
    assert polish["cats"] == (
        "{n, plural, =0{YOU HAVE NO CATS HERE.} one {YOU HAVE ONE CAT HERE.} few {YOU HAVE # CATS HERE.} "
        "many {YOU HAVE # CATS HERE.} other {YOU HAVE # CATS HERE.}}"
    )
    assert polish["who"] == (
        "{g, select, male{{n, plural, one{HE SAW # DOG} few{HE SAW # DOGS} many{HE SAW # DOGS} other{HE SAW # DOGS}}} "
        "other{{n, plural, one{THEY SAW # DOG} few{THEY SAW # DOGS} many{THEY SAW # DOGS} other{THEY SAW # DOGS}}}}"
    )
    assert polish["quote"] == "IT''S '{'NOT'}' A THING"
    assert polish["nth"] == "{n, selectordinal, one{#ST PLACE} other{#TH PLACE}}"
    assert polish["number"] == 5
    assert polish["list"] == ["kept"]
    assert made(arb(tmp_path), "ar")["cats"].count("# CATS") == 5
    assert made(arb(tmp_path), "pt-BR")["@@locale"] == "pt_BR"


def test_apostrophes_before_arguments_do_not_quote_them(tmp_path: Path) -> None:
    path = arb(tmp_path, '{"a": "of {name}", "b": "{n, plural, other{boys}}"}')

    def elided(segment: Segment) -> Target:
        if segment.spans:
            return Target("l'{name}", (replace(segment.spans[0], start=2, end=8),))
        return Target("garçons'")

    assert made(path, "fr", elided)["a"] == "l’{name}"
    assert "garçons’}" in made(path, "fr", elided)["b"]


def test_signs_that_mean_something_where_they_are_moved_to() -> None:
    text = IcuText.of("Issue #5: {n, plural, one{a file} other{files}}")
    targets = iter([Target(leaf.text.replace("file", "ficheiro"), leaf.spans) for leaf in text.segments("x")])
    assert text.rebuilt(targets, "") == "{n, plural, one{Issue '#'5: a ficheiro} other{Issue '#'5: ficheiros}}"


def test_more_branches_than_anybody_translates() -> None:
    choice = "{%s, select, a{1x} b{2x} c{3x} d{4x} other{5x}}"
    text = IcuText.of(f"Take {choice % 'p'} or {choice % 'q'} or {choice % 'r'} now")
    segments = text.segments("m")
    assert [segment.text for segment in segments][:3] == ["Take {p} or {q} or {r} now", "1x", "2x"]
    assert len(segments) == 16
    assert text.rebuilt((shouted(item) for item in segments), "").startswith("TAKE {p, select, a{1X} b{2X}")
    assert text.rebuilt((Target.same(item) for item in segments), "pl") == text.value


def test_a_failed_branch_keeps_its_source(tmp_path: Path) -> None:
    def half(segment: Segment) -> Target:
        return replace(Target.same(segment), failed=True) if "one" in segment.id else shouted(segment)

    assert "one {You have one cat here.} few" in made(arb(tmp_path), "pl", half)["cats"]


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.lists(st.sampled_from([*"{}'#,ab ", "{n, plural, other {", "}}", "\n"]), max_size=12).map("".join),
        max_size=4,
    )
)
def test_any_catalogue_is_written_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, catalogue: dict[str, str]
) -> None:
    path = arb(tmp_path_factory.mktemp("arb"), json.dumps(catalogue))
    assert written(path) == path.read_bytes()
    assert len(json.loads(written(path, shouted))) == len(catalogue)


def test_what_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"app_en\.arb, line 1, column 9: not JSON"):
        read(arb(tmp_path, '{"a": 1,}'))
