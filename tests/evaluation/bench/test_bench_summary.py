"""The summary: counts and shares worked out by hand, scores equal to sacreBLEU, and tables that show them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from evaluation.bench.bench_parts import REFERENCES, bench, better, choice, failing, improver, small_set, worse
from scalemt.errors import EndpointError, InputError
from scalemt.evaluation.bench.outputs import Prices, first_draft, gate_outcome, once, standing_draft
from scalemt.evaluation.bench.results import conclude, markdown, notes, store
from scalemt.evaluation.bench.summary import (
    Row,
    Scoring,
    Seconds,
    Summary,
    as_json,
    summarise,
)
from scalemt.evaluation.bench.tables import footnotes, money, quality_cost_curve, shares, tables
from scalemt.evaluation.significance import Options
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.generalists.fake import FakeGeneralist
from scalemt.types import Draft, Prompt, Word

QUICK = Options(samples=50, trials=50)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def summary_of(folder: Path, names: str, generalist: FakeGeneralist | None = None, *, baseline: str = "draft",
               prices: Prices | None = None, **overrides: object) -> Summary:  # fmt: skip
    work = bench(folder, generalist)
    chosen = choice(**{"gate": "off", **overrides})
    tasks = work.prepare([chosen.arm(name) for name in names.split(",")], [small_set()])
    work.run(tasks)
    return summarise(tasks, Scoring(("chrf++", "bleu"), baseline, QUICK, prices))


def test_scores_are_sacrebleus_and_counts_are_those_of_the_answers(tmp_path: Path) -> None:
    found = summary_of(tmp_path, "draft,refine", prices=Prices(1.0, 10.0))
    draft, refine = found.rows
    drafts = ["a casa é azul", "a door é velha", "a casa é red", "a door é verde"]
    assert draft.scores["chrF++"].score == pytest.approx(
        CHRF(word_order=2).corpus_score(drafts, [REFERENCES]).score
    )
    assert draft.scores["BLEU"].score == pytest.approx(BLEU().corpus_score(drafts, [REFERENCES]).score)
    assert refine.scores["chrF++"].score == pytest.approx(100)
    assert refine.draft == pytest.approx(draft.scores["chrF++"].score)
    assert (draft.called, draft.calls, draft.cost) == (0.0, 0, 0.0)
    assert (refine.called, refine.calls, refine.prompt_tokens, refine.completion_tokens) == (1.0, 4, 400, 40)
    assert refine.cost == pytest.approx((400 * 1.0 + 40 * 10.0) / 1e6)
    assert (refine.worse, refine.better, refine.compared) == (0, 3, "own")
    assert (draft.worse, draft.better, draft.decisions) == (None, None, {})
    assert refine.decisions == {"refine": 1.0}
    assert (refine.segments, refine.expected, refine.failed, refine.fallbacks) == (4, 4, 0, 0)


def test_regressions_are_counted_against_the_own_draft_or_that_of_the_arm_draft(tmp_path: Path) -> None:
    rows = summary_of(tmp_path, "draft,refine,few-shot", FakeGeneralist(worse)).rows
    assert [(row.worse, row.better, row.compared) for row in rows[1:]] == [(4, 0, "own"), (4, 0, "draft")]
    alone = summary_of(tmp_path, "few-shot", FakeGeneralist(worse)).rows[0]
    assert (alone.worse, alone.better) == (None, None)


def test_failures_are_counted_and_their_empty_text_is_scored(tmp_path: Path) -> None:
    found = summary_of(tmp_path, "draft,refine", FakeGeneralist(failing))
    row = found.rows[1]
    assert (row.failed, row.fallbacks) == (1, 1)
    texts = ["a casa é azul", "a porta é velha", "", "a porta é verde"]
    assert row.scores["chrF++"].score == pytest.approx(CHRF(word_order=2).corpus_score(texts, [REFERENCES]).score)
    assert row.decisions == {"refine": 0.75, "nothing": 0.25}
    assert (row.worse, row.better) == (1, 2)
    system = found.evaluations[0].systems[1]
    assert [item.failed for item in system.outputs] == [False, False, True, False]
    assert any(
        "the generalist failed for 1 segment, 1 segment came out without a translation. Most often: "
        "Nothing is known of red. --retry-failed does these again." in line
        for line in footnotes(found)
    )


def test_cost_is_unknown_where_nobody_names_a_price(tmp_path: Path) -> None:
    rows = summary_of(tmp_path, "draft,refine").rows
    assert rows[0].cost == 0
    assert math.isnan(rows[1].cost)


def test_systems_carry_draft_decision_and_facts_to_the_report(tmp_path: Path) -> None:
    evaluation = summary_of(tmp_path, "draft,refine", prices=Prices(1, 1)).evaluations[0]
    output = evaluation.systems[1].outputs[1]
    assert output.draft
    assert output.draft.text == "a door é velha"
    assert output.decision == "refine"
    assert output.facts["prompt_tokens"] == 100
    assert output.facts["cost"] == pytest.approx(110 / 1e6)
    assert output.facts["seconds"] >= 0
    assert evaluation.systems[0].outputs[0].decision == "draft"
    assert evaluation.baseline == "draft"


def test_an_arm_that_stopped_half_way_has_a_row_and_no_scores(tmp_path: Path) -> None:
    count = 0

    def down(prompt: Prompt) -> object:
        nonlocal count
        count += 1
        if count > 2:
            raise EndpointError("The server has gone.")
        return better(prompt)

    found = summary_of(tmp_path, "draft,refine,pivot", FakeGeneralist(down), batch=1)  # type: ignore[arg-type]
    draft, refine, pivot = found.rows
    assert (draft.state, refine.state, pivot.state) == ("done", "failed", "not applicable")
    assert (refine.segments, refine.scores) == (2, {})
    assert [system.name for system in found.evaluations[0].systems] == ["draft"]
    told = "\n".join(footnotes(found))
    assert "refine on small is failed: The server has gone. (2 of 4 segments are kept)" in told
    assert "pivot on small is not applicable: The pivot en is one side" in told
    quality, cost, _ = tables(found, wide=False)
    assert quality.rows[2][:2] == ("pivot", "not applicable")
    assert cost.rows[1][0] == "refine"


def test_another_baseline_stands_in_where_the_asked_one_has_no_outputs(tmp_path: Path) -> None:
    found = summary_of(tmp_path, "pivot,draft,refine", baseline="pivot")
    assert found.evaluations[0].baseline == "draft"
    assert "pivot has no outputs to compare with; draft is the baseline" in found.notes[0]
    nothing = summary_of(tmp_path / "none", "pivot")
    assert nothing.evaluations == ()
    assert quality_cost_curve(nothing) == ""
    assert markdown(tables(nothing, wide=True), footnotes(nothing)).count("not applicable") == 2


def test_a_set_without_references_is_refused_before_anything_is_translated() -> None:
    with pytest.raises(InputError, match=r"chrF\+\+ needs references, which x lacks"):
        Scoring().build(TestSet("x", ("a",), pair=small_set().pair, ids=("1",)))


def test_percentiles_and_the_size_of_batches(tmp_path: Path) -> None:
    row = summary_of(tmp_path, "draft", batch=3).rows[0]
    assert row.seconds.batch == 3
    assert 0 <= row.seconds.p50 <= row.seconds.p95 <= row.seconds.total
    told = footnotes(Summary((row,), ()))
    assert any("in batches of up to 3, and each has the mean time of its batch" in line for line in told)
    single = Row("s", "a", "done", segments=1, expected=1, seconds=Seconds(1, 1, 1, 1))
    assert any("one by one" in line for line in footnotes(Summary((single,), ())))


def test_what_confidences_are_worth_is_told_once_for_each_set_of_drafts(tmp_path: Path) -> None:
    # few-shot has no drafts, refine the same ones as draft.
    found = summary_of(tmp_path, "few-shot,draft,refine", baseline="draft")
    evaluation = found.evaluations[0]
    assert list(evaluation.reliability) == ["draft"]
    # Of the 16 words the 13 that the dictionary knows have 0.9 and are right; the others have 0 and are wrong.
    assert evaluation.reliability["draft"].words == 16
    assert evaluation.reliability["draft"].ece == pytest.approx(13 * 0.1 / 16)
    assert all(output.draft for output in evaluation.systems[2].outputs)
    *_, trusted = tables(found, wide=False)
    assert trusted.rows[0][:3] == ("draft", "16", "0.081")
    assert any(line.startswith("Word confidences: ece|") for line in footnotes(found))
    (stored,) = as_json(found)["sets"]
    assert stored["reliability"]["draft"]["words"] == 16


def test_characteristics_share_an_aligner_and_are_not_what_drafts_are_scored_with(tmp_path: Path) -> None:
    pytest.importorskip("systran_align")
    work = bench(tmp_path)
    tasks = work.prepare([choice(gate="off").arm(name) for name in ("draft", "refine")], [small_set()])
    work.run(tasks)
    found = summarise(tasks, Scoring(("usw", "nm", "chrf++"), "draft", QUICK))
    usw, nm, chrf = found.metrics
    assert usw.signature.removeprefix("usw") == nm.signature.removeprefix("nm")
    assert "each-system-alone" not in usw.signature
    assert found.lead == chrf
    assert found.rows[1].draft == found.rows[0].scores["chrF++"].score
    assert ">chrF++</text>" in quality_cost_curve(found)
    alone = summarise(tasks, Scoring(("usw",), "draft", QUICK))
    assert (alone.lead, quality_cost_curve(alone)) == (None, "")
    assert math.isnan(alone.rows[1].draft)


def test_every_signature_of_a_metric_is_told(tmp_path: Path) -> None:
    work = bench(tmp_path)
    one = small_set(2, "one")
    two = replace(small_set(2, "two"), references=(REFERENCES[:2], REFERENCES[:2]))
    tasks = work.prepare([choice().arm("draft")], [one, two])
    work.run(tasks)
    told = footnotes(summarise(tasks, Scoring(options=QUICK)))
    (line,) = [line for line in told if line.startswith("BLEU: ")]
    assert "nrefs:1|" in line
    assert " ; nrefs:2|" in line


def test_the_draft_of_a_segment_in_pieces_is_that_of_all_pieces() -> None:
    made = [{"text": text, "words": [{"text": text, "confidence": 0.5}]} for text in ("a", "A", "b", "B")]
    cut = {"drafts": made, "decisions": [{"step": "length", "outcome": "2 pieces"}]}
    draft = first_draft(cut)
    assert draft
    assert (draft.text, [word.text for word in draft.words]) == ("a b", ["a", "b"])
    paths = first_draft({"drafts": made, "decisions": []})
    assert paths
    assert paths.text == "a"
    assert first_draft({"drafts": [], "decisions": []}) is None


def test_drafts_of_another_batch_size_are_the_same_and_shuffled_confidences_are_not() -> None:
    def system(name: str, *confidences: float | None) -> System:
        words = tuple(Word("a", value) for value in confidences)
        return System(name, (Output("x", Draft("a a", words)), Output("y")))

    given = [system("1", 0.5, 0.9), system("2", 0.5001, 0.9), system("3", 0.9, 0.5), system("4", None, 0.9)]
    kept = once([*given, System("5", (Output("x"), Output("y")))])
    assert [item.outputs[0].draft is not None for item in kept] == [True, False, True, True, False]


def gate(*outcomes: str) -> dict[str, object]:
    return {"decisions": [{"step": "road", "outcome": "x"}, *({"step": "gate", "outcome": o} for o in outcomes)]}


def test_what_the_gate_took() -> None:
    assert gate_outcome(gate()) == ""
    assert gate_outcome(gate("refused refine", "draft")) == "draft"
    assert gate_outcome(gate("refine", "refine")) == "refine"
    assert gate_outcome(gate("refine", "draft")) == "mixed"
    pieces = [
        {"origin": "draft", "text": "a"},
        {"origin": "refine", "text": "b"},
        {"origin": "draft", "text": "c"},
    ]
    assert standing_draft({"candidates": pieces}) == "a c"
    assert standing_draft({"candidates": pieces[1:2]}) is None


def test_how_numbers_are_written() -> None:
    assert [money(value) for value in (0, 12.345, 0.01234, 0.0000123, math.nan)] == [
        "0.00", "12.35", "0.0123", "1.2e-05", "–",
    ]  # fmt: skip
    assert shares({"draft": 0.75, "refine": 0.25}) == "draft 75 %, refine 25 %"
    assert shares({}) == "–"


def test_results_are_stored_as_json_without_nan_and_as_a_curve(tmp_path: Path) -> None:
    work = bench(tmp_path, improver())
    tasks = work.prepare([choice().arm(name) for name in ("draft", "refine", "pivot")], [small_set()])
    work.run(tasks)
    summary, shown, content = conclude(tasks, Scoring(options=QUICK, prices=Prices(1, 2)))
    store(tmp_path, summary, content, "bench")
    text = (tmp_path / "bench.json").read_text("utf-8")
    read = json.loads(text, parse_constant=pytest.fail)
    assert read["prices"] == {"prompt": 1, "completion": 2}
    assert [row["arm"] for row in read["rows"]] == ["draft", "refine", "pivot"]
    assert read["sets"][0]["metrics"][0]["signature"].startswith("nrefs:1|bs:50|ar:50|seed:12345|")
    assert read["rows"][1]["scores"]["chrF++"]["score"] == pytest.approx(summary.rows[1].scores["chrF++"].score)
    assert "segments" not in read["rows"][1]["scores"]["chrF++"]
    assert read["rows"][1]["profile"]["method"] == "refine"
    curve = ElementTree.fromstring((tmp_path / "quality-cost.svg").read_text("utf-8"))
    assert curve.tag.endswith("svg")
    assert "cost of 1,000 segments" in "".join(curve.itertext())
    table, trusted = shown(wide=True)
    assert trusted.title == "small: word confidences of the drafts"
    lines = table.markdown().split("\n")
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert not list(tmp_path.glob("*.partial"))
    assert notes(summary) == footnotes(summary)


def test_secrets_in_a_url_stay_out_of_the_results(tmp_path: Path) -> None:
    work = bench(tmp_path)
    arm = choice(generalist="openai:http://user:secret@host/v1?key=secret#model").arm("refine")
    tasks = work.prepare([arm], [small_set(1)])
    work.run(tasks)
    text = json.dumps(as_json(summarise(tasks, Scoring(options=QUICK))))
    assert "secret" not in text
    assert "openai:http://host/v1#model" in text
