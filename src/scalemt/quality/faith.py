"""FAITH: a generalist as the judge of translations, by fluency, accuracy, idiomaticity, terminology and format.

Source: Paul et al., "Aligning Large Language Models to Low-Resource Languages through LLM-Based Selective
Translation" (arXiv 2507.14304), and the metric released with NeMo Curator, whose dimensions, scale and decoding
(greedy, 256 tokens) these are; the prompts are this project's. A generalist likes what it has written itself: let
another one judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files

from scalemt.errors import ConfigurationError, GeneralistError
from scalemt.generalists.base import Generalist, GeneralistKind, Progress
from scalemt.prompts import Template, load_template
from scalemt.prompts.quoting import quoted
from scalemt.quality.judgement import DIMENSIONS, LOWEST, Judgement, read_judgement
from scalemt.types import Completion, Decoding, Draft, Pair, Prompt

__all__ = ["DIMENSIONS", "LOWEST", "Fault", "Judge", "Judgement", "Verdict", "judge_prompt", "read_judgement"]

_DECODING = Decoding(max_tokens=256)
_FILES: dict[GeneralistKind, str] = {"chat": "faith.toml", "base": "faith-plain.toml"}


@dataclass(frozen=True, slots=True)
class Fault:
    """There is no answer at all, and `error` says why; an answer that cannot be read is None instead."""

    error: Exception


Verdict = Judgement | Fault | None
"""Of one translation. None: there is an answer, but no clear judgement in it. Only a `Judgement` can be a pass."""


def judge_prompt(source: str, translation: str, pair: Pair, kind: GeneralistKind) -> Prompt:
    """Return the prompt that asks for a judgement.

    Both texts stand in it as JSON strings on one line each, control tokens of known models escaped: neither can
    close its quotes, open a line, or end a turn, and line breaks can still be told.

    Args:
        source, translation: any texts.
        pair: their languages.
        kind: "chat" is told the scale, "base" is shown judgements (few-shot).
    """
    template = _template(kind)
    prompt = template.render(quoted(source), [Draft(quoted(translation))], (), pair)
    # The answer repeats nothing of the translation: a guess from it would only cost time.
    return replace(prompt, prediction="")


class Judge:
    """Asks a generalist how good translations are.

    Not every one can tell: the packaged Gemma 3 270M keeps to the form, and says much the same of good and of
    spoiled translations. `benchmarks/judge.py --model` measures another one.

    Args:
        generalist: of any kind; it decodes greedily, 256 tokens at most.
        batch: prompts that are made and sent at once.

    Raises:
        ConfigurationError: less than one prompt at once.
    """

    def __init__(self, generalist: Generalist, *, batch: int = 64) -> None:
        if batch < 1:
            raise ConfigurationError(f"A judge needs at least one prompt at once, but batch is {batch}.")
        self._generalist = generalist
        self._batch = batch

    @property
    def signature(self) -> str:
        """The prompt with the start of its hash, and who answers it."""
        return f"{_template(self._generalist.kind).signature}|{self._generalist.signature}"

    def judge(
        self, items: Sequence[tuple[str, str]], pair: Pair, progress: Progress | None = None
    ) -> list[Verdict]:
        """Return one verdict a (source, translation), in order.

        A blank translation is `LOWEST` without being asked about.

        Args:
            items: sources with their translations.
            pair: the direction.
            progress: told the number of prompts finished since the last call.

        Raises:
            EndpointError: no request can succeed. What the generalist raises is passed on; what fails one prompt
                alone is the `Fault` of that item.
        """
        asked = [place for place, (_, translation) in enumerate(items) if translation.strip()]
        verdicts: list[Verdict] = [LOWEST] * len(items)
        for start in range(0, len(asked), self._batch):
            places = asked[start : start + self._batch]
            prompts = [judge_prompt(*items[place], pair, self._generalist.kind) for place in places]
            completions = self._generalist.complete(prompts, _DECODING, progress)
            for place, completion in zip(places, completions, strict=True):
                verdicts[place] = _verdict(completion)
        return verdicts


def _verdict(completion: Completion) -> Verdict:
    if completion.error:
        return Fault(completion.error)
    if completion.finish_reason == "error":
        return Fault(GeneralistError("The generalist failed to judge, and did not say why. Ask it again."))
    return read_judgement(completion)


@cache
def _template(kind: GeneralistKind) -> Template:
    # In a folder of their own: `template_names` lists what translates, and these do not.
    with as_file(files("scalemt.prompts") / "templates" / "judging" / _FILES[kind]) as path:
        return load_template(str(path))
