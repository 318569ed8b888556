"""Triplets as texts to learn, written by the code and the template that `--method refine` writes prompts by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from scalemt.errors import ConfigurationError
from scalemt.methods import Kit
from scalemt.methods.integrity import shown, shown_draft
from scalemt.prompts import Template, load_template
from scalemt.prompts.template import one_line
from scalemt.specialists.drafting import recorded
from scalemt.text.masking import located
from scalemt.text.protection import protect
from scalemt.training.refiner.triplets import Triplet
from scalemt.types import Demonstration, Draft, Pair, Segment


@dataclass(frozen=True, slots=True)
class Taught:
    """A prompt, and what is to follow it, the end of the answer included."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """A triplet as the model sees it: `ids`, of which the first `opening` are the prompt."""

    ids: tuple[int, ...]
    opening: int


def refiner_template(name: str) -> Template:
    """Return a template that a refiner can be taught by.

    Raises:
        UnknownNameError: there is none of that name.
        ConfigurationError: it is of chat models, has no end of an answer, or its query does not open its
            demonstration.
    """
    template = load_template(name)
    if template.kind != "plain" or not template.stop:
        raise ConfigurationError(
            f'[base] template is {name!r}: a refiner needs one of kind = "plain" with a stop, such as refiner.'
        )
    pair = Pair("en", "es")
    draft = Draft("draft", language="es")
    query = template.render("source", [draft], [], pair).text
    both = template.render("source", [draft], [Demonstration("source", "target", (draft,))], pair).text
    if f"{query.splitlines()[-1]} target" not in both:
        raise ConfigurationError(
            f"The template {name} cannot be taught: in its demonstration a space and the target must follow "
            "what its query ends with."
        )
    return template


def taught(triplet: Triplet, template: Template, *, drafted: bool = True) -> Taught | None:
    """Return a triplet as a prompt and its answer; None where draft or target lacks a protected span.

    Args:
        triplet: what is to be learnt.
        template: writes the prompt.
        drafted: whether the draft is shown.
    """
    segment = protect(Segment(one_line(triplet.source)))
    pair = triplet.direction
    masked = shown(segment)

    draft = recorded(segment, Draft(one_line(triplet.draft), language=pair.target))
    # A tag that a draft lacks is put in by the words around it, as in use; nobody may guess where a target has it.
    found = located(segment, one_line(triplet.target))
    target = Draft(found.text, language=pair.target, spans=found.spans)
    if not _whole(target, segment) or (drafted and not _whole(draft, segment)):
        return None
    kit = Kit(pair, template, confidences=False)
    prompt = kit.prompt(segment, [draft] if drafted else [], ())
    return Taught(prompt.text, f" {shown_draft(target, masked).text.strip()}{template.stop[0]}")


def _whole(draft: Draft, segment: Segment) -> bool:
    return bool(draft.text.strip()) and len(draft.spans) == len(segment.spans)


def tokens_of(text: Taught, tokenizer: Any) -> Tokens:
    """Return the tokens; those of the prompt are the ones that the model is asked with."""
    opening = tokenizer(text.prompt)["input_ids"]
    whole = tokenizer(text.prompt + text.answer)["input_ids"]
    if whole[: len(opening)] != opening:
        # A token would reach over the end of the prompt, where none can when the model is asked.
        whole = [*opening, *tokenizer(text.answer, add_special_tokens=False)["input_ids"]]
    return Tokens(tuple(whole), len(opening))


def without_draft(count: int, share: float, seed: int) -> list[bool]:
    """Return which of so many triplets are shown without their drafts, drawn by the seed."""
    draws = Random(f"{seed}:without")  # noqa: S311  # nothing secret
    return [draws.random() < share for _ in range(count)]


def learnable(
    triplets: Sequence[Triplet],
    template: Template,
    tokenizer: Any,
    *,
    most: int,
    share_without: float,
    seed: int,
    dropped: Counter[str],
) -> Iterator[tuple[int, Tokens]]:
    """Yield the number and the tokens of each triplet that can be learnt.

    Args:
        triplets: in order.
        template: writes the prompts.
        tokenizer: of the model.
        most: tokens; what has more is left out.
        share_without: of the triplets whose draft is not shown.
        seed: of what is drawn.
        dropped: counts what is left out, by the reason.
    """
    bare = without_draft(len(triplets), share_without, seed)
    for index, triplet in enumerate(triplets):
        if triplet.keep and bare[index]:
            dropped["to be kept, but not shown"] += 1
            continue
        text = taught(triplet, template, drafted=not bare[index])
        if text is None:
            dropped["draft or target lacks a tag, number or placeholder"] += 1
            continue
        made = tokens_of(text, tokenizer)
        if len(made.ids) > most:
            dropped[f"more than {most} tokens"] += 1
            continue
        yield index, made
