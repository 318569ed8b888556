"""`scalemt translate`: an argument, a document or standard input in; a document, or a translation a line, out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TextIO

import click

from scalemt.cli.documents import count, document_options, is_lines, open_document, refuse_output
from scalemt.cli.options import method_options, overrides, profile_options, say
from scalemt.cli.tally import Tally
from scalemt.cli.writing import byte_output, text_output

if TYPE_CHECKING:
    from scalemt.engine import Engine
    from scalemt.engine.running import Progress
    from scalemt.types import Segment, Translation

_BAR_FROM = 20  # segments; fewer are done before a bar is read


@click.command("translate", short_help="Translate a text, a document or standard input.")
@click.argument("text", required=False)
@click.option(
    "-i", "--input", "source_file", type=click.Path(dir_okay=False), help="A document, or a text of lines."
)
@click.option(
    "-o",
    "--output",
    "target_file",
    type=click.Path(dir_okay=False),
    help="Where to write (default: standard output).",
)
@click.option("--from", "source", required=True, metavar="LANG", help="Source language, any common code.")
@click.option("--to", "target", required=True, metavar="LANG", help="Target language, any common code.")
@click.option(
    "--drafts",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Drafts made elsewhere, JSON Lines, one a segment.",
)
@document_options
@method_options
@click.option("--explain", is_flag=True, help="Show drafts, demonstrations, answers and decisions.")
@click.option("--dry-run", is_flag=True, help="Print the prompts and call no generalist.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a segment.")
@profile_options
def command(text: str | None, source: str, target: str, **options: Any) -> int:
    """Translate TEXT, a document (-i), or the lines of standard input.

    Exit codes: 0 done, 1 some segments failed (they are named), 2 wrong use or configuration.
    """
    job = _Job(source, target, options.pop("target_file"), options.pop("explain"), options.pop("as_json"))
    source_file, dry_run = options.pop("source_file"), options.pop("dry_run")
    if text is not None and source_file is not None:
        raise click.UsageError("Give either a text or -i FILE, not both.")
    if source_file not in (None, "-") and not is_lines(source_file, options):
        return _document(source_file, options, job, dry_run=dry_run)
    for name in ("format_name", "fields", "encoding", "overwrite", "selective"):
        options.pop(name)
    lines = _read(text, source_file)
    if options["drafts"] and lines.total is None:
        lines = lines.counted()  # whether the drafts belong to these texts is told before the first is translated
    engine = _engine(options, lines.total)
    with text_output(job.output) as out:
        if dry_run:
            return _print_prompts(engine, lines.texts, job, out)
        engine.plan(source, target)
        with _progress(lines.total, out) as progress:
            return _print(engine.stream(lines.texts, source, target, progress), job, out)


@dataclass(frozen=True)
class _Job:
    """What is asked for, whatever the input."""

    source: str
    target: str
    output: str | None
    explain: bool
    as_json: bool


def _document(path: str, options: dict[str, Any], job: _Job, *, dry_run: bool) -> int:
    """Translate a document into a document, or print what `--json`, `--explain` and `--dry-run` ask for."""
    document = open_document(path, options, source=job.source, target=job.target)
    refuse_output(document, None if job.as_json or job.explain or dry_run else job.output)
    document.context = options["context"] or 0
    total = count(document)
    engine = _engine(options, total)
    # Of two texts that are the same, a memory tells apart those that follow another one.
    document.context = max(engine.profile.context, 1 if engine.profile.memories else 0)
    engine.plan(job.source, job.target)
    if dry_run or job.as_json or job.explain:
        with text_output(job.output) as out:
            if dry_run:
                return _print_prompts(engine, document.segments(), job, out)
            with _progress(total, out) as progress:
                return _print(document.translations(engine, progress), job, out)
    tally = Tally()
    with byte_output(job.output) as file, _progress(total, file) as progress:
        document.translate(engine, file, progress, tally.add)
    tally.report(every=True)
    return 1 if tally.failed else 0


class Lines(NamedTuple):
    """The texts to translate, read as they are needed, and their number where it is known."""

    texts: Iterable[str]
    total: int | None

    def counted(self) -> Lines:
        """The same with the number known, at the price of holding all texts."""
        texts = list(self.texts)
        return Lines(texts, len(texts))


def _read(text: str | None, source_file: str | None) -> Lines:
    from scalemt.lines import count_lines, decode_lines, iterate_lines, stream_lines

    if text is not None:
        # An argument that is not UTF-8 comes with surrogates, which the decoder refuses with line and byte.
        given = decode_lines(text.encode(errors="surrogateescape"), "the text argument") or [""]
        return Lines(given, len(given))
    if source_file in (None, "-"):
        if sys.stdin.isatty():
            click.echo("Reading from the terminal, one segment a line; end with Ctrl-D.", err=True)
        return Lines(stream_lines(sys.stdin.buffer, "standard input"), None)
    path = Path(str(source_file))
    if path.exists() and not path.is_file():
        # A pipe can be read only once; of a file, all is checked before the first line is translated.
        return Lines(iterate_lines(path), None)
    return Lines(iterate_lines(path), count_lines(path))


def _engine(options: dict[str, Any], total: int | None) -> Engine:
    from scalemt.config import load_configuration
    from scalemt.engine import Engine
    from scalemt.specialists.recorded import RecordedSpecialist

    drafts, profile = options.pop("drafts"), options.pop("profile")
    recorded = RecordedSpecialist(drafts) if drafts else None
    if recorded:
        recorded.require(total or 0)
    configuration = load_configuration()
    chosen = configuration.profile(profile, **overrides(options))
    return Engine(chosen, configuration, drafts=recorded, notice=say)


def _print_prompts(engine: Engine, segments: Iterable[str | Segment], job: _Job, out: TextIO) -> int:
    for segment, prompt in engine.prompts(segments, job.source, job.target):
        print(json.dumps({"id": segment.id, **prompt.as_json()}, ensure_ascii=False), file=out)
    return 0


def _print(translations: Iterator[Translation], job: _Job, out: TextIO) -> int:
    tally = Tally()
    for item in translations:
        _write(item, out, explain=job.explain, as_json=job.as_json)
        tally.add(item)
    tally.report()
    return 1 if tally.failed else 0


def _write(item: Translation, out: TextIO, *, explain: bool, as_json: bool) -> None:
    from scalemt.cli import output

    if as_json:
        print(json.dumps(output.as_json(item), ensure_ascii=False), file=out, flush=True)
    elif explain:
        from rich.console import Console

        output.explain(item, Console(file=out, highlight=False))
    else:
        print(item.text, file=out, flush=True)


@contextmanager
def progress_bar(label: str, total: int | None) -> Iterator[Progress]:
    """Show a bar on standard error, and yield what moves it; without a total it counts."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.advance(task, count)


def _progress(total: int | None, out: TextIO | BinaryIO) -> AbstractContextManager[Progress | None]:
    """Show a bar for long work, where a person is watching and the output goes elsewhere."""
    if (total is not None and total < _BAR_FROM) or not sys.stderr.isatty() or out.isatty():
        return nullcontext()
    return progress_bar("Translating", total)
