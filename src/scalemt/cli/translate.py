"""`scalemt translate`: an argument, a file or standard input in, one translation a line out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import click

from scalemt.cli.options import overrides, profile_options, say
from scalemt.cli.tally import Tally
from scalemt.errors import UsageError

if TYPE_CHECKING:
    from scalemt.engine import Engine
    from scalemt.engine.running import Progress
    from scalemt.types import Translation

_BAR_FROM = 20  # segments; fewer are done before a bar is read


@click.command("translate", short_help="Translate a text, a file or standard input.")
@click.argument("text", required=False)
@click.option(
    "-i", "--input", "source_file", type=click.Path(dir_okay=False), help="A UTF-8 text, a segment a line."
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
@click.option("--method", help="draft, few-shot, refine, pivot or multi-path.")
@click.option("--gate", help="off, checks or quality: when a refinement is kept.")
@click.option(
    "--budget",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Put at most this share of segments to the generalist (0 to 1).",
)
@click.option("--paths", type=click.IntRange(1, 16), help="Sampled drafts that multi-path shows.")
@click.option("--confidences/--no-confidences", default=None, help="Show word confidences in prompts.")
@click.option(
    "--drafts",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Drafts made elsewhere, JSON Lines, one a segment.",
)
@click.option("--explain", is_flag=True, help="Show drafts, demonstrations, answers and decisions.")
@click.option("--dry-run", is_flag=True, help="Print the prompts and call no generalist.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a segment.")
@profile_options
def command(text: str | None, source: str, target: str, **options: Any) -> int:
    """Translate TEXT, the lines of a file (-i), or the lines of standard input.

    Exit codes: 0 done, 1 some segments failed (they are named), 2 wrong use or configuration.
    """
    lines = _read(text, options.pop("source_file"))
    if options["drafts"] and lines.total is None:
        lines = lines.counted()  # whether the drafts belong to these texts is told before the first is translated
    show = {name: options.pop(name) for name in ("explain", "as_json")}
    target_file, dry_run = options.pop("target_file"), options.pop("dry_run")
    engine = _engine(options, lines)
    with _writer(target_file) as out:
        if dry_run:
            _print_prompts(engine, lines.texts, source, target, out)
            return 0
        return _translate(engine, lines, source, target, out, **show)


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

    if text is not None and source_file is not None:
        raise click.UsageError("Give either a text or -i FILE, not both.")
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


def _engine(options: dict[str, Any], lines: Lines) -> Engine:
    from scalemt.config import load_configuration
    from scalemt.engine import Engine
    from scalemt.specialists.recorded import RecordedSpecialist

    drafts, profile = options.pop("drafts"), options.pop("profile")
    recorded = RecordedSpecialist(drafts) if drafts else None
    if recorded:
        recorded.require(lines.total or 0)
    configuration = load_configuration()
    chosen = configuration.profile(profile, **overrides(options))
    return Engine(chosen, configuration, drafts=recorded, notice=say)


@contextmanager
def _writer(target_file: str | None) -> Iterator[TextIO]:
    """Open the output; a file is written beside its name and put in place only when all is done."""
    if target_file in (None, "-"):
        if sys.stdout is None:
            raise click.UsageError("Standard output is closed. Give a file with -o.")
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        yield sys.stdout
        return
    # A link stays a link: the file that it points to is the one written.
    path = Path(str(target_file)).resolve()
    if not path.parent.is_dir():
        raise click.UsageError(f"The folder {path.parent} of the output file does not exist.")
    if path.exists() and not path.is_file():
        # A device or a pipe (/dev/null, a FIFO) is written to; a file must never take its place.
        with _opened(path) as file:
            yield file
        return
    partial = path.with_name(path.name + ".partial")
    file = _opened(partial)
    try:
        with file:
            yield file
        _put_in_place(partial, path)
    except BaseException:
        if partial.stat().st_size:
            say(f"Not finished: what was done until then stands in {partial}.")
        else:
            partial.unlink()
        raise


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", newline="\n")
    except OSError as fault:
        raise UsageError(f"{path} cannot be written: {fault.strerror or fault}.") from None


def _put_in_place(partial: Path, path: Path) -> None:
    try:
        partial.replace(path)
    except OSError as fault:
        raise UsageError(f"{path} cannot be replaced: {fault.strerror or fault}.") from None


def _print_prompts(engine: Engine, segments: Iterable[str], source: str, target: str, out: TextIO) -> None:
    for segment, prompt in engine.prompts(segments, source, target):
        print(json.dumps({"id": segment.id, **prompt.as_json()}, ensure_ascii=False), file=out)


def _translate(
    engine: Engine, lines: Lines, source: str, target: str, out: TextIO, *, explain: bool, as_json: bool
) -> int:
    engine.plan(source, target)
    tally = Tally()
    with _progress(lines.total, out) as progress:
        for item in engine.stream(lines.texts, source, target, progress):
            _write(item, out, explain=explain, as_json=as_json)
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


def _progress(total: int | None, out: TextIO) -> AbstractContextManager[Progress | None]:
    """Show a bar for long work, where a person is watching and the output goes elsewhere."""
    if (total is not None and total < _BAR_FROM) or not sys.stderr.isatty() or out.isatty():
        return nullcontext()
    return progress_bar("Translating", total)
