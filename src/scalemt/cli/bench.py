"""`scalemt bench`: profiles by test sets in quality, time and cost; `bench robustness`: SCALE's ablations."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scalemt.cli.options import overrides, profile_options, say

if TYPE_CHECKING:
    from scalemt.evaluation.bench.arms import Arm, Choice
    from scalemt.evaluation.bench.running import Bench, Task, Watcher
    from scalemt.evaluation.bench.summary import Scoring, Summary
    from scalemt.evaluation.systems import TestSet
    from scalemt.evaluation.tables import Table

F = TypeVar("F", bound=Callable[..., Any])

_PROFILES = "draft,few-shot,refine,pivot"

_SHARED = (
    click.argument("plan", required=False, type=click.Path(dir_okay=False)),
    click.option("--src", "source_file", metavar="FILE", help="Sources, a segment a line."),
    click.option("--ref", "references", multiple=True, metavar="FILE",
                 help="References; give it again for several."),
    click.option("--from", "source", metavar="LANG", help="Source language."),
    click.option("--to", "target", metavar="LANG", help="Target language."),
    click.option("--set", "sets", nargs=4, multiple=True, metavar="SRC REF FROM TO",
                 help="A further test set; repeatable."),
    click.option("--limit", type=click.IntRange(1), help="Use the first segments of each set only."),
    click.option("-o", "--output", "folder", required=True, type=click.Path(file_okay=False),
                 help="Folder of ledgers and results; the same one goes on where it stopped."),
    click.option("--metrics", default="chrf++,bleu", show_default=True, help="With commas; see scalemt evaluate."),
    click.option("--aligner", metavar="NAME[:ARG]", help="For usw and nm; see scalemt evaluate."),
    click.option("--glossary", metavar="FILE", help="For the metric terms; see scalemt evaluate."),
    click.option("--prices", metavar="IN,OUT", help="Of a million prompt and a million answer tokens."),
    click.option("--batch", type=click.IntRange(1), help="Segments translated together; 1 times each by itself."),
    click.option("--gate", help="off, checks or quality, for all profiles (robustness: off)."),
    click.option("--retry-failed", is_flag=True, help="Translate again where something failed in an earlier run."),
    click.option("--report", "report_file", metavar="FILE", help="Write a page to look at: one HTML file."),
    click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown tables."),
    click.option("--json", "as_json", is_flag=True, help="Print the results as JSON."),
)  # fmt: skip


def _shared_options(*left_out: str) -> Callable[[F], F]:
    """Add what both commands take, and the profile options but some that a command has another meaning for."""

    def add(function: F) -> F:
        function = profile_options(function)
        parameters = function.__click_params__  # type: ignore[attr-defined]
        function.__click_params__ = [  # type: ignore[attr-defined]
            item for item in parameters if item.name not in left_out
        ]
        for option in reversed(_SHARED):
            function = option(function)
        return function

    return add


class _WithRobustness(click.Command):
    """A command of its own that hands over when its first argument is the name of one of `commands`.

    As a click group it would need a name for what `scalemt bench` itself does.
    """

    @property
    def commands(self) -> dict[str, click.Command]:
        return {"robustness": robustness}

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


@click.command("bench", cls=_WithRobustness, short_help="Compare profiles in quality, time and cost.")
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
@_shared_options()  # fmt: skip
def command(**options: Any) -> int:
    """Translate test sets with several profiles, and compare quality, time, calls and cost.

    The test sets are --src, --ref, --from, --to, those of --set, and those of PLAN, a TOML file with [[sets]]
    (name, src, ref, from, to) and [[systems]] (name, profile, fields of a profile). Everything that is finished
    stands in the folder; interrupted and called again, the same command goes on. The method pivot drafts through
    --pivot, or English; the other methods go the direct road.

    Exit codes: 0 done, 1 some segments failed or a backend did, 2 wrong use, 130 interrupted.
    """
    from scalemt.evaluation.bench.arms import require_distinct

    _check_outputs(options)
    choice = _choice(options)
    sets, arms = _sets(options, choice)
    arms += _arms(options.pop("profiles"), options.pop("variants"), choice, planned=bool(arms))
    require_distinct("profiles", [arm.name for arm in arms])
    scoring = _scoring(options, _baseline(options.pop("baseline"), [arm.name for arm in arms]))
    with _bench(options, choice) as bench:
        _check(scoring, sets)
        tasks = bench.prepare(arms, sets)
        _run(bench, tasks)
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
@_shared_options("shots", "seed")  # fmt: skip
def robustness(**options: Any) -> int:
    """Vary one thing at a time about a refinement: SCALE's ablations.

    Number of demonstrations, which ones, quality of the drafts (words deleted, swapped and substituted at given
    rates, a weaker specialist), confidences, sampled paths. What does not apply to the pair or the models is
    listed with the reason. An empty list ("") leaves a factor out. The gate is off unless --gate says otherwise.
    """
    from scalemt.evaluation.bench import robustness as study

    _check_outputs(options)
    factors = study.Factors(
        shots=_numbers("--shots", options.pop("shots"), int),
        seeds=_numbers("--seeds", options.pop("seeds"), int),
        rates=_numbers("--corrupt", options.pop("corrupt"), _rate),
        weaker=list(dict.fromkeys(options.pop("weaker"))),
        confidences=options.pop("with_confidences"),
        paths=_numbers("--paths", options.pop("paths"), int),
    )
    options["gate"] = options["gate"] or "off"
    choice = _choice(options)
    sets, planned = _sets(options, choice)
    if planned:
        say("The [[systems]] of the plan are left out: robustness is about one profile, which --profile names.")
    profile = choice.configuration.profile(choice.profile, **choice.overrides)
    levels = study.levels(profile, factors)
    scoring = _scoring(options, study.REFERENCE)
    with _bench(options, choice) as bench:
        _check(scoring, sets)
        tasks = bench.prepare([level.arm for level in levels], sets)
        study.rule_out(tasks, levels)
        _run(bench, tasks)
        return _tell(bench.folder, tasks, scoring, options, levels)


def _check_outputs(options: dict[str, Any]) -> None:
    """Find out before the work, not after it, that its result cannot be written or would be left out."""
    if options["as_json"] and options["as_markdown"]:
        raise click.UsageError("Give either --json or --markdown, not both.")
    if not options["report_file"]:
        return
    report, folder = Path(options["report_file"]).resolve(), Path(options["folder"]).resolve()
    if report.is_dir() or report == folder:
        raise click.UsageError(f"--report {options['report_file']} is a folder; expected a file.")
    if not report.parent.is_dir() and report.parent != folder:
        raise click.UsageError(f"The folder of --report {options['report_file']} does not exist.")


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


def _choice(options: dict[str, Any]) -> Choice:
    """Take the profile options out of all options."""
    from scalemt.config import Profile, load_configuration
    from scalemt.evaluation.bench.arms import Choice

    profile = options.pop("profile")
    fields = {name: options.pop(name) for name in list(options) if name in Profile.model_fields}
    return Choice(load_configuration(), profile, overrides(fields))


def _sets(options: dict[str, Any], choice: Choice) -> tuple[list[TestSet], list[Arm]]:
    """Read all test sets, and the systems of the plan."""
    from scalemt.evaluation.bench.arms import read_plan, read_set, require_distinct

    plan, source_file, references = options.pop("plan"), options.pop("source_file"), options.pop("references")
    pair, more = (options.pop("source"), options.pop("target")), options.pop("sets")
    sets, arms = read_plan(plan, choice) if plan else ([], [])
    if source_file:
        if None in pair:
            raise click.UsageError("--src needs the languages: --from LANG --to LANG.")
        sets.append(read_set("", source_file, references, pair))
    elif references or pair != (None, None):
        raise click.UsageError("--ref, --from and --to belong to --src FILE, which is not given.")
    sets += [read_set("", item[0], [item[1]], (item[2], item[3])) for item in more]
    if not sets:
        raise click.UsageError("Give a test set: --src FILE --ref FILE --from LANG --to LANG, or a plan file.")
    require_distinct("test sets", [item.name for item in sets])
    return sets, arms


def _arms(profiles: str | None, variants: Sequence[str], choice: Choice, *, planned: bool) -> list[Arm]:
    from scalemt.evaluation.bench.arms import parse_variant

    named = profiles if profiles is not None else "" if planned else _PROFILES
    arms = [choice.arm(name.strip()) for name in named.split(",") if name.strip()]
    arms += [choice.variant(*parse_variant(text)) for text in variants]
    if not arms and not planned:
        raise click.UsageError(f"There is nothing to compare. Name profiles or methods: --profiles {_PROFILES}.")
    return arms


def _scoring(options: dict[str, Any], baseline: str) -> Scoring:
    from scalemt.evaluation.bench.outputs import Prices
    from scalemt.evaluation.bench.summary import Scoring
    from scalemt.evaluation.metrics import MetricContext

    context = MetricContext(aligner=options.pop("aligner") or "", glossary=options.pop("glossary") or "")
    metrics = [name.strip() for name in options.pop("metrics").split(",") if name.strip()]
    if not metrics:
        raise click.UsageError("--metrics names none; chrf++,bleu is usual.")
    prices = options.pop("prices")
    if prices is None:
        return Scoring(metrics, baseline, context=context)
    try:
        known = Prices(*map(float, prices.split(",")))
    except (TypeError, ValueError):
        raise click.UsageError(f"--prices is {prices!r}; expected two numbers, such as 0.15,0.60.") from None
    if not (0 <= known.prompt < float("inf") and 0 <= known.completion < float("inf")):
        raise click.UsageError(f"--prices is {prices!r}; a price is 0 or a greater number.")
    return Scoring(metrics, baseline, prices=known, context=context)


def _check(scoring: Scoring, sets: Sequence[TestSet]) -> None:
    """Find out what cannot be scored before anything is translated."""
    for test_set in sets:
        scoring.build(test_set)


@contextmanager
def _bench(options: dict[str, Any], choice: Choice) -> Iterator[Bench]:
    from scalemt.evaluation.bench.backends import Backends
    from scalemt.evaluation.bench.ledger import locked
    from scalemt.evaluation.bench.running import Bench

    folder = Path(options.pop("folder"))
    with locked(folder):
        backends = Backends(choice.configuration, say)
        yield Bench(folder, backends, options.pop("limit"), options.pop("retry_failed"), say)


def _run(bench: Bench, tasks: Sequence[Task]) -> None:
    try:
        with _watcher() as watcher:
            bench.run(tasks, watcher)
    except (KeyboardInterrupt, SystemExit, OSError):
        kept = sum(len(task.rows) for task in tasks)
        total = sum(len(task.test_set) for task in tasks if task.state != "not applicable")
        say(
            f"Stopped: {kept} of {total} segments are kept in {bench.folder}. The same command goes on from there."
        )
        raise


@contextmanager
def _watcher() -> Iterator[Watcher]:
    from scalemt.evaluation.bench.progress import Log, bar

    if sys.stderr.isatty():
        with bar() as watcher:
            yield watcher
    else:
        yield Log(lambda line: click.echo(line, err=True))


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
        _print(found(wide=False), results.notes(summary, levels))
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


def _print(found: Sequence[Table], notes: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table as Shown
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=250)  # a file has no edge at which cells must be wrapped
    for item in found:
        shown = Shown(title=Text(item.title), title_justify="left", title_style="bold", box=None, pad_edge=False)
        for place, name in enumerate(item.header):
            shown.add_column(Text(name), justify="right" if place else "left", vertical="bottom")
        for row in item.rows:
            shown.add_row(*map(Text, row))
        console.print(shown, "")
    for line in notes:
        console.print(Text(line, style="dim"), soft_wrap=True)
