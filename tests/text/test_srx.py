"""SRX: the semantics of the specification, wrong files, and all examples of the default rules."""

# ruff: noqa: E501  # markup reads better in whole lines

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import InputError, UsageError
from scalemt.text import split_sentences
from scalemt.text.icu_regex import translated
from scalemt.text.splitting import check_splitter, split_long
from scalemt.text.srx import DEFAULT, SrxFile, rules_for
from scalemt.types import Span

EXAMPLES: dict[str, list[str]] = json.loads(DEFAULT.with_name("examples.json").read_text())
UNSPACED = {"zh", "ja", "km"}
BREAKS = "<rule break='yes'><beforebreak>[.]</beforebreak><afterbreak>\\s</afterbreak></rule>"
DR = "<rule break='no'><beforebreak>Dr[.]</beforebreak><afterbreak>\\s</afterbreak></rule>"


def srx(tmp_path: Path, groups: dict[str, str], maps: list[tuple[str, str]], header: str = 'cascade="no"') -> Path:
    path = tmp_path / "rules.srx"
    rules = "".join(
        f'<languagerule languagerulename="{name}">{held}</languagerule>' for name, held in groups.items()
    )
    mapped = "".join(f'<languagemap languagepattern="{one}" languagerulename="{two}"/>' for one, two in maps)
    path.write_text(
        f'<srx xmlns="http://www.lisa.org/srx20" version="2.0"><header segmentsubflows="yes" {header}/><body>'
        f"<languagerules>{rules}</languagerules><maprules>{mapped}</maprules></body></srx>"
    )
    return path


def sentences(text: str, language: str, path: Path) -> list[str]:
    return [sentence for sentence, _ in split_sentences(text, language, splitter=str(path))]


@pytest.mark.parametrize(
    ("language", "example"), [(language, example) for language, held in EXAMPLES.items() for example in held]
)
def test_the_examples_of_the_default_rules(language: str, example: str) -> None:
    due = example.split("|")
    text = ("" if language in UNSPACED else " ").join(due)
    assert [sentence for sentence, _ in split_sentences(text, language)] == due


def test_the_first_rule_that_matches_counts(tmp_path: Path) -> None:
    exception_first = srx(tmp_path, {"x": DR + BREAKS}, [(".*", "x")])
    assert sentences("Dr. No. Yes", "en", exception_first) == ["Dr. No.", "Yes"]
    break_first = srx(tmp_path, {"x": BREAKS + DR}, [(".*", "x")])
    assert sentences("Dr. No. Yes", "en", break_first) == ["Dr.", "No.", "Yes"]


def test_cascade_takes_all_maps_that_fit_in_their_order(tmp_path: Path) -> None:
    groups, maps = {"all": BREAKS, "en": DR}, [("en.*", "en"), (".*", "all")]
    assert sentences("Dr. No. Yes", "en-GB", srx(tmp_path, groups, maps)) == ["Dr. No. Yes"]
    cascade = srx(tmp_path, groups, maps, 'cascade="yes"')
    assert sentences("Dr. No. Yes", "en-GB", cascade) == ["Dr. No.", "Yes"]
    assert sentences("Dr. No. Yes", "pt", cascade) == ["Dr.", "No.", "Yes"]
    turned = srx(tmp_path, groups, list(reversed(maps)), 'cascade="yes"')
    assert sentences("Dr. No. Yes", "en-GB", turned) == ["Dr.", "No.", "Yes"]


def test_codes_with_underscores_and_no_map(tmp_path: Path) -> None:
    path = srx(tmp_path, {"x": BREAKS}, [("pt_br", "x")])
    assert sentences("Um. Dois", "pt-BR", path) == ["Um.", "Dois"]
    assert sentences("Um. Dois", "pt", path) == ["Um. Dois"]


