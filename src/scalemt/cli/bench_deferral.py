"""`scalemt bench deferral`: what a budget costs in quality, and what choosing well is worth over chance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.benching import (
    any_failed,
    check_outputs,
    check_scoring,
    open_bench,
    print_study,
    read_choice,
    read_scoring,
    read_sets,
    run_tasks,
    shared_options,
)
from scalemt.cli.options import say

if TYPE_CHECKING:
    from scalemt.evaluation.bench.deferral import DeferralCurve
    from scalemt.evaluation.bench.running import Bench, Task
    from scalemt.evaluation.bench.summary import Scoring


@click.command("deferral", short_help="See what a budget costs in quality.")
@shared_options()  # fmt: skip
def command(**options: Any) -> int:
    """Translate test sets with every segment asked, then tell the quality at each budget from 0 to 1.

    Segments are chosen by expected gain (as scalemt calibrate has learnt it, else by a rule), at random, and by an
    oracle that knows the gains; under the gate and without it. The first of --metrics is drawn, chrF++ by default.
    The folder gets deferral.json and a figure for each set.
    """
    from scalemt.evaluation.bench import deferral as study

    check_outputs(options)
    choice = read_choice(options)
    sets, planned = read_sets(options, choice)
    if planned:
        say("The [[systems]] of the plan are left out: deferral is about one profile, which --profile names.")
    arm = study.asked_arm(choice)
    scoring = read_scoring(options, "draft", choice)
    with open_bench(options, choice) as bench:
        check_scoring(scoring, sets)
        tasks = bench.prepare([arm], sets)
        run_tasks(bench, tasks)
        return _tell(bench, tasks, scoring, options)


def _tell(bench: Bench, tasks: Sequence[Task], scoring: Scoring, options: dict[str, Any]) -> int:
    from scalemt.evaluation.bench import deferral as study
    from scalemt.lines import write_whole

    done = [task for task in tasks if task.state == "done"]
    found = {
        task.test_set.name: study.curves(task, bench.backends, scoring.build(task.test_set)[0]) for task in done
    }
    every = [item for curves in found.values() for item in curves]
    notes = [study.note(item) for item in every]
    notes += [f"{task.test_set.name}: {task.state}: {task.reason}" for task in tasks if task not in done]
    content = {"curves": study.as_json(every), "notes": notes}
    write_whole(bench.folder / "deferral.json", json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    _draw(bench.folder, found)
    if options["report_file"] and done:
        _report(done, found, scoring, options["report_file"])
    print_study(content, [study.table(item) for item in every], notes, options)
    return _exit_code(tasks)


def _exit_code(tasks: Sequence[Task]) -> int:
    if all(task.state == "not applicable" for task in tasks):
        return 2
    failed = any_failed(tasks)
    return int(failed or any(task.state == "failed" for task in tasks))


def _draw(folder: Path, found: dict[str, list[DeferralCurve]]) -> None:
    from scalemt.evaluation.bench.deferral import figure
    from scalemt.evaluation.bench.ledger import file_name
    from scalemt.lines import write_whole

    for name, curves in found.items():
        write_whole(folder / f"{file_name('deferral', name)}.svg", figure(curves))


def _report(tasks: Sequence[Task], found: dict[str, list[DeferralCurve]], scoring: Scoring, path: str) -> None:
    from scalemt.evaluation.bench import deferral as study
    from scalemt.evaluation.report import further_figure, write_report
    from scalemt.evaluation.run import evaluate

    evaluations, tables, figures = [], {}, {}
    for task in tasks:
        name, metrics = task.test_set.name, scoring.build(task.test_set)
        evaluations.append(evaluate(task.test_set, study.systems(task), metrics, baseline="draft"))
        curves = found[name]
        tables[name] = study.table(curves[0])
        caption = " ".join(study.note(item) for item in curves)
        figures[name] = [further_figure("Quality by budget", caption, study.figure(curves), "deferral")]
    write_report(evaluations, Path(path), "Deferral", tables, figures)
    say(f"The report is {path}: open it in a browser.")
