"""Predicted outputs: the draft is sent along, so that a server need not decode what it repeats.

Source: the OpenAI API reference, chat completions, `prediction`; what does not go with it is from its guide and
from Azure's "Predicted outputs".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from scalemt.types import Prompt

_REFUSING = frozenset({400, 422})
_CONFLICTS = frozenset(
    {"max_completion_tokens", "tools", "functions", "audio", "modalities", "logprobs", "top_logprobs"}
    | {"n", "presence_penalty", "frequency_penalty"}
)
_BILLING = ("openai.com", "azure.com")  # they bill guesses that were not used


class Predictions:
    """Decides which requests carry a prediction, and gives it up for good where a server refuses it.

    Args:
        url: of the server.
        wanted: True and False are the user's word; None sends predictions where guesses cost nothing.
        priced: whether answered tokens have a price.
    """

    def __init__(self, url: str, wanted: bool | None, priced: bool) -> None:
        free = not priced and not _bills(url)
        self._sending = free if wanted is None else wanted
        self._accepted = False
        self.refused = ""

    def added(self, body: dict[str, Any], prompt: Prompt) -> dict[str, Any]:
        """Return the body of a chat request with the prediction, if it is to have one."""
        conflicting = _CONFLICTS & body.keys()
        if not (self._sending and prompt.prediction and prompt.messages) or conflicting or "prediction" in body:
            return body
        return body | {"prediction": {"type": "content", "content": prompt.prediction}}

    def send(self, post: Callable[[dict[str, Any]], Any], body: dict[str, Any], plain: dict[str, Any]) -> Any:
        """Post `body`; where it is refused because of the prediction, post `plain`, and never predict again."""
        response = post(body)
        if body is plain:
            return response
        if response.status_code == 200:
            self._accepted = True
        if response.status_code not in _REFUSING or (self._accepted and not _names_it(response)):
            return response
        second = post(plain)
        if _names_it(response) or second.status_code not in _REFUSING:
            self._sending = False
            self.refused = f"status {response.status_code}"
        return second


def _bills(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return any(host == name or host.endswith(f".{name}") for name in _BILLING)


def _names_it(response: Any) -> bool:
    return "prediction" in response.text


def evaluated_tokens(answer: Mapping[str, Any], prompt_tokens: int) -> int | None:
    """Return the prompt tokens that the server ran through, or None where it does not say.

    llama-server tells them in `timings`; others tell those that they had kept, in the usage.
    """
    evaluated = count(answer, "timings", "prompt_n")
    if evaluated is None:
        kept = count(answer, "usage", "prompt_tokens_details", "cached_tokens")
        evaluated = None if kept is None else prompt_tokens - kept
    return None if evaluated is None else max(0, min(evaluated, prompt_tokens))


def accepted_tokens(answer: Mapping[str, Any]) -> int:
    """Return the answered tokens that had been guessed right; 0 where the server does not say."""
    predicted = count(answer, "usage", "completion_tokens_details", "accepted_prediction_tokens")
    return predicted or count(answer, "timings", "draft_n_accepted") or 0


def count(answer: object, *path: str) -> int | None:
    """Return the number at a path of keys, or None where there is no number of things."""
    for key in path:
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    return answer if isinstance(answer, int) and not isinstance(answer, bool) and answer >= 0 else None