def test_version_one_and_the_header(tmp_path: Path) -> None:
    path = tmp_path / "old.srx"
    path.write_text(
        '<srx version="1.0"><header segmentsubflows="no"><formathandle type="start" include="yes"/></header><body>'
        f'<languagerules><languagerule languagerulename="D">{BREAKS}</languagerule></languagerules><maprules>'
        '<maprule maprulename="M"><languagemap languagepattern=".*" languagerulename="D"/></maprule></maprules></body></srx>'
    )
    held = SrxFile.read(path)
    assert not held.cascade
    assert not held.subflows
    assert held.codes == {"start": True, "end": True, "isolated": False}
    assert sentences("Um. Dois", "pt", path) == ["Um.", "Dois"]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = srx(tmp_path, {"x": BREAKS}, [(".*", "x")])
    assert sentences("A. B", "en", path) == ["A.", "B"]
    srx(tmp_path, {"x": DR}, [(".*", "x")])
    import os

    os.utime(path, ns=(1, 1))
    assert sentences("A. B", "en", path) == ["A. B"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<srx><body>", r"line 1, column 12: not well-formed XML"),
        ("<tmx/>", r"line 1: the root element is 'tmx'; a rule file begins with 'srx'"),
        ("<srx/>", "no languagemap tells which rules a language has"),
        ("<!DOCTYPE srx [<!ENTITY a 'b'>]><srx/>", "declares the entity 'a'"),
        (
            '<srx>\n<languagemap languagepattern="en" languagerulename="x"/></srx>',
            "line 2: .*names the rules 'x'; there are: none",
        ),
        ('<srx><languagemap languagepattern="en"/></srx>', "languagemap lacks languagerulename"),
        (
            '<srx><languagemap languagepattern="(" languagerulename="x"/></srx>',
            "languagepattern '\\(' is no pattern",
        ),
        (
            "<srx><languagerule languagerulename='x'>\n<rule><beforebreak>[a</beforebreak></rule></languagerule></srx>",
            r"line 2: beforebreak '\[a' is no pattern",
        ),
        (
            "<srx><languagerule languagerulename='x'>\n<rule break='maybe'/></languagerule></srx>",
            "line 2: break is 'maybe'; expected yes or no",
        ),
        ("<srx><languagerule languagerulename='x'>\n<rule/></languagerule></srx>", "line 2: a rule has neither"),
        ("<srx><rule><beforebreak>a</beforebreak></rule></srx>", "a rule stands outside of languagerule"),
        (
            "<srx><header><formathandle type='both'/></header></srx>",
            "type 'both'; expected start, end or isolated",
        ),
    ],
)
def test_wrong_files_are_named_with_line_and_mend(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.srx"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        SrxFile.read(path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        rules_for("en", tmp_path / "none.srx")


def test_a_pattern_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalemt.text.srx._SECONDS", 0.2)
    path = srx(
        tmp_path,
        {"x": "<rule><beforebreak>(?:a|aa)+b</beforebreak><afterbreak>(x+x+)+y</afterbreak></rule>"},
        [(".*", "x")],
    )
    with pytest.raises(InputError, match="took over 0 s on one text"):
        split_sentences("aaab" + "x" * 5000, "en", splitter=str(path))


@pytest.mark.parametrize(
    ("icu", "text"),
    [(r"\x{1F600}", "😀"), (r"\Qa.b\E+", "a.bb"), (r"\h", "\u00a0"), (r"[\h]", "\t"), (r"\cI", "\t"), (r"\0101", "A"),
     (r"[[a-z]&&[^aeiou]]", "b"), (r"[\p{L}--[a]]", "b"), (r"a\z", "a"), (r"\p{Lu}++", "AB"), (r"\e", "\x1b")],
)  # fmt: skip
def test_patterns_of_icu(icu: str, text: str) -> None:
    import regex

    assert regex.fullmatch(translated(icu), text, regex.VERSION1)


@settings(deadline=None, max_examples=200)
@given(
    st.text(st.sampled_from(list('aB1 .!?…"”()\n\t。！」。क।؟\u00a0\u2028;')) | st.characters(), max_size=60),
    st.sampled_from(["", "en", "pt-BR", "de", "el", "zh", "ja", "hi", "ar", "eu"]),
    st.sampled_from(["srx", "sentencex"]),
    st.data(),
)
def test_sentences_join_back_to_any_text(text: str, language: str, splitter: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    spans = [
        Span(start, end, "placeholder", key)
        for key, (start, end) in enumerate(zip(cuts[::2], cuts[1::2], strict=False))
    ]
    parts = split_sentences(text, language, spans, splitter)
    assert "".join(sentence + gap for sentence, gap in parts) == text
    assert all(not gap.strip() and (spans or sentence == sentence.rstrip()) for sentence, gap in parts)
    ends = [sum(len(sentence + gap) for sentence, gap in parts[: number + 1]) for number in range(len(parts) - 1)]
    assert not any(span.start < end < span.end for end in ends for span in spans)
    limit = data.draw(st.integers(1, 30))
    assert "".join(part + gap for part, gap in split_long(text, limit, spans, language)) == text


@pytest.mark.parametrize("unit", [".", "a", ". ", "A. ", '"', "。", "\n", "?! ", "[1]", "1.", " ", "т. "])
def test_long_hostile_texts(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    parts = split_sentences(text, "ru")
    assert "".join(sentence + gap for sentence, gap in parts) == text


def test_a_splitter_is_checked_by_name(tmp_path: Path) -> None:
    for name in ("srx", "sentencex", str(DEFAULT)):
        check_splitter(name)
    with pytest.raises(UsageError, match=r"'moses' cuts no sentences\. Choose srx, sentencex, or the path"):
        check_splitter("moses")
    with pytest.raises(InputError, match=r"none\.srx cannot be read"):
        check_splitter(str(tmp_path / "none.srx"))
