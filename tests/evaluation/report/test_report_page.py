"""The page as bytes: what it weighs, that it is the same each time, and that no text breaks out of it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from evaluation.report.report_samples import METRICS, sample
from scalemt.errors import InputError
from scalemt.evaluation.report import render_report, write_report
from scalemt.evaluation.report.payload import embed, payload
from scalemt.evaluation.results import Evaluation
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.evaluation.tables import Table
from scalemt.types import Draft, Word

NASTY = '</script><img src=x onerror="hacked=1"><!--\u2028\u2029&amp;]]>'


class Tags(HTMLParser):
    """Start tags by name, the content of scripts and styles, and attributes that would run or fetch something."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.names: list[str] = []
        self.raw: list[tuple[str, dict[str, str | None], str]] = []
        self.suspicious: list[tuple[str, str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        if tag in ("script", "style"):
            self.raw.append((tag, dict(attrs), ""))
        for name, value in attrs:
            fetches = name in ("src", "srcset", "action", "data", "xlink:href") or (
                name == "href" and not (value or "").startswith(("#", "data:,"))
            )
            if name.startswith("on") or name == "style" or fetches:
                self.suspicious.append((tag, name, value))

    def handle_endtag(self, tag: str) -> None:
        self.names.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self.raw and self.names[-1] in ("script", "style"):
            tag, attributes, before = self.raw[-1]
            self.raw[-1] = (tag, attributes, before + data)


def data_of(page: str) -> Any:
    (found,) = [text for _, attributes, text in Tags(page).raw if attributes.get("type") == "application/json"]
    return json.loads(found)


def spoilt(evaluation: Evaluation) -> Evaluation:
    """Every text that can come from outside is hostile."""
    size = len(evaluation.test_set)
    draft = Draft(NASTY, (Word(NASTY, 0.5),), None, NASTY, NASTY)
    system = System(NASTY, tuple(Output(NASTY, draft, NASTY, facts={NASTY: 1.0}) for _ in range(size)), NASTY)
    metric = replace(METRICS[0], name=NASTY, signature=NASTY)
    cell = replace(evaluation.cells["scale"]["chrF++"], p_values={NASTY: 0.5})
    test_set = TestSet(NASTY, (NASTY,) * size, ((NASTY,) * size,), None, (NASTY,) * size, (NASTY,) * size)
    other = System("scale", evaluation.systems[0].outputs)
    cells = {NASTY: {NASTY: cell}, "scale": {NASTY: cell}}
    found = replace(evaluation.reliability["scale"], signature=NASTY, correlation={NASTY: 0.1})
    return Evaluation(
        test_set,
        (system, other),
        (metric,),
        cells,
        "scale",
        reliability={NASTY: found},
        notes=(NASTY,),
        scalemt=NASTY,
    )


def test_the_same_evaluation_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        write_report([sample(30)], tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["one.html", "two.html"]


def test_eight_systems_on_a_test_set_of_1012_weigh_less_than_5_megabytes(tmp_path: Path) -> None:
    found = sample()
    assert (len(found.systems), len(found.test_set), len(found.metrics)) == (8, 1012, 4)
    # Sentences as long as those of FLORES, all different, with drafts of their own and word confidences.
    words = [f"w{number:04d}" for number in range(10_000)]
    systems = tuple(
        replace(system, outputs=tuple(long_output(words, place, row) for row in range(1012)))
        for place, system in enumerate(found.systems)
    )
    write_report([replace(found, systems=systems)], tmp_path / "big.html")
    assert len(systems[3].outputs[5].text) >= 130
    assert 1_000_000 < (tmp_path / "big.html").stat().st_size < 5_000_000


def long_output(words: list[str], place: int, row: int) -> Output:
    picked = [words[(row * 31 + place * 7919 + step * 17) % len(words)] for step in range(22)]
    drafted = [*picked[:-1], f"d{place}"]
    return Output(" ".join(picked), Draft(" ".join(drafted), tuple(Word(word, 0.5) for word in drafted)))


@pytest.mark.parametrize("text", [NASTY, "<!-- <script>", "]]>", "\u2028", "&lt;/script&gt;", "</SCRIPT >"])
def test_embedded_json_holds_no_markup_and_reads_back(text: str) -> None:
    written = embed({"text": text})
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written) == {"text": text}


def test_embedded_json_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        embed({"score": math.nan})


def test_hostile_texts_make_no_element_and_no_attribute() -> None:
    harmless, hostile = Tags(render_report([sample(3)])), Tags(render_report([spoilt(sample(3))], NASTY))
    assert harmless.suspicious == hostile.suspicious == []
    assert hostile.names.count("script") == harmless.names.count("script") == 3
    assert "img" not in hostile.names
    assert data_of(render_report([spoilt(sample(3))]))["sets"][0]["name"] == NASTY


def test_the_policy_names_the_scripts_and_forbids_the_rest() -> None:
    page = render_report([sample(3)])
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert found
    policy = found[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none';")
    for _, attributes, text in Tags(page).raw:
        if not attributes:
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_nothing_is_named_that_would_be_fetched() -> None:
    page = render_report([sample(3)])
    addresses = set(re.findall(r"https?://[^\s\"'<>]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert "@import" not in page
    assert "url(" not in page


def test_lone_surrogates_do_not_stop_the_report(tmp_path: Path) -> None:
    found = sample(2, ["a"], baseline="")
    outputs = (Output("half \ud83d of a sign"), Output("whole"))
    write_report([replace(found, systems=(System("a", outputs),))], tmp_path / "page.html", "\udcff")
    assert "half \ufffd of a sign" in (tmp_path / "page.html").read_text("utf-8")


def test_texts_and_drafts_stand_once() -> None:
    found = sample(2, ["a", "b"], baseline="a")
    draft = Draft("a shared draft", (Word("a", 0.25), Word("shared", None), Word("draft", 0.999)), engine="nllb")
    outputs = (Output("the same", draft), Output("the same", draft))
    packed = payload([replace(found, systems=tuple(System(name, outputs) for name in ("a", "b")))])["sets"][0]
    assert packed["texts"].count("the same") == 1
    assert [(packed["texts"][text], *rest) for text, *rest in packed["drafts"]] == [
        ("a shared draft", "nllb", "", (25, None, 100), ())
    ]
    assert packed["systems"][1]["drafts"] == [0, 0]


def test_words_are_written_where_white_space_does_not_give_them() -> None:
    draft = Draft("日本語", (Word("日本", 0.5), Word("語", 0.7)))
    found = replace(sample(1, ["a"], baseline=""), systems=(System("a", (Output("日本語", draft),)),))
    assert payload([found])["sets"][0]["drafts"][0][4] == ("日本", "語")


def test_segment_scores_are_rounded_to_the_scale_of_their_metric() -> None:
    found = sample(3, ["a"], baseline="")
    fine = replace(found.cells["a"]["chrF++"], segments=(0.12345, math.nan, 1.0))
    coarse = replace(found.cells["a"]["BLEU"], segments=(12.345678, math.inf, 100.0))
    row = {**found.cells["a"], "chrF++": fine, "BLEU": coarse}
    packed = payload([replace(found, cells={"a": row})])["sets"][0]["systems"][0]["segments"]
    assert packed[:2] == [[0.1235, None, 1], [12.35, None, 100]]


def test_no_evaluation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one evaluation"):
        write_report([], tmp_path / "page.html")


def test_counts_that_do_not_pair_up_are_refused() -> None:
    found = sample(5, ["a"], baseline="")
    with pytest.raises(InputError, match="a has 4 outputs, made-up devtest 5 segments"):
        render_report([replace(found, systems=(System("a", found.systems[0].outputs[:4]),))])
    short = replace(found.cells["a"]["chrF++"], segments=(1.0,))
    with pytest.raises(InputError, match=r"chrF\+\+ of a has 1 segment scores, made-up devtest 5"):
        render_report([replace(found, cells={"a": {"chrF++": short}})])


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no/page\.html cannot be written: No such file"):
        write_report([sample(1)], tmp_path / "no" / "page.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_report([sample(1)], tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_table_can_be_read_without_scripts() -> None:
    found = sample(20)
    page = render_report([found])
    for name, row in found.cells.items():
        assert f">{name}" in page
        assert f"{row['BLEU'].score:.1f}" in page
    assert METRICS[0].signature in page
    assert found.notes[0] in page


def test_a_further_table_stands_with_its_test_set_and_is_escaped() -> None:
    found = sample(3)
    table = Table("Time <and> cost", ("profile", "cost"), (("a<b>", "30 %"),))
    page = render_report([found], further={found.test_set.name: table, "another set": table})
    assert page.count("<h3>Time &lt;and&gt; cost</h3>") == 1
    assert '<th scope="row" class="name">a&lt;b&gt;</th><td>30\N{NO-BREAK SPACE}%</td>' in page
    assert "a<b>" not in page


def test_what_is_no_merit_is_not_set_against_its_price() -> None:
    page = render_report([sample(3)])
    assert "chrF++ against seconds" in page
    assert "length against seconds" not in page
