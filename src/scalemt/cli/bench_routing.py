"""`scalemt bench routing`: fit a router on what all workers of a graph make of test sets, and tell its worth."""

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
    from scalemt.evaluation.bench.routing import Field, Study
    from scalemt.evaluation.bench.summary import Scoring


@click.command("routing", short_help="Fit a router, and see what choosing workers is worth.")
@click.option("--token", "by_token", is_flag=True, help="Also run the router that asks for a functional token.")
@shared_options()  # fmt: skip
def command(**options: Any) -> int:
    """Translate development sets with every worker of a graph, and fit a router on what came of it.

    The graph is that of --option graph=FILE, or the built-in one. Beside the fitted router, on folds that it had
    not seen, stand every worker alone, random choice, the rules, and an oracle. The first of --metrics says what
    is better, chrF++ by default. Sets of one pair are one development set. The router is stored with the profile,
    for --option router=learned, and in the folder.
    """
    from scalemt.evaluation.bench import routing as study

    check_outputs(options)
    if options["report_file"]:
        raise click.UsageError("--report belongs to scalemt bench; routing prints tables, and JSON with --json.")
    by_token = options.pop("by_token")
    choice = read_choice(options)
    sets, planned = read_sets(options, choice)
    if planned:
        say("The [[systems]] of the plan are left out: routing is about the workers of one graph.")
    arm = study.route_profile(choice)
    scoring = read_scoring(options, "draft", choice)
    with open_bench(options, choice) as bench:
        check_scoring(scoring, sets)
        fields = study.prepare(bench, arm, sets, ["rules", *(["token"] if by_token else [])])
        run_tasks(bench, [task for field in fields for task in field.tasks])
        return _tell(bench.folder, fields, scoring, arm.profile.name, options)


def _tell(folder: Path, fields: Sequence[Field], scoring: Scoring, profile: str, options: dict[str, Any]) -> int:
    from scalemt.evaluation.bench import routing as study
    from scalemt.lines import write_whole

    found = [_studied(field, scoring) for field in fields]
    notes = [note for field, item in zip(fields, found, strict=True) for note in study.notes(item, field.plan)]
    notes += [
        f"{task.arm.name} on {task.test_set.name}: {task.state}: {task.reason}"
        for field in fields
        for task in field.tasks
        if task.state != "done"
    ]
    notes += [f"Stored in {path}." for item in found for path in _stored(item, folder, profile)]
    content = {"studies": [study.as_json(item) for item in found], "notes": notes}
    write_whole(folder / "routing.json", json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    print_study(content, [study.table(item) for item in found], notes, options)
    tasks = [task for field in fields for task in field.tasks]
    failed = any_failed(tasks)
    return int(failed or any(task.state != "done" for task in tasks))


def _studied(field: Field, scoring: Scoring) -> Study:
    from scalemt.evaluation.bench import routing as study

    metric = scoring.build(field.sets[0])[0]
    return study.studied(field, metric)


def _stored(found: Study, folder: Path, profile: str) -> list[Path]:
    """Write a router where the profile finds it, and into the folder."""
    from scalemt.folders import config_dir
    from scalemt.methods.route.method import router_path

    paths = [
        router_path(config_dir(), profile, found.pair),
        folder / f"router.{found.pair.source}-{found.pair.target}.json",
    ]
    for path in paths:
        found.fit.model.save(path)
    return paths
