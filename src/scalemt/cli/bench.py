"""`scalemt bench`: profiles by test sets in quality, time and cost; `bench robustness`: SCALE's ablations.

`bench deferral` and `bench routing` have files of their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.bench_deferral import command as deferral
from scalemt.cli.bench_routing import command as routing
from scalemt.cli.benching import (
    check_outputs,
    check_scoring,
    open_bench,
    print_tables,
    read_choice,
    read_scoring,
    read_sets,
    run_tasks,
    shared_options,
)
from scalemt.cli.options import say

if TYPE_CHECKING:
    from scalemt.evaluation.bench.arms import Arm, Choice
    from scalemt.evaluation.bench.running import Task
    from scalemt.evaluation.bench.summary import Scoring, Summary

_PROFILES = "draft,few-shot,refine,pivot"


class _WithStudies(click.Command):
    """A command of its own that hands over when its first argument is the name of one of `commands`.

    As a click group it would need a name for what `scalemt bench` itself does.
    """

    @property
    def commands(self) -> dict[str, click.Command]:
        return {"robustness": robustness, "deferral": deferral, "routing": routing}

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args and args[0] in self.commands:
            name = f"{info_name} {args[0]}"
            return self.commands[args[0]].make_context(name, args[1:], parent=parent, **extra)
        return super().make_context(info_name, args, parent=parent, **extra)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, str(item.short_help)) for name, item in self.commands.items()])


@click.command("bench", cls=_WithStudies, short_help="Compare profiles in quality, time and cost.")
@click.option(
    "--profiles", metavar="NAMES", help=f"With commas: profiles, or methods over --profile (default: {_PROFILES})."
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME:FIELD=VALUE,…",
    help="A further profile, as in ungated:method=refine,gate=off; profile=NAME sets its base. Repeatable.",
)
@click.option(
    "--baseline", metavar="NAME", help="What the others are compared with (default: draft, else the first)."
)
@shared_options()  # fmt: skip
def command(**options: Any) -> int:
    """Translate test sets with several profiles, and compare quality, time, calls and cost.

    The test sets are --src, --ref, --from, --to, those of --set, and those of PLAN, a TOML file with [[sets]]
    (name, src, ref, from, to) and [[systems]] (name, profile, fields of a profile). Everything that is finished
    stands in the folder; interrupted and called again, the same command goes on. The method pivot drafts through
    --pivot, or English; the other methods go the direct road.

    Exit codes: 0 done, 1 some segments failed or a backend did, 2 wrong use, 130 interrupted.
    """
    from scalemt.evaluation.bench.arms import require_distinct

    check_outputs(options)
    choice = read_choice(options)
    sets, arms = read_sets(options, choice)
    arms += _arms(options.pop("profiles"), options.pop("variants"), choice, planned=bool(arms))
    require_distinct("profiles", [arm.name for arm in arms])
    scoring = read_scoring(options, _baseline(options.pop("baseline"), [arm.name for arm in arms]), choice)
    with open_bench(options, choice) as bench:
        check_scoring(scoring, sets)
        tasks = bench.prepare(arms, sets)
        run_tasks(bench, tasks)
        return _tell(bench.folder, tasks, scoring, options)


@click.command("robustness", short_help="See how far a refinement depends on demonstrations and drafts.")
@click.option("--shots", default="0,1,5,10", show_default=True, metavar="K,…", help="Numbers of demonstrations.")
@click.option("--seeds", default="0,1,2", show_default=True, metavar="N,…", help="Which demonstrations are drawn.")
@click.option(
    "--corrupt",
    default="0,0.1,0.3,0.5",
    show_default=True,
    metavar="RATE,…",
    help="Shares of words of the drafts that are spoilt.",
)
@click.option("--weaker", multiple=True, metavar="NAME[:ARG]", help="A specialist to draft instead; repeatable.")
@click.option(
    "--confidences/--no-confidences",
    "with_confidences",
    default=True,
    show_default=True,
    help="Compare prompts with and without word confidences.",
)
@click.option("--paths", default="1,2,3", show_default=True, metavar="M,…", help="Numbers of sampled drafts.")
@shared_options("shots", "seed")  # fmt: skip
def robustness(**options: Any) -> int:
    """Vary one thing at a time about a refinement: SCALE's ablations.

    Number of demonstrations, which ones, quality of the drafts (words deleted, swapped and substituted at given
    rates, a weaker specialist), confidences, sampled paths. What does not apply to the pair or the models is
    listed with the reason. An empty list ("") leaves a factor out. The gate is off unless --gate says otherwise.
    """
    from scalemt.evaluation.bench import robustness as study

    check_outputs(options)
    factors = study.Factors(
        shots=_numbers("--shots", options.pop("shots"), int),
        seeds=_numbers("--seeds", options.pop("seeds"), int),
        rates=_numbers("--corrupt", options.pop("corrupt"), _rate),
        weaker=list(dict.fromkeys(options.pop("weaker"))),
        confidences=options.pop("with_confidences"),
        paths=_numbers("--paths", options.pop("paths"), int),
    )
    options["gate"] = options["gate"] or "off"
    choice = read_choice(options)
    sets, planned = read_sets(options, choice)
    if planned:
        say("The [[systems]] of the plan are left out: robustness is about one profile, which --profile names.")
    profile = choice.configuration.profile(choice.profile, **choice.overrides)
    levels = study.levels(profile, factors)
    scoring = read_scoring(options, study.REFERENCE, choice)
    with open_bench(options, choice) as bench:
        check_scoring(scoring, sets)
        tasks = bench.prepare([level.arm for level in levels], sets)
        study.rule_out(tasks, levels)
        run_tasks(bench, tasks)
        return _tell(bench.folder, tasks, scoring, options, levels)


def _baseline(asked: str | None, names: Sequence[str]) -> str:
    if asked is None:
        return "draft" if "draft" in names else names[0]
    if asked not in names:
        raise click.UsageError(f"--baseline {asked} is none of what is compared: {', '.join(names)}.")
    return asked


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 <= rate <= 1:
        raise ValueError(text)
    return rate


def _numbers(flag: str, text: str, kind: Callable[[str], Any]) -> list[Any]:
    try:
        return list(dict.fromkeys(kind(part) for part in text.split(",") if part.strip()))
    except ValueError:
        told = "rates from 0 to 1" if kind is _rate else "whole numbers"
        raise click.UsageError(f"{flag} is {text!r}; expected {told} with commas between them.") from None


def _arms(profiles: str | None, variants: Sequence[str], choice: Choice, *, planned: bool) -> list[Arm]:
    from scalemt.evaluation.bench.arms import parse_variant

    named = profiles if profiles is not None else "" if planned else _PROFILES
    arms = [choice.arm(name.strip()) for name in named.split(",") if name.strip()]
    arms += [choice.variant(*parse_variant(text)) for text in variants]
    if not arms and not planned:
        raise click.UsageError(f"There is nothing to compare. Name profiles or methods: --profiles {_PROFILES}.")
    return arms


def _tell(
    folder: Path, tasks: Sequence[Task], scoring: Scoring, options: dict[str, Any], levels: Sequence[Any] = ()
) -> int:
    """Write and print what was found, and return the exit code."""
    from scalemt.evaluation.bench import results

    summary, found, content = results.conclude(tasks, scoring, levels)
    results.store(folder, summary, content, "robustness" if levels else "bench")
    if options["report_file"]:
        _report(summary, options["report_file"], "Robustness" if levels else "Profiles compared")
    if options["as_json"]:
        click.echo(json.dumps(content, ensure_ascii=False))
    elif options["as_markdown"]:
        click.echo(results.markdown(found(wide=True), results.notes(summary, levels)), nl=False)
    else:
        print_tables(found(wide=False), results.notes(summary, levels))
    if all(row.state == "not applicable" for row in summary.rows):
        return 2
    return int(any(row.failed or row.fallbacks or row.state == "failed" for row in summary.rows))


def _report(summary: Summary, path: str, title: str) -> None:
    from scalemt.evaluation.bench.tables import for_report
    from scalemt.evaluation.report import write_report

    if not summary.evaluations:
        say("Nothing was finished, so there is no report.")
        return
    evaluations, further = for_report(summary)
    write_report(evaluations, Path(path), title, further)
    say(f"The report is {path}: open it in a browser.")
