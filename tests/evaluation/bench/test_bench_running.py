"""Running: nothing that is finished is done again, whatever changes is, and no arm holds up another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.bench.bench_parts import KNOWN, SOURCES, bench, better, choice, failing, improver, small_set
from helpers import EN_PT, DictionarySpecialist, english_portuguese
from scalemt.config import Configuration
from scalemt.errors import EndpointError, SpecialistError
from scalemt.evaluation.bench.arms import Arm, with_fields
from scalemt.evaluation.bench.backends import Backends, deciding
from scalemt.evaluation.bench.running import Bench, Task
from scalemt.generalists import GENERALISTS
from scalemt.generalists.fake import FakeGeneralist
from scalemt.specialists import SPECIALISTS
from scalemt.types import Draft, Pair, Prompt


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def arms(*names: str, **overrides: object) -> list[Arm]:
    chosen = choice(**overrides)
    return [chosen.arm(name) for name in names]


class Counting:
    def __init__(self) -> None:
        self.started: list[tuple[int, int]] = []
        self.tasks: list[tuple[str, str, int]] = []
        self.count = 0

    def start(self, total: int, finished: int) -> None:
        self.started.append((total, finished))
        self.count = finished

    def task(self, arm: str, test_set: str, pending: int) -> None:
        self.tasks.append((arm, test_set, pending))

    def advance(self, count: int) -> None:
        self.count += count


def run(folder: Path, names: list[Arm], generalist: FakeGeneralist | None = None, *, limit: int | None = None,
        retry_failed: bool = False, notes: list[str] | None = None) -> tuple[list[Task], Counting]:  # fmt: skip
    work = bench(folder, generalist, limit=limit, retry_failed=retry_failed, notes=notes)
    tasks = work.prepare(names, [small_set()])
    watcher = Counting()
    work.run(tasks, watcher)
    return tasks, watcher


def test_every_arm_has_a_row_a_segment(tmp_path: Path) -> None:
    generalist = improver()
    tasks, watcher = run(tmp_path, arms("draft", "few-shot", "refine", gate="off"), generalist)
    assert [task.state for task in tasks] == ["done"] * 3
    assert [[task.rows[i]["translation"] for i in range(4)] for task in tasks][2][1] == "a porta é velha"
    assert tasks[0].rows[1]["translation"] == "a door é velha"
    assert watcher.started == [(12, 0)]
    assert watcher.count == 12
    assert len(generalist.prompts) == 8
    files = sorted(path.name for path in (tmp_path / "ledgers").iterdir())
    assert files == ["small--draft.jsonl", "small--few-shot.jsonl", "small--refine.jsonl"]


def test_a_second_run_asks_nothing_and_writes_nothing(tmp_path: Path) -> None:
    names = arms("draft", "refine")
    run(tmp_path, names)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "ledgers").iterdir()}
    silent = FakeGeneralist(())  # raises if it is asked anything
    tasks, watcher = run(tmp_path, names, silent)
    assert [task.state for task in tasks] == ["done", "done"]
    assert sum(task.fresh for task in tasks) == 0
    assert watcher.tasks == []
    assert watcher.started == [(8, 8)]
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "ledgers").iterdir()}
    assert after == before


def test_a_higher_limit_does_the_new_segments_only(tmp_path: Path) -> None:
    run(tmp_path, arms("refine"), limit=1)
    generalist = improver()
    tasks, _ = run(tmp_path, arms("refine"), generalist, limit=3)
    assert tasks[0].fresh == 2
    assert len(generalist.prompts) == 2
    assert len(tasks[0].rows) == 3
    again, _ = run(tmp_path, arms("refine"), FakeGeneralist(()), limit=2)
    assert sorted(again[0].rows) == [0, 1]


@pytest.mark.parametrize(
    "change",
    [{"shots": 2}, {"gate": "off"}, {"temperature": 0.5}, {"max_tokens": 50}, {"batch": 2}, {"confidences": False},
     {"seed": 3}, {"template": "plain"}, {"max_characters": 60}],
)  # fmt: skip
def test_whatever_decides_a_result_makes_new_rows_and_keeps_the_old(
    tmp_path: Path, change: dict[str, object]
) -> None:
    run(tmp_path, arms("refine"))
    generalist = FakeGeneralist(lambda _: "a casa é azul")
    tasks, _ = run(tmp_path, [Arm("refine", arms("refine", **change)[0].profile)], generalist)
    assert tasks[0].fresh == 4
    lines = (tmp_path / "ledgers" / "small--refine.jsonl").read_text("utf-8").split("\n")
    assert len(lines) == 9
    back, _ = run(tmp_path, arms("refine"), FakeGeneralist(()))
    assert back[0].fresh == 0


def test_another_number_of_paths_makes_new_rows(tmp_path: Path) -> None:
    run(tmp_path, arms("multi-path", paths=2))
    assert run(tmp_path, arms("multi-path", paths=3))[0][0].fresh == 4
    assert run(tmp_path, arms("multi-path", paths=2), FakeGeneralist(()))[0][0].fresh == 0


def test_a_generalist_that_is_not_of_this_process_is_asked_for_the_segments_only(tmp_path: Path) -> None:
    generalist = improver()
    run(tmp_path, arms("refine", gate="quality"), generalist)
    assert len(generalist.prompts) == 4


def test_what_decides_nothing_makes_no_new_rows(tmp_path: Path) -> None:
    run(tmp_path, arms("draft"))
    tasks, _ = run(tmp_path, arms("draft", temperature=0.7, shots=3, threads=2, gate="off"), FakeGeneralist(()))
    assert tasks[0].fresh == 0


def test_another_demonstrations_file_of_the_same_size_makes_new_rows(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    keys = set()
    for target in ("a casa", "casa"):
        path.write_text(f'{{"source": "the house", "target": "{target}", "drafts": [{{"text": "a casa"}}]}}\n')
        arm = arms("refine", demonstrations=str(path), shots=1)[0]
        work = bench(tmp_path / "out")
        (task,) = work.prepare([arm], [small_set()])
        assert task.plan
        keys.add(deciding(arm.profile, task.plan))
    assert len(keys) == 2


def test_arms_that_come_to_the_same_share_their_rows(tmp_path: Path) -> None:
    generalist = improver()
    same = with_fields(arms("refine")[0].profile, paths=2)  # of no account but for multi-path
    tasks, watcher = run(tmp_path, [*arms("refine"), Arm("other", same)], generalist)
    assert len(generalist.prompts) == 4
    assert tasks[0].rows == tasks[1].rows
    assert watcher.count == 8


def test_an_interruption_keeps_every_batch_that_was_finished(tmp_path: Path) -> None:
    asked: list[str] = []

    def interrupting(prompt: Prompt) -> str:
        asked.append("")
        if len(asked) == 3:
            raise KeyboardInterrupt
        return "a casa é azul"

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, arms("refine", batch=1), FakeGeneralist(interrupting))
    generalist = improver()
    tasks, _ = run(tmp_path, arms("refine", batch=1), generalist)
    assert tasks[0].fresh == 2
    assert len(generalist.prompts) == 2
    assert [row["batch"] for row in tasks[0].rows.values()] == [1] * 4


def test_a_torn_line_is_told_and_its_segment_done_again(tmp_path: Path) -> None:
    run(tmp_path, arms("refine"))
    path = tmp_path / "ledgers" / "small--refine.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    notes: list[str] = []
    generalist = improver()
    tasks, _ = run(tmp_path, arms("refine"), generalist, notes=notes)
    assert any("not written to its end" in note for note in notes)
    assert (tasks[0].fresh, len(generalist.prompts)) == (1, 1)


def test_a_pivot_that_is_a_side_of_the_pair_does_not_hold_up_the_others(tmp_path: Path) -> None:
    tasks, _ = run(tmp_path, arms("pivot", "draft"))
    assert [task.state for task in tasks] == ["not applicable", "done"]
    assert "one side of en->pt" in tasks[0].reason


def test_a_server_that_is_down_ends_its_own_task_and_what_was_done_stays(tmp_path: Path) -> None:
    count = 0

    def down(prompt: Prompt) -> str:
        nonlocal count
        count += 1
        if count > 2:
            raise EndpointError("The server has gone.")
        return "a casa é azul"

    tasks, _ = run(tmp_path, arms("refine", "draft", batch=1), FakeGeneralist(down))
    assert [task.state for task in tasks] == ["failed", "done"]
    assert tasks[0].reason == "The server has gone."
    assert sorted(tasks[0].rows) == [0, 1]
    again, _ = run(tmp_path, arms("refine", "draft", batch=1))
    assert (again[0].state, again[0].fresh) == ("done", 2)


@pytest.mark.parametrize("gate", ["off", "quality"])
def test_failed_segments_are_kept_and_done_again_only_on_request(tmp_path: Path, gate: str) -> None:
    """With the gate off the segment fails; with it on the draft stands in, which is no answer either."""
    names = [*arms("refine", gate=gate), Arm("same", arms("refine", gate=gate, paths=2)[0].profile)]
    run(tmp_path, names, FakeGeneralist(failing))
    tasks, _ = run(tmp_path, names, FakeGeneralist(()))
    assert bool(tasks[0].rows[2]["error"]) == (gate == "off")
    generalist = FakeGeneralist(better)
    tasks, _ = run(tmp_path, names, generalist, retry_failed=True)
    assert len(generalist.prompts) == 1
    assert not tasks[0].rows[2]["error"]
    assert tasks[1].rows[2] is tasks[0].rows[2]


def test_empty_sources_stay_empty_and_two_sets_have_ledgers_of_their_own(tmp_path: Path) -> None:
    work = bench(tmp_path)
    empty = replace(small_set(3, "other"), sources=(SOURCES[0], "", " "))
    void = replace(empty, name="void", sources=("",) * 3)
    tasks = work.prepare(arms("refine", gate="off"), [small_set(1), empty, void])
    work.run(tasks)
    assert [task.state for task in tasks] == ["done"] * 3
    assert [tasks[1].rows[i]["translation"].strip() for i in range(3)] == ["a casa é azul", "", ""]
    assert len(list((tmp_path / "ledgers").iterdir())) == 3
    assert set(KNOWN) >= set(SOURCES[0].split())


def test_a_specialist_that_breaks_ends_only_the_arms_that_need_it(tmp_path: Path) -> None:
    class Broken(DictionarySpecialist):
        def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
            raise SpecialistError("The dictionary is lost.")

    parts = Backends(Configuration(), print, specialists=[Broken({EN_PT: {}})], generalist=improver())
    work = Bench(tmp_path, parts)
    tasks = work.prepare(arms("draft", "few-shot", gate="off"), [small_set()])
    work.run(tasks)
    assert [(task.state, task.reason) for task in tasks] == [("failed", "The dictionary is lost."), ("done", "")]


def test_models_are_built_once_for_all_arms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def specialist() -> DictionarySpecialist:
        built.append("specialist")
        return english_portuguese()

    def generalist() -> FakeGeneralist:
        built.append("generalist")
        return improver()

    for registry, name, make in ((SPECIALISTS, "counted", specialist), (GENERALISTS, "counted", generalist)):
        monkeypatch.setitem(registry._builtin, name, "unused:unused")
        monkeypatch.setattr(registry, "load", lambda _, make=make: make)
    work = Bench(tmp_path, Backends(Configuration(), print))
    fields = {"specialists": "counted", "generalist": "counted", "gate": "off"}
    names = [
        *arms("draft", **fields),
        *arms("refine", **fields),
        Arm("b", arms("refine", **fields, shots=2)[0].profile),
    ]
    tasks = work.prepare(names, [small_set(), small_set(2, "other")])
    work.run(tasks)
    assert {task.state for task in tasks} == {"done"}
    assert built == ["specialist", "generalist"]
