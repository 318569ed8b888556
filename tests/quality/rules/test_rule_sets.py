"""Several rules together: reading, conflicts, levels, protected spans, files, plug-ins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, InputError
from scalemt.quality.rules import RuleSet, load_rules, read_rules
from scalemt.quality.rules.base import Edit
from scalemt.quality.rules.ruleset import Finished, applied
from scalemt.text.protection import protect
from scalemt.text.spans import literal
from scalemt.types import Candidate, Check, Pair, Segment, Span

EN_PT = Pair("en", "pt")


def test_rules_are_read_from_one_text_or_several() -> None:
    found = read_rules(" max-words=12; avoid=foo;; avoid=bar\nMAX_CHARACTERS=80 ")
    assert [rule.text for rule in found.rules] == ["max-words=12", "avoid=foo", "avoid=bar", "max-characters=80"]
    assert read_rules(["max-words=12", "avoid=foo; avoid=bar"]).text == "max-words=12; avoid=foo; avoid=bar"
    assert [rule.value for rule in read_rules(r"delimiter=\;; start=a=b").rules] == [";", "a=b"]
    assert read_rules(r"delimiter=\;").text == r"delimiter=\;"
    assert not read_rules("")


def test_a_rule_that_is_written_twice_counts_once() -> None:
    assert len(read_rules("max-words=12; max-words=12").rules) == 1
    assert len((read_rules("avoid=a") + read_rules("avoid=a; avoid=b")).rules) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("max-words=4", "min-words=5"),
        ("max-characters=10", "min-characters=11"),
        ("lines=2x10", "min-characters=40"),
        ("casing=upper", "casing=title"),
        ("max-words=4", "max-words=5"),
        ("avoid=open", "keep=Open Files"),
        ("avoid=você", "use=você"),
        ("avoid=nota", "start=Nota:"),
        ("without=!", "end=!!"),
        ("without=|", "delimiter=|"),
        ("casing=lower", "keep=ACME"),
        ("decimal=comma", "thousands=comma"),
        ("start=a", "start=b"),
        ("json=a", "json=b"),
        ("honorifics=formal", "honorifics=informal"),
    ],
)
def test_two_rules_that_cannot_both_be_kept_are_told_at_once(one: str, other: str) -> None:
    for text in (f"{one}; {other}", f"{other}; {one}"):
        with pytest.raises(ConfigurationError, match="cannot both be kept") as caught:
            read_rules(text)
        assert one in str(caught.value)
        assert other in str(caught.value)


def test_rules_that_go_together() -> None:
    read_rules(
        "max-words=5; min-words=5; avoid=casa; use=casal; casing=upper; keep=ACME; decimal=comma; thousands=point"
    )


def test_levels_see_what_belongs_to_them() -> None:
    found = read_rules("casing=upper; start=Nota:; max-characters=13; wrap=<p>…</p>; json=text")
    done = found.finish(Segment("hello"), "olá, sol", (), EN_PT)
    assert done.text == '{"text": "<p>Nota: OLÁ, SOL</p>"}'
    # The frame is no part of the text, what stands at its start is: "Nota: OLÁ, SOL" has 14 characters.
    verdicts = {check.name: check.detail for check in found.verdicts(Segment("hello"), done.text, (), EN_PT)}
    assert verdicts.pop("max-characters=13").startswith("it has 14 characters")
    assert set(verdicts.values()) == {""}
    assert done.told == ("casing=upper", "start=Nota:", "wrap=<p>…</p>", "json=text")


def test_what_is_there_already_is_not_put_there_twice() -> None:
    found = read_rules("casing=upper; start=Nota:; end=!; wrap=<p>…</p>")
    done = found.finish(Segment("hello"), "<p>Nota:  olá!</p>", (), EN_PT)
    assert done.text == "<p>Nota: OLÁ!</p>"


def test_lines_in_json() -> None:
    found = read_rules("lines=2x9; json=t")
    done = found.finish(Segment(""), "uma linha longa", (), EN_PT)
    assert done.text == '{"t": "uma linha\\nlonga"}'
    assert all(check.passed for check in found.verdicts(Segment(""), done.text, (), EN_PT))


def test_protected_spans_are_left_alone_and_move_along() -> None:
    segment = protect(Segment("Press <b>{name}</b> on March 5, 2024 <br/>"))
    text = "Prima <b>{name}</b> em 5 de março de 2024 <br/>"
    spans = protect(Segment(text)).spans
    found = read_rules("casing=upper; date=iso; start=»; max-characters=30")
    done = found.finish(segment, text, spans, EN_PT)
    assert done.text == "» PRIMA <b>{name}</b> EM 2024-03-05 <br/>"
    assert [literal(done.text, span) for span in done.spans] == ["<b>", "{name}", "</b>", "<br/>"]
    # Tags are no characters of a text, and nobody can change the letters of a placeholder.
    assert all(check.passed for check in found.verdicts(segment, done.text, done.spans, EN_PT))


def test_what_stands_in_a_span_may_make_json_impossible() -> None:
    text = 'um <a href="x">laço</a>'
    spans = protect(Segment(text)).spans
    found = read_rules("json=t")
    done = found.finish(Segment(text, spans=spans), text, spans, EN_PT)
    assert [literal(done.text, span) for span in done.spans] == ['<a href="x">', "</a>"]
    (verdict,) = found.verdicts(Segment(text, spans=spans), done.text, done.spans, EN_PT)
    assert not verdict.passed
    assert done.told == ()


def test_white_space_around_a_text_is_no_part_of_it() -> None:
    found = read_rules("wrap=<p>…</p>; max-characters=3")
    done = found.finish(Segment("x "), " olá \n", (), EN_PT)
    assert done.text == " <p>olá</p> \n"
    assert all(check.passed for check in found.verdicts(Segment("x "), done.text, (), EN_PT))
    assert read_rules("casing=upper").finish(Segment(""), "  ", (), EN_PT).text == "  "


def test_capitals_come_last() -> None:
    found = read_rules("casing=upper; date=long; clock=12h")
    segment = Segment("On 2024-03-05 at 15:30")
    done = found.finish(segment, "Em 05/03/2024 às 15:30", (), EN_PT)
    assert done.text == "EM 5 DE MARÇO DE 2024 ÀS 3:30 PM"
    assert found.finish(segment, done.text, (), EN_PT).text == done.text
    lower = read_rules("clock=12h; casing=lower").finish(segment, "Às 15:30", (), EN_PT)
    assert (lower.text, lower.told) == ("às 3:30 pm", ("clock=12h", "casing=lower"))


def test_an_empty_text_stays_empty() -> None:
    assert read_rules("wrap=<p>…</p>; start=Nota:").finish(Segment(""), " ", (), EN_PT).text == " "


def test_edits_move_spans() -> None:
    span = Span(4, 7, "code", 0)
    made = applied(Finished("one two three", (span,)), [Edit(0, 3, "a"), Edit(5, 6, "X"), Edit(8, 13, "")])
    assert made.text == "a two "
    assert literal(made.text, made.spans[0]) == "two"
    made = applied(Finished("ab", (Span(0, 2, "code", 0),)), [Edit(0, 0, "("), Edit(1, 1, "x"), Edit(2, 2, ")")])
    assert made.text == "(ab)"
    assert literal(made.text, made.spans[0]) == "ab"


def test_without_finishing_texts_stay_as_they_are() -> None:
    found = RuleSet(read_rules("casing=upper; max-words=3").rules, finishing=False)
    assert found.finish(Segment(""), "olá", (), EN_PT).text == "olá"
    assert len(found.said(EN_PT, every=False)) == 2
    assert read_rules("casing=upper; max-words=3").said(EN_PT, every=False) == ("Use at most 3 words.",)
    assert len(found.said(EN_PT)) == 2


def test_a_candidate_is_judged_as_it_would_be_finished() -> None:
    found = read_rules("casing=upper; max-words=2")
    failed = (Check("length", False, "only 3"), Check("language", False, "looks odd"), Check("copy", True))
    judged = found.judge(Candidate("refine", "três palavras aqui", failed), Segment("x"), EN_PT)
    assert judged.text == "três palavras aqui"
    assert [(check.name, check.passed) for check in judged.rules] == [
        ("casing=upper", True),
        ("max-words=2", False),
    ]
    assert judged.checks == (Check("length", True, "excused by a rule: only 3"), *failed[1:])


def test_the_signature_tells_rules_apart() -> None:
    assert read_rules("max-words=2").signature != read_rules("max-words=3").signature
    assert read_rules("max-words=2").signature.startswith("1.")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.toml", 'rules = ["max-words=12", "avoid=a;b", "no-emoji"]'),
        ("a.toml", '[rules]\nmax-words = 12\navoid = ["a;b"]\nno-emoji = true\njson = false'),
        ("a.json", json.dumps({"rules": ["max-words=12", "avoid=a;b", "no-emoji"]})),
        ("a.json", json.dumps({"rules": {"max-words": 12, "avoid": "a;b", "no-emoji": True}})),
        ("a.JSON", json.dumps(["max-words=12", "avoid=a;b", "no-emoji"])),
    ],
)
def test_rules_of_a_file(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    assert [rule.text for rule in load_rules(path).rules] == ["max-words=12", "avoid=a;b", "no-emoji"]


def test_files_that_hold_no_rules(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_rules(tmp_path / "none.toml")
    for name, content in (("a.toml", "rules ="), ("a.json", "["), ("b.toml", b"\xff".decode("latin-1"))):
        (tmp_path / name).write_bytes(content.encode("latin-1"))
        with pytest.raises(InputError, match="is not valid"):
            load_rules(tmp_path / name)
    for content in ('x = 1\nrules = "max-words=3"', "rules = [3]", "other = 1"):
        (tmp_path / "c.toml").write_text(content)
        with pytest.raises(ConfigurationError, match="holds no rules"):
            load_rules(tmp_path / "c.toml")
