"""A generalist as the judge of term candidates: is the second a translation of the first?

A model that can score is asked nothing: a candidate passes where its target is likelier behind its own source than
behind the sources of other candidates, by the mean over its tokens. One that only answers is asked yes or no.
"""

from __future__ import annotations

from collections.abc import Callable

from scalemt import languages
from scalemt.errors import GeneralistError
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.types import Decoding, Message, Pair, Prompt

Terms = list[tuple[str, str]]
_OTHERS = 3  # sources of other candidates that a target is compared behind
_MARGIN = 0.3  # nats a token by which its own source must be better


def term_judge(generalist: Generalist, pair: Pair) -> Callable[[Terms], list[bool]]:
    """Return what tells of each candidate whether the generalist takes it for a translation.

    Args:
        generalist: scores or answers.
        pair: the languages of the terms.

    Raises:
        GeneralistError: an answer could not be had; raised by the judge.
    """

    def judge(terms: Terms) -> list[bool]:
        if isinstance(generalist, ScoringGeneralist) and generalist.kind == "base" and len(terms) > _OTHERS:
            return _by_likelihood(generalist, terms, pair)
        return _by_asking(generalist, terms, pair)

    return judge


def _by_likelihood(generalist: ScoringGeneralist, terms: Terms, pair: Pair) -> list[bool]:
    source, target = (languages.name(tag) for tag in pair)
    count = len(terms)
    steps = [0, *(count * number // (_OTHERS + 1) for number in range(1, _OTHERS + 1))]
    rows = [(terms[(place + step) % count][0], terms[place][1]) for place in range(count) for step in steps]
    prompts = [Prompt(text=f"{source}: {term}\n{target}:", stop=("\n",)) for term, _ in rows]
    scores = [item.per_token for item in generalist.score(prompts, [f" {wanted}" for _, wanted in rows])]
    width = len(steps)
    return [
        scores[place * width] > max(scores[place * width + 1 : (place + 1) * width]) + _MARGIN
        for place in range(count)
    ]


def _by_asking(generalist: Generalist, terms: Terms, pair: Pair) -> list[bool]:
    source, target = (languages.name(tag) for tag in pair)
    system = (
        f"You check a glossary of {source} terms and their {target} translations. Answer yes if the second is a "
        "correct translation of the first, as a term and in whole, else no. Answer with one word."
    )
    prompts = [_asked(system, _one_line(term), _one_line(wanted)) for term, wanted in terms]
    completions = generalist.complete(prompts, Decoding(max_tokens=8))
    fault = next((item.error for item in completions if item.error), None)
    if fault:
        raise GeneralistError(f"The generalist could not judge all candidates: {fault}") from fault
    # What is no clear yes is no: a candidate that was not understood needs a person.
    return [item.text.strip().lower().startswith("yes") for item in completions]


def _asked(system: str, term: str, wanted: str) -> Prompt:
    return Prompt((Message("system", system), Message("user", f"{term} = {wanted}")))


def _one_line(text: str) -> str:
    return " ".join(text.split())
