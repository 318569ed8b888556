"""What an engine asks again when something changes: exactly what the change can alter, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers import ScoringDictionary, english_portuguese
from scalemt.caching import FILE_NAME, CachedGeneralist, CachedSpecialist
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.errors import DeadlineError
from scalemt.fingerprint import file_digest
from scalemt.generalists.fake import Answer, FakeScoringGeneralist
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.types import Completion, Draft, Likelihood, Pair, Prompt, Translation

TEXTS = ["the old house", "a green door", "the blue sea"]
POOL = [
    {"source": "the old house is here", "target": "a casa velha está aqui"},
    {"source": "a green door opened", "target": "uma porta verde abriu"},
    {"source": "the blue sea is calm", "target": "o mar azul está calmo"},
    {"source": "nobody knows why", "target": "ninguém sabe porquê"},
]


class FileDictionary(ScoringDictionary):
    """A dictionary with a model file for each direction, which remembers what it was asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(english_portuguese().tables)
        self.folder = folder
        self.drafted: list[str] = []
        self.scored: list[str] = []

    def cache_key(self, pair: Pair) -> str:
        return file_digest(self.folder / f"{pair.source}{pair.target}.model")

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        self.drafted += texts
        return super()._draft(texts, pair, n)

    def score(self, sources: Sequence[str], targets: Sequence[str], pair: Pair) -> list[Likelihood]:
        self.scored += sources
        return [Likelihood(-0.5 * len(target), len(target.split())) for target in targets]


