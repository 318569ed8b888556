"""Fluency as perplexity under a language model (section 5.1 of the SCALE paper, which takes GPT2-XL)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from scalemt.config import load_configuration
from scalemt.engine.backends import build_generalist
from scalemt.errors import ConfigurationError, GeneralistError
from scalemt.evaluation.metrics.base import Measured, Metric, Progress
from scalemt.evaluation.results import Group
from scalemt.evaluation.systems import System, TestSet
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.types import Likelihood, Prompt

if TYPE_CHECKING:
    from scalemt.evaluation.metrics.base import FloatArray

DEFAULT = "llamacpp"
_BATCH = 16  # texts scored between two reports of progress
# Some models have an opening token and some (GPT-2, Qwen) have none, without which there is nothing to condition
# the first token of a text on. A line break is a context that all have, and every server takes.
_CONTEXT = Prompt(text="\n")


class Perplexity(Metric):
    """exp of the negative mean log-probability of a token, over all tokens of all outputs.

    Each output is scored by itself, as a text that begins after a line break. Its end is not scored.
    Outputs of white space alone have no tokens and are left out; the metric `empty` counts them. Perplexity is
    per token: systems are compared under one model, whose tokenizer is the same for all. Under two models with
    different tokenizers it cannot be compared.

    Args:
        generalist: a specification (`llamacpp`, `llamacpp:model.gguf`, `transformers:FOLDER`, a name of the
            configuration); "" is the packaged Gemma 3 270M.
        threads: CPU threads of the model.
        argument: the same as `generalist`, from behind the colon of `perplexity:llamacpp`; it wins.
        scorer: a generalist that is built already, in the place of both.

    Raises:
        ConfigurationError: the generalist cannot score.
        UnknownNameError: there is no such generalist.
        MissingExtraError, ModelError: it cannot be loaded.
    """

    name = "perplexity"
    group: ClassVar[Group] = "characteristics"
    higher_is_better: ClassVar[bool | None] = False
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, generalist: str = "", threads: int = 1, argument: str = "", scorer: Generalist | None = None
    ) -> None:
        spec = argument or generalist or DEFAULT
        built = scorer or _build(spec, threads)
        if not isinstance(built, ScoringGeneralist):
            raise ConfigurationError(
                f"Perplexity needs a generalist that tells how probable a text is, and {built.name} does not. "
                "Valid choices: llamacpp (any GGUF model), transformers (any local folder), openai with "
                'scoring = true and kind = "base", for a server that echoes log-probabilities (vLLM).'
            )
        self._scorer = built
        self._known: dict[str, Likelihood] = {}

    @property
    def signature(self) -> str:
        """The model, that tokens are the unit, and the context."""
        model = re.sub(r"\s", "_", self._scorer.signature)
        return f"perplexity|model:{model}|per:token|context:newline|empty:left-out"

    def _measure(self, system: System, test_set: TestSet, progress: Progress) -> Measured:
        import numpy as np

        texts = [text.strip() for text in system.texts]
        self._score(texts, system.name, progress)
        found = [self._known.get(text, Likelihood(0.0, 0)) for text in texts]
        statistics = np.asarray([(item.logprob, item.tokens) for item in found], dtype=np.float64).reshape(-1, 2)
        return Measured(statistics, self.score(statistics))

    def score(self, sums: FloatArray) -> FloatArray:
        """Return exp(-log-probability / tokens), NaN where there are no tokens."""
        import numpy as np

        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(sums[:, 1] > 0, np.exp(-sums[:, 0] / sums[:, 1]), np.nan)

    def _score(self, texts: Sequence[str], name: str, progress: Progress) -> None:
        # Systems share many outputs, word for word (a refinement often keeps the draft): each is scored once.
        new = [text for text in dict.fromkeys(texts) if text and text not in self._known]
        copies = Counter(texts)
        progress(len(texts) - sum(copies[text] for text in new))
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            try:
                scores = self._scorer.score([_CONTEXT] * len(batch), batch)
            except GeneralistError as error:
                raise GeneralistError(f"The perplexity of {name} cannot be measured: {error}") from error
            self._known |= zip(batch, scores, strict=True)
            progress(sum(copies[text] for text in batch))


def _build(spec: str, threads: int) -> Generalist:
    configuration = load_configuration()
    return build_generalist(spec, configuration, configuration.profile(threads=threads))
