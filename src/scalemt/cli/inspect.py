"""`scalemt inspect`: what a document holds for translators; nothing is translated."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.documents import document_options, open_document
from scalemt.cli.options import say, visible

if TYPE_CHECKING:
    from rich.text import Text

    from scalemt.quality.mixing import Mixture
    from scalemt.types import Segment

_STYLES = {
    "tag": "cyan",
    "placeholder": "magenta",
    "address": "blue",
    "code": "green",
    "formula": "green",
    "term": "yellow",
}


@click.command("inspect", short_help="Show the segments and protected spans of a document.")
@click.argument("file", type=click.Path(dir_okay=False))
@document_options
@click.option("--do-not-translate", multiple=True, metavar="TERM", help="A term that is kept as it is.")
@click.option("--languages", metavar="TAG+TAG", help="Tell which of these languages each word is in: es+en.")
@click.option("--limit", type=click.IntRange(1), help="Show this many segments at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a segment.")
def command(
    file: str,
    do_not_translate: tuple[str, ...],
    languages: str | None,
    limit: int | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Show what FILE holds for translators: its segments, their protected spans and notes. Nothing is translated.

    Exit codes: 0 done, 2 the file cannot be read.
    """
    from scalemt.languages import parse
    from scalemt.quality.mixing import mixture
    from scalemt.text.protection import protect

    among = [parse(tag) for tag in languages.replace(",", "+").split("+")] if languages else []
    document = open_document(file, options)
    kinds: Counter[str] = Counter()
    seen: set[str] = set()
    total = characters = 0
    for segment in document.segments():
        whole = protect(segment, do_not_translate)
        if limit is None or total < limit:
            mixed = mixture(whole.text, among, whole.spans) if among else None
            if as_json:
                click.echo(json.dumps(_as_json(whole) | _mixing_as_json(mixed), ensure_ascii=False))
            else:
                _show(whole, mixed)
        total += 1
        characters += len(segment.text)
        seen.add(segment.text)
        kinds.update(span.kind for span in whole.spans)
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()) or "none"
    say(
        f"{document.path}: {document.format.title}; {total:,} segments ({len(seen):,} different), "
        f"{characters:,} characters; protected spans: {told}."
    )
    return 0


def _as_json(segment: Segment) -> dict[str, Any]:
    spans = [
        {"text": segment.text[span.start : span.end], "start": span.start, "end": span.end, "kind": span.kind}
        | ({"role": span.role} if span.role != "alone" else {})
        for span in segment.spans
    ]
    return {"id": segment.id, "text": segment.text, "spans": spans, "note": segment.note}


def _mixing_as_json(mixed: Mixture | None) -> dict[str, Any]:
    if mixed is None:
        return {}
    words = [{"text": word.text, "start": word.start, "language": word.language} for word in mixed.words]
    shares = {tag: round(share, 3) for tag, share in mixed.shares.items()}
    told = {"index": round(mixed.index, 1), "shares": shares, "switches": list(mixed.switches)}
    return {"mixing": told | {"romanised": list(mixed.romanised), "scripts": mixed.scripts, "words": words}}


def _show(segment: Segment, mixed: Mixture | None) -> None:
    from rich.console import Console
    from rich.text import Text

    line = Text(f"{visible(segment.id)}  ", style="dim").append_text(coloured(segment))
    if segment.note:
        line.append(f"\n    {visible(segment.note)}", style="italic dim")
    if mixed is not None:
        line.append(f"\n    {mixed.index:.1f}  {visible(mixed.told())}", style="dim")
    Console(highlight=False).print(line, soft_wrap=True)


def coloured(segment: Segment) -> Text:
    """Return the text of a segment, its protected spans coloured by kind."""
    from rich.text import Text

    text = Text(visible(segment.text))
    for span in segment.spans:
        text.stylize(_STYLES[span.kind], span.start, span.end)
    return text
