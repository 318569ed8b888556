"""Thinking without tags for it: a plain prompt that ends where notes begin is answered in stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scalemt.generalists.thinking import WAIT_AFTER
from scalemt.types import Completion, Decoding, Prompt, Thought

_WAIT_TOKENS = 2  # of the word, and one that a tokenizer may make of the space before it

Ask = Callable[[Prompt, int], Completion]
"""Completes a plain prompt with at most so many tokens."""


def answer_noted(prompt: Prompt, decoding: Decoding, ask: Ask) -> Completion:
    """Have notes made up to the budget, or to the end of their line, and then the answer.

    Args:
        prompt: a plain prompt with `after_thinking`.
        decoding: with a budget of thinking.
        ask: asks the model; called two or three times.
    """
    budget = decoding.thinking or 0
    asked = replace(prompt, after_thinking="")
    noting = replace(asked, stop=(prompt.after_thinking, *prompt.stop))
    stages = [ask(noting, budget)]
    notes, made, waited = stages[0].text, _made(stages[0]), False
    if decoding.wait and stages[0].finish_reason == "stop" and has_room(made, decoding):
        notes, waited = f"{notes} wait", True
        stages.append(ask(replace(noting, text=f"{prompt.text}{notes}"), budget - made - _WAIT_TOKENS))
        notes, made = f"{notes}{stages[-1].text}", made + _WAIT_TOKENS + _made(stages[-1])
    noted = stages[-1].finish_reason
    if noted not in ("stop", "length"):
        return _with_costs(stages[-1], stages)  # withheld, or failed: there is nothing to go on with
    stages.append(ask(replace(asked, text=f"{prompt.text}{notes}{prompt.after_thinking}"), decoding.max_tokens))
    thought = Thought(notes.strip(), made, "natural" if noted == "stop" else "forced", waited)
    return replace(_with_costs(stages[-1], stages), thought=thought)


def has_room(tokens: int, decoding: Decoding) -> bool:
    """Whether a thought of so many tokens may go on by a "wait"."""
    return WAIT_AFTER < tokens < (decoding.thinking or 0) - _WAIT_TOKENS


def _made(stage: Completion) -> int:
    """Return the tokens of a stage, that of its end left out."""
    made = stage.completion_tokens
    return max(0, made - 1) if stage.finish_reason == "stop" else made


def _with_costs(last: Completion, stages: list[Completion]) -> Completion:
    """Return the last stage with what all of them took."""
    evaluated = [stage.evaluated_tokens for stage in stages]
    return replace(
        last,
        prompt_tokens=sum(stage.prompt_tokens for stage in stages),
        completion_tokens=sum(stage.completion_tokens for stage in stages),
        cost=sum(stage.cost for stage in stages),
        evaluated_tokens=None if None in evaluated else sum(count or 0 for count in evaluated),
        accepted_tokens=sum(stage.accepted_tokens for stage in stages),
    )
