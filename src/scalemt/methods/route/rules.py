"""What a router is, and routing by rules: who is made for most of what a segment is; of several, the cheapest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from scalemt.methods.route.graph import Worker
from scalemt.methods.route.requests import Choice, Request

_DOMAIN = 2  # what a domain counts beside a condition or a pair: a worker for it was made on purpose


class Router(Protocol):
    """Gives each segment to a worker.

    `asks` says that it puts questions to a generalist, `follows` that neighbours of the worker may go on.
    """

    name: str
    follows: bool

    @property
    def asks(self) -> bool:
        """Whether a generalist is asked."""
        ...

    def route(self, requests: Sequence[Request], workers: Sequence[Worker], general: str) -> list[Choice]:
        """Return one choice a request, in order.

        Args:
            requests: segments of one pair.
            workers: those that are there for the pair, at least one.
            general: who of them gets what no other is for.
        """
        ...


class RuleRouter:
    """Chooses by language, domain and conditions, as the graph states them.

    A worker is eligible if all that it asks for holds. The more it asks for, the more it is preferred; the cheaper
    one of two alike, and the first of the file of two that cost the same. The general worker is eligible always.
    What is to be expected of asking on is decided after its draft, at the edges of the graph.
    """

    name = "rules"
    asks = False
    follows = True

    def route(self, requests: Sequence[Request], workers: Sequence[Worker], general: str) -> list[Choice]:
        """Return one choice a request; see `Router`."""
        return [self._choice(request, workers, general) for request in requests]

    def _choice(self, request: Request, workers: Sequence[Worker], general: str) -> Choice:
        eligible = [item for item in workers if item.name == general or not item.missing(request)]
        best = min(eligible, key=lambda item: (-_made_for(item, request), item.cost))
        told = [] if best.missing(request) else best.reasons(request)
        if not told:
            others = [item.name for item in eligible if item is not best]
            told = [f"no worker is made for it; cheapest of {len(eligible)}" if others else "nobody else takes it"]
        return Choice(best.name, "; ".join(told), self.name)


def _made_for(worker: Worker, request: Request) -> int:
    """Return how much of what a segment is a worker asks for; the general one may ask for what does not hold."""
    if worker.missing(request):
        return 0
    return len(worker.conditions) + _DOMAIN * bool(worker.domains) + bool(worker.pairs or worker.languages)
