"""`scalemt glossary`: whether translations keep to a glossary, finding terms, converting between formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from scalemt.glossary.checking import Checked
    from scalemt.types import Pair, TermUse


@click.group("glossary", short_help="Check translations by a glossary, find terms, convert.")
def command() -> None:
    """Check translations by a glossary, find terms in translated texts, convert between formats.

    A glossary is a CSV, TSV, TBX or UTX file in UTF-8.
    """


@command.command("check")
@click.option("--glossary", "path", required=True, metavar="FILE", help="The terms: CSV, TSV, TBX or UTX.")
@click.option("--src", "sources", required=True, metavar="FILE", help="The sources, one a line.")
@click.option("--hyp", "outputs", required=True, metavar="FILE", help="Their translations, one a line.")
@click.option("--from", "source", required=True, metavar="LANG", help="Language of the sources.")
@click.option("--to", "target", required=True, metavar="LANG", help="Language of the translations.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(path: str, sources: str, outputs: str, source: str, target: str, as_json: bool) -> int:
    """Say how many terms are used as the glossary wants them, and where they are not.

    A term may be inflected. The exit code is 1 where a term is missing, or one stands there that must not be used.
    """
    from scalemt.glossary import TermFinder, load_glossary
    from scalemt.glossary.checking import check as check_lines
    from scalemt.languages import parse_pair

    pair = parse_pair(source, target)
    lines = _parallel(sources, outputs)
    glossary = load_glossary(path, pair)
    found = check_lines(TermFinder(glossary, pair), lines, pair)
    if as_json:
        click.echo(json.dumps(_as_json(found, glossary.signature, pair), ensure_ascii=False))
    else:
        _show(found, glossary.signature)
    return 1 if found.faults else 0


def _parallel(sources: str, outputs: str) -> list[tuple[str, str]]:
    from scalemt.errors import InputError
    from scalemt.lines import read_lines

    left, right = read_lines(sources), read_lines(outputs)
    if len(left) != len(right):
        raise InputError(
            f"{sources} has {len(left)} lines and {outputs} {len(right)}: they are not parallel. Give two files "
            "with the same number of lines."
        )
    return list(zip(left, right, strict=True))


def _as_json(found: Checked, signature: str, pair: Pair) -> dict[str, Any]:
    return {
        "glossary": signature,
        "from": pair.source,
        "to": pair.target,
        "lines": found.lines,
        "terms": found.terms,
        **{str(state): count for state, count in found.counts.items()},
        "percentage": None if found.percentage is None else round(found.percentage, 2),
        "faults": [
            {
                "line": line,
                "source": use.source,
                "target": use.target,
                "state": use.state,
                "found": use.found,
                "status": use.status,
                "start": use.start,
                "end": use.end,
            }
            for line, use in found.faults
        ],
    }


def _show(found: Checked, signature: str) -> None:
    from scalemt.cli.options import visible

    for line, use in found.faults:
        click.echo(visible(f"line {line}: {_told(use)}"))
    if found.percentage is None:
        click.echo(f"None of the {found.lines} lines holds a term of {signature}.")
        return
    for state, count in found.counts.items():
        click.echo(f"{state:>10}  {count:>7}  {100 * count / found.terms:5.1f} %")
    click.echo(f"{found.percentage:.1f} % of {found.terms} terms in {found.lines} lines are used; {signature}")


def _told(use: TermUse) -> str:
    if use.state == "missed":
        return f"{use.source!r} should be {use.target!r}, which is not there"
    aim = f", and should be {use.target!r}" if use.target else ""
    return f"{use.source!r} is {use.found!r}, which is {use.status}{aim}"


@command.command("extract")
@click.argument("source_file", metavar="[SOURCE]", required=False)
@click.argument("target_file", metavar="[TARGET]", required=False)
@click.option("--memory", "memories", multiple=True, metavar="FILE", help="A memory, in place of files.")
@click.option("--generalist", metavar="NAME[:ARG]", help="Have this LLM judge the candidates.")
@click.option("--from", "source", required=True, metavar="LANG", help="Language of the sources.")
@click.option("--to", "target", required=True, metavar="LANG", help="Language of the translations.")
@click.option(
    "--least", type=click.IntRange(1), default=3, show_default=True, help="Fewest occurrences of a term."
)
@click.option("--longest", type=click.IntRange(1, 6), default=3, show_default=True, help="Most words of a term.")
@click.option("--most", type=click.IntRange(1), default=1000, show_default=True, help="Most terms to give.")
@click.option("-o", "--output", "out", metavar="FILE", help="Write a glossary: .csv, .tsv, .tbx or .utx.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a term.")
def extract(source_file: str | None, target_file: str | None, source: str, target: str, **options: Any) -> int:
    """Find candidates for terms in sentences and their translations, the best first.

    SOURCE and TARGET are files of parallel lines, or SOURCE alone is a TSV file of sentences and translations, or
    --memory holds them. The candidates come from word alignment: a person should look at them, also after a
    --generalist has thrown out some. In a file they have the status admitted.
    """
    from scalemt.cli.options import say, visible
    from scalemt.glossary import save_glossary
    from scalemt.glossary.extraction import as_glossary
    from scalemt.glossary.extraction import extract as extract_terms
    from scalemt.languages import parse_pair

    pair = parse_pair(source, target)
    least, longest, most = options["least"], options["longest"], options["most"]
    terms = extract_terms(
        _sentences(source_file, target_file, options["memories"], pair),
        pair,
        least=least,
        longest=longest,
        most=most,
        judge=_judge(options["generalist"], pair),
        say=say,
    )
    if options["out"]:
        save_glossary(as_glossary(terms, pair), options["out"])
    if options["as_json"]:
        for term in terms:
            click.echo(json.dumps(asdict(term), ensure_ascii=False))
    elif options["out"]:
        click.echo(f"Wrote {len(terms)} candidates to {options['out']}.")
    else:
        for term in terms:
            click.echo(visible(f"{term.source}\t{term.target}\t{term.count}\t{term.score:.2f}"))
    return 0


def _columns(path: str) -> list[tuple[str, str]]:
    from scalemt.errors import InputError
    from scalemt.lines import read_lines

    pairs = []
    for number, line in enumerate(read_lines(path), 1):
        fields = line.split("\t")
        if len(fields) < 2:
            raise InputError(
                f"{path}, line {number}: one column, expected a sentence, a tab and its translation. Two files of "
                "parallel lines are given as SOURCE TARGET."
            )
        pairs.append((fields[0], fields[1]))
    return pairs


def _sentences(
    source_file: str | None, target_file: str | None, memories: tuple[str, ...], pair: Pair
) -> Iterable[tuple[str, str]]:
    """Return the sentences to look for terms in."""
    if bool(source_file) == bool(memories):
        raise click.UsageError("Give either files of sentences or --memory FILE.")
    if source_file:
        return _parallel(source_file, target_file) if target_file else _columns(source_file)
    return _of_memories(memories, pair)


def _of_memories(memories: tuple[str, ...], pair: Pair) -> Iterator[tuple[str, str]]:
    from scalemt.memory import MemoryStore

    for path in memories:
        store = MemoryStore(path)
        for kept, swapped in store.fitting(pair):
            for _, unit in store.sides(kept, 0, swapped=swapped):
                yield unit.source, unit.target


def _judge(spec: str | None, pair: Pair) -> Callable[[list[tuple[str, str]]], list[bool]] | None:
    if not spec:
        return None
    from scalemt.config import load_configuration
    from scalemt.engine.backends import build_generalist
    from scalemt.engine.term_judging import term_judge

    configuration = load_configuration()
    return term_judge(build_generalist(spec, configuration, configuration.profile()), pair)


@command.command("convert")
@click.argument("path", metavar="IN")
@click.argument("out", metavar="OUT")
@click.option(
    "--from", "source", metavar="LANG", help="Language of the terms, where the file has several or none."
)
@click.option("--to", "target", metavar="LANG", help="Language of their translations.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def convert(path: str, out: str, source: str | None, target: str | None, as_json: bool) -> int:
    """Write a glossary in another format; the suffixes tell: .csv, .tsv, .tbx, .utx."""
    from scalemt.cli.options import say
    from scalemt.glossary import load_glossary, save_glossary
    from scalemt.glossary.writing import lost

    pair = _pair(source, target)
    glossary = load_glossary(path, pair)
    if pair:
        glossary = replace(glossary, source=glossary.source or pair.source, target=glossary.target or pair.target)
    save_glossary(glossary, out)
    notes = lost(glossary, out)
    if as_json:
        told = {"path": out, "entries": len(glossary.entries), "from": glossary.source, "to": glossary.target}
        click.echo(json.dumps({**told, "lost": list(notes)}, ensure_ascii=False))
        return 0
    for note in notes:
        say(note)
    click.echo(f"Wrote {len(glossary.entries)} entries to {out}.")
    return 0


def _pair(source: str | None, target: str | None) -> Pair | None:
    from scalemt.errors import UsageError
    from scalemt.languages import parse_pair

    if source and target:
        return parse_pair(source, target)
    if source or target:
        raise UsageError("Give --from and --to together, or neither.")
    return None
