"""What the commands of `scalemt bench` share: their options, and what they make of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scalemt.cli.options import overrides, profile_options, say

if TYPE_CHECKING:
    from scalemt.evaluation.bench.arms import Arm, Choice
    from scalemt.evaluation.bench.running import Bench, Task, Watcher
    from scalemt.evaluation.bench.summary import Scoring
    from scalemt.evaluation.systems import TestSet
    from scalemt.evaluation.tables import Table

F = TypeVar("F", bound=Callable[..., Any])

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
    click.option("--prices", metavar="IN,OUT", help="Of a million prompt and a million answer tokens."),
    click.option("--batch", type=click.IntRange(1), help="Segments translated together; 1 times each by itself."),
    click.option("--gate", help="off, checks or quality, for all profiles (robustness: off)."),
    click.option("--retry-failed", is_flag=True, help="Translate again where something failed in an earlier run."),
    click.option("--report", "report_file", metavar="FILE", help="Write a page to look at: one HTML file."),
    click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown tables."),
    click.option("--json", "as_json", is_flag=True, help="Print the results as JSON."),
)  # fmt: skip


def shared_options(*left_out: str) -> Callable[[F], F]:
    """Add what both commands take, and the profile options but some that a command has another meaning for."""

    def add(function: F) -> F:
        function = profile_options(function)
        parameters = function.__click_params__  # type: ignore[attr-defined]
        function.__click_params__ = [  # type: ignore[attr-defined]
            # A bench measures seconds, so it never reads answers from the cache.
            item
            for item in parameters
            if item.name not in {*left_out, "cache"}
        ]
        for option in reversed(_SHARED):
            function = option(function)
        return function

    return add


def check_outputs(options: dict[str, Any]) -> None:
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


def read_choice(options: dict[str, Any]) -> Choice:
    """Take the profile options out of all options."""
    from scalemt.config import Profile, load_configuration
    from scalemt.evaluation.bench.arms import Choice

    profile = options.pop("profile")
    fields = {name: options.pop(name) for name in list(options) if name in Profile.model_fields}
    return Choice(load_configuration(), profile, overrides(fields))


def read_sets(options: dict[str, Any], choice: Choice) -> tuple[list[TestSet], list[Arm]]:
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


def read_scoring(options: dict[str, Any], baseline: str, choice: Choice) -> Scoring:
    """Take metrics, prices and what metrics need out of all options; terms are those that profiles use."""
    from scalemt.evaluation.bench.outputs import Prices
    from scalemt.evaluation.bench.summary import Scoring
    from scalemt.evaluation.metrics import MetricContext

    context = MetricContext(aligner=options.pop("aligner") or "", glossary=choice.overrides.get("glossary") or "")
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


def check_scoring(scoring: Scoring, sets: Sequence[TestSet]) -> None:
    """Find out what cannot be scored before anything is translated."""
    for test_set in sets:
        scoring.build(test_set)


@contextmanager
def open_bench(options: dict[str, Any], choice: Choice) -> Iterator[Bench]:
    """Hold the folder of results for one run, and yield the bench in it."""
    from scalemt.evaluation.bench.backends import Backends
    from scalemt.evaluation.bench.ledger import locked
    from scalemt.evaluation.bench.running import Bench

    folder = Path(options.pop("folder"))
    with locked(folder):
        backends = Backends(choice.configuration, say)
        yield Bench(folder, backends, options.pop("limit"), options.pop("retry_failed"), say)


def run_tasks(bench: Bench, tasks: Sequence[Task]) -> None:
    """Translate what is pending, and say where it can go on when it is interrupted."""
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


def print_tables(found: Sequence[Table], notes: Sequence[str]) -> None:
    """Print tables and the notes below them to standard output."""
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


def print_study(
    content: Mapping[str, Any], tables: Sequence[Table], notes: Sequence[str], options: dict[str, Any]
) -> None:
    """Print what a study found, in the form that was asked for."""
    from scalemt.evaluation.bench.results import markdown

    if options["as_json"]:
        click.echo(json.dumps(content, ensure_ascii=False))
    elif options["as_markdown"]:
        click.echo(markdown(tables, notes), nl=False)
    else:
        print_tables(tables, notes)


def any_failed(tasks: Iterable[Task]) -> bool:
    """Whether any segment of any task came out with an error."""
    return any(row.get("error") for task in tasks for row in task.rows.values())
