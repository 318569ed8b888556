"""`scalemt evaluate`: score files of translations, with signatures, intervals and significance."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.options import say

if TYPE_CHECKING:
    from scalemt.evaluation.metrics import Metric
    from scalemt.evaluation.results import Evaluation
    from scalemt.evaluation.suite import Part
    from scalemt.evaluation.systems import TestSet
    from scalemt.types import Pair

DEFAULT_METRICS = "chrf++,bleu"
BEHAVIOUR = ("copy", "length", "language", "empty", "truncated")
"""Added where the test set has what they need: nobody asks for them, and they show what no score does."""


@click.command("evaluate", short_help="Score translations, with signatures and significance.")
@click.option("--hyp", "hypotheses", multiple=True, metavar="[NAME=]FILE", help="Outputs of a system; repeatable.")
@click.option("--ref", "references", multiple=True, metavar="FILE", help="References; give it again for several.")
@click.option("--src", "source_file", metavar="FILE", help="Sources.")
@click.option("--from", "source", metavar="LANG", help="Source language.")
@click.option(
    "--to", "target", metavar="LANG", help="Target language: decides BLEU's tokenizer, checks the language."
)
@click.option("--baseline", metavar="NAME|FILE", help="What the others are compared with (default: the first).")
@click.option("--metrics", multiple=True, metavar="NAMES", help=f"With commas (default: {DEFAULT_METRICS}).")
@click.option("--suite", "suite_file", metavar="FILE", help="A TOML file of many test sets, instead of --hyp.")
@click.option("--root", metavar="FOLDER", help="Where the paths of the suite start (default: its folder).")
@click.option("--align-by-id", is_flag=True, help="Pair outputs by their ids, not by line.")
@click.option("--metadata", metavar="FILE", help="TSV or CSV with a header and a column domain, a line a segment.")
@click.option("--glossary", metavar="FILE", help="Terms for the metric terms: CSV or TSV, source and target.")
@click.option("--memory", "memories", multiple=True, metavar="FILE", help="In use: is the test set in it?")
@click.option("--demonstrations", metavar="FILE", help="In use: is the test set among them?")
@click.option("--aligner", metavar="NAME[:ARG]", help="For usw and nm: fast-align, awesome-align:…, pharaoh:…")
@click.option("--generalist", metavar="NAME[:ARG]", help="What perplexity is measured under.")
@click.option("--samples", type=click.IntRange(1), default=1000, show_default=True, help="Bootstrap samples.")
@click.option("--trials", type=click.IntRange(1), default=10_000, show_default=True, help="Randomisation trials.")
@click.option("--seed", type=int, default=12345, show_default=True, help="Of both tests.")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Level of significance.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads for models.")
@click.option("-o", "--output", "output_file", metavar="FILE", help="Write everything as JSON.")
@click.option("--report", "report_file", metavar="FILE", help="Write a page to look at: one HTML file.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown tables.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(**options: Any) -> int:
    """Score one or many systems against references.

    Outputs, references and sources are text files with a segment a line, TSV with an id and a text, or JSON Lines;
    the outputs of `scalemt translate --json` also tell confidences and decisions. The test set is --src and --ref.
    """
    if options["suite_file"] and options["hypotheses"]:
        raise click.UsageError("Give either --suite or --hyp, not both.")
    if not options["suite_file"] and not options["hypotheses"]:
        raise click.UsageError("Give the outputs of at least one system with --hyp, or a suite with --suite.")
    _check_use(options)
    _check_outputs(options)
    found = _evaluate_suite(options) if options["suite_file"] else [_evaluate_files(options)]
    _note_unused(found, options)
    _write(found, options)
    return 0


_OF_FILES = {
    "--ref": "references",
    "--src": "source_file",
    "--from": "source",
    "--to": "target",
    "--align-by-id": "align_by_id",
    "--metadata": "metadata",
}


def _check_use(options: dict[str, Any]) -> None:
    """Refuse what would be left out without a word."""
    unread = [flag for flag, name in _OF_FILES.items() if options[name]]
    if options["suite_file"] and unread:
        raise click.UsageError(f"A suite file says this itself: take out {', '.join(unread)}.")
    if options["root"] and not options["suite_file"]:
        raise click.UsageError("--root is where the paths of a suite start, and there is no --suite.")
    if options["source"] and not options["suite_file"] and not options["target"]:
        raise click.UsageError("--from alone tells no direction: give the target language with --to.")
    if options["as_json"] and options["as_markdown"]:
        raise click.UsageError("Give either --json or --markdown, not both.")


def _check_outputs(options: dict[str, Any]) -> None:
    """Find out before the work, not after it, that its result cannot be written."""
    for flag, name in (("--output", "output_file"), ("--report", "report_file")):
        if options[name] and not Path(options[name]).resolve().parent.is_dir():
            raise click.UsageError(f"The folder of {flag} {options[name]} does not exist.")
        if options[name] and Path(options[name]).is_dir():
            raise click.UsageError(f"{flag} {options[name]} is a folder; expected a file.")
    output, report = options["output_file"], options["report_file"]
    if output and report and Path(output).resolve() == Path(report).resolve():
        raise click.UsageError(f"--output and --report are both {output}. Give two files.")


def _evaluate_files(options: dict[str, Any]) -> Evaluation:
    from scalemt.evaluation.inputs import build_test_set, printable, read_column, read_labels, read_system
    from scalemt.evaluation.suite import Part

    names, baseline = _systems(options["hypotheses"], options["baseline"])
    sources = read_column(options["source_file"], "source") if options["source_file"] else None
    references = [read_column(path, "reference") for path in options["references"]]
    labels = read_labels(options["metadata"]) if options["metadata"] else ()
    path = references[0].path if references else Path(options["source_file"] or "")
    pair = _pair(options["source"], options["target"])
    test_set = build_test_set(printable(path.stem), sources, references, pair, labels)
    systems = tuple(
        read_system(name, path, test_set, by_id=options["align_by_id"]) for name, path in names.items()
    )
    return _score(Part(test_set, systems, ()), baseline, options)


def _systems(files: Sequence[str], baseline: str | None) -> tuple[dict[str, str], str]:
    """Return the path of each system, and the name of the baseline, which may be a file of its own."""
    from scalemt.evaluation.inputs import system_names

    names = system_names(files)
    if not baseline:
        return names, next(iter(names)) if len(names) > 1 else ""
    if baseline in names:
        return names, baseline
    (own,) = system_names([baseline]).values()
    # The file of a system may be named as well as the system.
    if same := [name for name, path in names.items() if Path(path) == Path(own)]:
        return names, same[0]
    if not Path(own).exists():
        raise click.UsageError(f"--baseline {baseline} is neither a system ({', '.join(names)}) nor a file.")
    names = system_names([baseline, *files])
    return names, next(iter(names))


def _pair(source: str | None, target: str | None) -> Pair | None:
    from scalemt.languages import parse
    from scalemt.types import Pair

    if not target:
        return None
    # "und" is BCP-47 for a language that is not told; the target alone is enough for every metric here.
    return Pair(parse(source) if source else "und", parse(target))


def _evaluate_suite(options: dict[str, Any]) -> list[Evaluation]:
    from scalemt.evaluation.suite import load_suite, read_suite

    path = Path(options["suite_file"])
    suite = load_suite(path)
    if suite.metrics and not options["metrics"]:
        options["metrics"] = suite.metrics
    baseline = options["baseline"] or suite.baseline
    if baseline and baseline not in suite.systems:
        raise click.UsageError(f"The baseline {baseline} is none of the systems: {', '.join(suite.systems)}.")
    # All is read before anything is scored: a wrong file in the last direction should not cost the others' time.
    parts = list(read_suite(suite, Path(options["root"] or path.parent)))
    named = [baseline if baseline in [system.name for system in part.systems] else "" for part in parts]
    return [_score(part, name, options) for part, name in zip(parts, named, strict=True)]


def _score(part: Part, baseline: str, options: dict[str, Any]) -> Evaluation:
    from scalemt.evaluation.run import evaluate
    from scalemt.evaluation.significance import Options

    metrics = _metrics(part.test_set, options)
    total = len(part.test_set) * len(part.systems) * len(metrics)
    with _bar(part.test_set.name, total) as progress:
        return evaluate(
            part.test_set,
            part.systems,
            metrics,
            baseline=baseline,
            options=Options(options["samples"], options["trials"], options["seed"], options["alpha"]),
            progress=progress,
            notes=[*(f"{name} has no outputs for it." for name in part.missing), *_leaks(part.test_set, options)],
        )


def _leaks(test_set: TestSet, options: dict[str, Any]) -> list[str]:
    """Return a warning for each memory and pool that holds segments of the test set, said at once too."""
    if not (options["memories"] or options["demonstrations"]):
        return []
    from scalemt.evaluation.leakage import in_memories, in_pool
    from scalemt.memory import load_demonstrations
    from scalemt.memory.recall import read_use

    found = list(in_memories(test_set, [read_use(spec) for spec in options["memories"]]))
    if path := options["demonstrations"]:
        found += [item for item in [in_pool(test_set, load_demonstrations(path), path)] if item]
    warnings = [item.warning() for item in found]
    for warning in warnings:
        say(warning)
    return warnings


def _metrics(test_set: TestSet, options: dict[str, Any]) -> list[Metric]:
    from scalemt.evaluation.metrics import MetricContext, build_metrics

    asked = [name.strip() for item in options["metrics"] for name in item.split(",") if name.strip()]
    names = asked or [*DEFAULT_METRICS.split(","), *BEHAVIOUR, *(["terms"] if options["glossary"] else [])]
    context = MetricContext(
        pair=test_set.pair,
        aligner=options["aligner"] or "",
        generalist=options["generalist"] or "",
        glossary=options["glossary"] or "",
        threads=options["threads"],
    )
    metrics = build_metrics(names, context)
    return metrics if asked else [metric for metric in metrics if not metric.lacks(test_set)]


def _bar(label: str, total: int) -> AbstractContextManager[Any]:
    if not sys.stderr.isatty():
        return nullcontext()
    from scalemt.cli.translate import progress_bar

    return progress_bar(f"Scoring {label}", total)


_USED_BY = {"aligner": ("usw", "nm"), "generalist": ("perplexity",), "glossary": ("terms",)}


def _note_unused(evaluations: list[Evaluation], options: dict[str, Any]) -> None:
    measured = {info.name.lower().partition(":")[0] for item in evaluations for info in item.metrics}
    for option, metrics in _USED_BY.items():
        if options[option] and measured.isdisjoint(metrics):
            say(f"--{option} was not used: it is for {' and '.join(metrics)}, not measured here.")


def _write(evaluations: list[Evaluation], options: dict[str, Any]) -> None:
    from scalemt.evaluation import tables
    from scalemt.evaluation.results import save

    if options["output_file"]:
        save(evaluations, Path(options["output_file"]))
    if options["report_file"]:
        from scalemt.evaluation.report import write_report

        write_report(evaluations, Path(options["report_file"]))
        say(f"The report is {options['report_file']}: open it in a browser.")
    if options["as_json"]:
        click.echo(json.dumps({"evaluations": [item.as_json() for item in evaluations]}, ensure_ascii=False))
    elif options["as_markdown"]:
        click.echo(tables.markdown(evaluations), nl=False)
    else:
        _print(evaluations)


def _print(evaluations: list[Evaluation]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from scalemt.evaluation.tables import footnotes, tables

    # Where nobody watches, lines are as long as they need to be: a table that is cut off is of no use in a file.
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 1000)
    for item in tables(evaluations):
        # Text, not str: a name with square brackets is no markup.
        shown = Table(title=Text(item.title, "bold"), title_justify="left", box=None, pad_edge=False)
        for place, name in enumerate(item.header):
            shown.add_column(Text(name), justify="right" if place else "left", no_wrap=True)
        for row in item.rows:
            shown.add_row(*map(Text, row))
        console.print(shown, "")
    for line in footnotes(evaluations):
        console.print(line, style="dim", markup=False)