class Bench:
    """Runs an engine of its own each time, over the same cache, and tells what it asked its backends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options: dict[str, Any] = {"selection": "nearest", "shots": 1, "third": "few-shot"}
        self.options["demonstrations"] = str(folder / "pool.jsonl")
        for name in ("enpt", "pten"):
            (folder / f"{name}.model").write_bytes(name.encode())
        self.pool(POOL)

    def pool(self, rows: Iterable[dict[str, str]]) -> None:
        (self.folder / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def run(self, texts: Sequence[str] = TEXTS, model: str = "m", **fields: Any) -> Asked:
        specialist = FileDictionary(self.folder)
        generalist = FakeScoringGeneralist(_answer, scores=lambda _, text: -float(len(text)), cache_key=model)
        profile = Profile(**{**self.options, **fields})
        engine = Engine(profile, specialists=[specialist], generalist=generalist)
        return Asked(engine.translate(texts, "en", "pt"), specialist, generalist)


def _answer(prompt: Prompt) -> Completion:
    body = prompt.text or prompt.messages[-1].content
    source = body.split("Source sentence: ")[-1].split("\n")[0]
    return Completion(f"uma tradução de {source}", "stop", 100, 9)


class Asked:
    """What came out, and what was asked for it."""

    def __init__(
        self, done: list[Translation], specialist: FileDictionary, generalist: FakeScoringGeneralist
    ) -> None:
        self.done = done
        self.drafted = specialist.drafted
        self.prompts = generalist.prompts
        self.nothing = not (specialist.drafted or specialist.scored or generalist.prompts or generalist.scored)

    def of(self, text: str) -> int:
        """How many prompts ask for the translation of a text."""
        asked = [prompt.text or prompt.messages[-1].content for prompt in self.prompts]
        return sum(f"Source sentence: {text}" in body.split("\n\n")[-1] for body in asked)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    return Bench(tmp_path)


def test_a_second_run_calls_no_model_and_says_so(bench: Bench) -> None:
    first, second = bench.run(), bench.run()
    assert not first.nothing
    assert second.nothing
    for before, after in zip(first.done, second.done, strict=True):
        assert (after.text, after.drafts, after.decisions) == (before.text, before.drafts, before.decisions)
        assert after.candidates == before.candidates
        assert (before.usage.calls, before.usage.cached) == (2, 0)
        assert (after.usage.calls, after.usage.cached, after.usage.prompt_tokens) == (0, 2, 0)
        assert after.signature == before.signature


def test_other_batches_and_more_texts_ask_only_what_is_new(bench: Bench) -> None:
    bench.run()
    assert bench.run(TEXTS[::-1], batch=1).nothing
    # One much longer text raises the bound of max_tokens for its whole batch.
    more = bench.run([*TEXTS, "the blue house " * 30])
    assert [more.of(text) for text in TEXTS] == [0, 0, 0]
    assert more.drafted[0].startswith("the blue house the blue")


def test_a_changed_demonstration_asks_for_those_that_show_it(bench: Bench) -> None:
    bench.run()
    bench.pool([{**POOL[0], "target": "a velha casa está aqui"}, *POOL[1:]])
    asked = bench.run()
    assert [asked.of(text) for text in TEXTS] == [2, 0, 0]
    assert asked.drafted == []
    bench.pool([{**POOL[0], "source": "the old house stands here"}, *POOL[1:]])
    asked = bench.run()
    assert [asked.of(text) for text in TEXTS] == [2, 0, 0]
    assert asked.drafted == ["the old house stands here"]


def test_a_demonstration_that_no_prompt_shows_changes_nothing(bench: Bench) -> None:
    bench.run()
    bench.pool([*POOL[:3], {"source": "nobody knows why", "target": "não se sabe"}])
    assert bench.run().nothing


def test_a_changed_model_file_of_the_pair_makes_everything_anew(bench: Bench) -> None:
    bench.run()
    (bench.folder / "enpt.model").write_bytes(b"enpx")
    asked = bench.run()
    assert set(TEXTS) <= set(asked.drafted)
    # The drafts came out the same, so the prompts are the same, and their answers still stand.
    assert asked.prompts == []


def test_a_changed_model_file_of_the_other_direction_leaves_drafts_and_answers(bench: Bench) -> None:
    bench.run()
    (bench.folder / "pten.model").write_bytes(b"other")
    asked = bench.run()
    assert asked.prompts == []
    assert not set(TEXTS) & set(asked.drafted)
    assert not asked.nothing  # the gate's evidence comes from that direction


def test_a_changed_generalist_is_asked_and_drafts_stay(bench: Bench) -> None:
    bench.run()
    asked = bench.run(model="another")
    assert [asked.of(text) for text in TEXTS] == [2, 2, 2]
    assert asked.drafted == []


@pytest.mark.parametrize("change", [{"temperature": 0.5}, {"seed": 3}, {"shots": 2}])
def test_changed_decoding_and_shots_ask_anew_and_drafts_of_segments_stay(
    bench: Bench, change: dict[str, Any]
) -> None:
    bench.run()
    asked = bench.run(**change)
    assert all(asked.of(text) for text in TEXTS)
    assert not set(asked.drafted) & set(TEXTS)


def test_a_changed_template_asks_anew(bench: Bench, tmp_path: Path) -> None:
    bench.run()
    path = tmp_path / "mine.toml"
    text = 'kind = "chat"\nsystem = "S"\ndemonstration = "{{ source }}{{ drafts }}{{ target }}"\n'
    path.write_text(text + 'query = "Source sentence: {{ source }}\\n{{ drafts }}"\n')
    asked = bench.run(template=str(path))
    assert [asked.of(text) for text in TEXTS] == [2, 2, 2]
    assert bench.run(template=str(path)).nothing
    path.write_text(path.read_text().replace('"S"', '"T"'))
    asked = bench.run(template=str(path))
    assert [asked.of(text) for text in TEXTS] == [2, 2, 2], asked.prompts
    # A label only takes an opening off an answer: no prompt has changed.
    path.write_text(path.read_text() + 'labels = ["So:"]\n')
    assert bench.run(template=str(path)).nothing


def test_what_only_judges_asks_nothing_anew(bench: Bench) -> None:
    bench.run()
    assert bench.run(gate="checks").nothing
    assert bench.run(gate="off", max_tokens=900, threads=1).nothing


def test_without_the_cache_nothing_is_read_or_written(bench: Bench, cache_folder: Path) -> None:
    first = bench.run(cache=False)
    assert not (cache_folder / FILE_NAME).exists()
    bench.run()
    again = bench.run(cache=False)
    assert len(again.prompts) == len(first.prompts) == 6
    assert all(item.usage.cached == 0 for item in again.done)


def test_a_damaged_cache_is_told_once_and_costs_no_translation(bench: Bench, cache_folder: Path) -> None:
    (cache_folder / FILE_NAME).write_bytes(b"nonsense" * 1000)
    told: list[str] = []
    engine = Engine(Profile(method="draft"), specialists=[english_portuguese()], notice=told.append)
    done = engine.translate(["the house"] * 100, "en", "pt")
    assert {item.text for item in done} == {"a casa"}
    assert len(told) == 1
    assert "cache clear" in told[0]


def test_an_error_is_asked_again(bench: Bench) -> None:
    answers: list[Answer] = [DeadlineError("late"), Completion("cut o", "length"), "uma casa velha"]
    generalist = FakeScoringGeneralist(answers, cache_key="m")
    for expected in ("a velha casa", "a velha casa", "uma casa velha", "uma casa velha"):
        profile = Profile(gate="checks", shots=0)
        engine = Engine(profile, specialists=[english_portuguese()], generalist=generalist)
        assert [item.text for item in engine.translate(["the old house"], "en", "pt")] == [expected]
    assert len(generalist.prompts) == 3


def test_drafts_made_elsewhere_are_handed_out_as_they_are(cache_folder: Path) -> None:
    for text in ("um", "dois"):
        recorded = RecordedSpecialist(drafts=[[Draft(text)], [Draft(f"{text} b")]])
        done = Engine(Profile(method="draft"), drafts=recorded).translate(["same", "same"], "en", "pt")
        assert [item.text for item in done] == [text, f"{text} b"]
    assert not (cache_folder / FILE_NAME).exists()


def test_both_the_profiles_own_and_given_backends_are_wrapped() -> None:
    given = Engine(Profile(), specialists=[english_portuguese()], generalist=FakeScoringGeneralist()).assembly
    own = Engine(Profile(specialists=("apertium",), generalist="fake")).assembly
    for assembly in (given, own):
        assert all(isinstance(item, CachedSpecialist) for item in assembly.specialists)
        assert isinstance(assembly.generalist, CachedGeneralist)
    plain = Engine(Profile(cache=False), specialists=[english_portuguese()]).assembly
    assert not isinstance(plain.specialists[0], CachedSpecialist)


def test_sampled_paths_and_scores_are_kept_too(bench: Bench, cache_folder: Path) -> None:
    bench.run(method="multi-path", paths=2)
    assert bench.run(method="multi-path", paths=2).nothing
    file = sqlite3.connect(cache_folder / FILE_NAME)
    kinds = {kind for (kind,) in file.execute("SELECT DISTINCT kind FROM entries")}
    file.close()
    assert kinds == {"draft", "forced", "completion", "likelihood"}
