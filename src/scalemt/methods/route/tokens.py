"""Routing by functional token: a generalist reads what workers are for, and answers the token of one of them.

In Octopus v4 each worker has a token of its own in the vocabulary of a router that was trained for it, and the
logits at the first step are masked to these. A generalist that scores is asked the same thing: the probability of
each token after the prompt, and of no other text. One that only completes may answer anything; what is not just a
token of a worker that is there is no route.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import as_file, files

from scalemt.errors import EndpointError, GeneralistError
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.generalists.base import GeneralistKind
from scalemt.methods.route.graph import Worker
from scalemt.methods.route.requests import Choice, Request
from scalemt.methods.route.rules import RuleRouter
from scalemt.prompts import Surroundings, Template, load_template
from scalemt.prompts.quoting import quoted
from scalemt.types import Completion, Decoding, Demonstration, Pair, Prompt, Usage

_MOST_SHOWN = 1500  # characters of a text: its beginning tells what it is about
_MOST_TOKENS = 24  # of an answer: a token with its signs takes up to eight of a model's own
_TOLD = 60  # characters of a wrong answer that a decision shows


class TokenRouter:
    """Asks a generalist; what it cannot tell is left to the rules, and the choice says so.

    Scores are compared with those under an empty text (contextual calibration: Zhao et al. 2021, "Calibrate Before
    Use"): a small model prefers some token whatever it reads. The sheet to Octopus v4 says only that the softmax
    over workers wants calibration; this is what was decided here. No text is rewritten, which the paper's router
    does with queries: of a text to be translated, the source is not to be touched.

    Args:
        generalist: who is asked; None leaves all to the rules.
        seed: of its sampler.
    """

    name = "token"
    follows = True

    def __init__(self, generalist: Generalist | None, seed: int = 0) -> None:
        self._generalist = generalist
        self._seed = seed
        self._rules = RuleRouter()
        self._neutral: dict[tuple[Pair, tuple[str, ...]], list[float]] = {}

    @property
    def asks(self) -> bool:
        """Whether there is somebody to ask."""
        return self._generalist is not None

    def route(self, requests: Sequence[Request], workers: Sequence[Worker], general: str) -> list[Choice]:
        """Return one choice a request; see `Router`.

        Raises:
            EndpointError: the generalist cannot be reached at all.
        """
        if not requests:
            return []
        if len(workers) == 1:
            return [Choice(workers[0].name, "the only worker that is there", self.name) for _ in requests]
        if self._generalist is None:
            return self._by_rules(requests, workers, general, ["no generalist may be asked"] * len(requests))
        try:
            if isinstance(self._generalist, ScoringGeneralist):
                return self._scored(self._generalist, requests, workers, general)
            return self._answered(self._generalist, requests, workers, general)
        except EndpointError:
            raise
        except GeneralistError as fault:
            return self._by_rules(requests, workers, general, [str(fault)] * len(requests))

    def _scored(
        self, generalist: ScoringGeneralist, requests: Sequence[Request], workers: Sequence[Worker], general: str
    ) -> list[Choice]:
        """Have the tokens scored after each text: a mask over all that the model could say."""
        key = (requests[0].pair, tuple(item.token for item in workers))
        kind = generalist.kind
        if key not in self._neutral:
            self._neutral[key] = _scores(generalist, [prompt_of("", requests[0].pair, workers, kind)], workers)[0]
        prompts = [prompt_of(item.segment.text, item.pair, workers, kind) for item in requests]
        rows = _scores(generalist, prompts, workers)
        found = [_softmax([a - b for a, b in zip(row, self._neutral[key], strict=True)]) for row in rows]
        faults = ["" if row else "the model gave no probabilities" for row in found]
        others = self._by_rules(requests, workers, general, faults)
        return [self._likeliest(row, workers) if row else other for row, other in zip(found, others, strict=True)]

    def _likeliest(self, row: Sequence[float], workers: Sequence[Worker]) -> Choice:
        best = max(range(len(row)), key=row.__getitem__)
        known = {item.name: round(value, 4) for item, value in zip(workers, row, strict=True)}
        why = f"{workers[best].token} is the likeliest of {len(row)} tokens ({row[best]:.2f})"
        return Choice(workers[best].name, why, self.name, known)

    def _answered(
        self, generalist: Generalist, requests: Sequence[Request], workers: Sequence[Worker], general: str
    ) -> list[Choice]:
        prompts = [prompt_of(item.segment.text, item.pair, workers, generalist.kind) for item in requests]
        said = generalist.complete(prompts, Decoding(_MOST_TOKENS, seed=self._seed, thinking=0))
        by_token = {item.token: item.name for item in workers}
        read = [read_token(item, by_token) for item in said]
        others = self._by_rules(requests, workers, general, [fault for _, fault in read])
        chosen = []
        for (token, _), other, completion in zip(read, others, said, strict=True):
            choice = Choice(by_token[token], f"the model answered {token}", self.name) if token else other
            chosen.append(_paid(choice, completion.usage))
        return chosen

    def _by_rules(
        self, requests: Sequence[Request], workers: Sequence[Worker], general: str, faults: Sequence[str]
    ) -> list[Choice]:
        made = self._rules.route(requests, workers, general)
        return [
            Choice(item.worker, item.reason, item.router, fault=fault)
            for item, fault in zip(made, faults, strict=True)
        ]


def read_token(completion: Completion, tokens: Mapping[str, str]) -> tuple[str, str]:
    """Return the token that an answer is, and why it is none; one of both is "".

    Args:
        completion: the answer.
        tokens: those of the workers that are there.
    """
    if completion.error or completion.finish_reason == "error":
        return "", f"no answer: {completion.error}"
    if completion.finish_reason != "stop":
        return "", f"the answer ended by {completion.finish_reason}"
    answer = completion.text.strip()
    if answer in tokens:
        return answer, ""
    told = " ".join(answer.split())
    return "", f"the answer {told[:_TOLD]!r} is no token of a worker" if told else "the answer is empty"


def prompt_of(text: str, pair: Pair, workers: Sequence[Worker], kind: GeneralistKind) -> Prompt:
    """Return what a generalist is asked about a text, which stands in the prompt as JSON."""
    shown = [Demonstration(quoted({"text": example}), item.token) for item in workers for example in item.examples]
    listed = tuple((item.token, item.description or item.name) for item in workers)
    return _template(kind).render(
        quoted({"text": text[:_MOST_SHOWN]}), (), shown, pair, surroundings=Surroundings(terms=listed)
    )


def _scores(
    generalist: ScoringGeneralist, prompts: Sequence[Prompt], workers: Sequence[Worker]
) -> list[list[float]]:
    """Return the log-probability of each worker's token after each prompt, a row a prompt."""
    # A plain prompt ends with a colon: the space is the token's.
    space = " " if prompts[0].text else ""
    asked = [(prompt, f"{space}{item.token}") for prompt in prompts for item in workers]
    scored = generalist.score([prompt for prompt, _ in asked], [token for _, token in asked])
    values = [item.logprob for item in scored]
    return [values[start : start + len(workers)] for start in range(0, len(values), len(workers))]


def _softmax(row: Sequence[float]) -> list[float]:
    """Return probabilities, or nothing where a score is none."""
    if not all(map(math.isfinite, row)):
        return []
    raised = [math.exp(value - max(row)) for value in row]
    return [value / sum(raised) for value in raised]


def _paid(choice: Choice, usage: Usage) -> Choice:
    return Choice(choice.worker, choice.reason, choice.router, choice.probabilities, choice.fault, usage)


@cache
def _template(kind: GeneralistKind) -> Template:
    # In a folder of their own: `template_names` lists what translates, and these do not.
    name = "route.toml" if kind == "chat" else "route-plain.toml"
    with as_file(files("scalemt.prompts") / "templates" / "routing" / name) as path:
        return load_template(str(path))
