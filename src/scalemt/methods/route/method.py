"""Route: each segment to the worker that suits it (Octopus v4, Chen and Li, arXiv 2404.19296)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.generalists import Generalist
from scalemt.methods.base import Kit, Method, Prepared
from scalemt.methods.route.graph import Worker, load_graph
from scalemt.methods.route.requests import DRAFT_FEATURES, Request, draft_features, features_of
from scalemt.methods.route.rules import Router, RuleRouter
from scalemt.methods.route.tokens import TokenRouter
from scalemt.quality.deferral import DeferralModel, worry
from scalemt.types import Draft, Pair, Segment, Translation

RouterName = Literal["rules", "learned", "token"]
MOST_STEPS = 8
_PRICE = 0.1  # points of chrF++ that a step must gain for each unit of its cost


@dataclass(frozen=True)
class Onward:
    """Who goes on with a translation, None for nobody, and why."""

    worker: str | None
    reason: str


class RouteMethod(Method):
    """Gives each segment to a worker of a graph, which the engine has translate it (`engine/dispatching.py`).

    Of the paper only the abstract and the released code were read; there the graph is a dictionary from functional
    tokens to models. What was decided here: a worker is a profile, so that methods, specialists and generalists
    are routed alike; neighbours are steps on, from a draft to who refines it, taken where a gain is expected; what
    reaches a worker is put by its own method, template and options, and the source is never rewritten.

    A gain is what a calibration of the worker expects (`quality/deferral.py`), in chrF++ points and more than the
    worker's cost; without one, the doubt about the draft is compared with `doubt`. A neighbour that asks for
    something (`when`, `domains`) goes on wherever that holds.

    Args:
        graph: a TOML file; "" is the built-in graph.
        router: who chooses: rules, a classifier that was fitted on bench results, or a generalist that answers a
            functional token.
        model: file of the classifier; "" is that of profile and pair in the configuration folder.
        domain: that all segments are of; "" tells it by the graph's words.
        doubt: at which a draft is worth another step, where no calibration says what that gains.
        steps: the most workers that one segment goes through.

    Raises:
        ConfigurationError: the graph cannot be used, or an option is out of its range.
        UnknownNameError: the graph has no such domain.
    """

    name = "route"
    needs_specialist = False
    needs_generalist = True
    dispatches = True

    def __init__(
        self,
        graph: str = "",
        router: RouterName = "rules",
        model: str = "",
        domain: str = "",
        doubt: float = 0.25,
        steps: int = 3,
    ) -> None:
        if not 1 <= steps <= MOST_STEPS:
            raise ConfigurationError(f"steps is {steps}; expected 1 to {MOST_STEPS} workers for one segment.")
        self.graph = load_graph(graph)
        if domain and domain not in self.graph.domains:
            raise UnknownNameError(f"domain of the graph {self.graph.name}", domain, self.graph.domains)
        self.router = router
        self.model = model
        self.domain = domain
        self.doubt = doubt
        self.steps = steps
        asking = any(item.profile or item.fields.get("method", "refine") != "draft" for item in self.graph.workers)
        self.needs_generalist = asking or router == "token"

    @property
    def signature(self) -> str:
        """The name, the router, the graph and the options that decide."""
        told = [self.router, f"graph:{self.graph.signature}", f"doubt:{self.doubt:g}", f"steps:{self.steps}"]
        return f"{self.name}[{','.join([*told, *([f'domain:{self.domain}'] if self.domain else [])])}]"

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Return the segments as they are: workers prepare them."""
        return [Prepared(segment) for segment in segments]

    def built_router(self, default: Path, generalist: Generalist | None, seed: int) -> Router:
        """Return who chooses.

        Args:
            default: where the classifier is, if the options name none.
            generalist: who may be asked.
            seed: of its sampler.

        Raises:
            ConfigurationError: there is no classifier, or it belongs to another graph.
        """
        if self.router == "learned":
            from scalemt.methods.route.learned import LearnedRouter, load_router

            return LearnedRouter(load_router(Path(self.model) if self.model else default, self.graph.signature))
        return TokenRouter(generalist, seed) if self.router == "token" else RuleRouter()

    def request(self, segment: Segment, draft: Draft | None, kit: Kit) -> Request:
        """Return what is known of a segment before it is translated."""
        known = features_of(segment, kit.pair, draft, kit.found(segment))
        return Request(segment, kit.pair, known, self.domain or self.graph.domain(segment.text))

    def onward(
        self,
        request: Request,
        made: Translation,
        worker: Worker,
        there: Mapping[str, Worker],
        expected: Callable[[str], DeferralModel | None],
        kit: Kit,
    ) -> Onward:
        """Return which neighbour of a worker goes on with what it has made.

        Args:
            request: the segment.
            made: its translation by the worker.
            worker: who made it.
            there: the workers that can take the next step.
            expected: what a calibration expects of a worker, None without one.
            kit: of the pair.
        """
        names = [name for name in worker.neighbours if name in there]
        if not names:
            return Onward(None, "")
        after = self._after(request, made, kit)
        told: list[str] = []
        open_steps: list[tuple[float, str, str]] = []
        for name in names:
            other = there[name]
            if missing := other.missing(after):
                told.append(f"not {name}: {missing}")
                continue
            gain, why = self._gain(other, after, expected(name))
            if gain > 0:
                open_steps.append((gain, name, why))
            else:
                told.append(f"not {name}: {why}")
        if not open_steps:
            return Onward(None, "; ".join(told))
        _, name, why = max(open_steps)
        return Onward(name, why)

    @staticmethod
    def _after(request: Request, made: Translation, kit: Kit) -> Request:
        """Return what is known of a segment that has been translated: that takes the draft's place."""
        source = {name: value for name, value in request.features.items() if name not in DRAFT_FEATURES}
        draft = as_draft(made)
        told = draft_features(request.segment, request.pair, draft, kit.found(request.segment))
        return replace(request, features=source | told)

    def _gain(self, other: Worker, after: Request, model: DeferralModel | None) -> tuple[float, str]:
        """Return what a step is worth, above 0 if it is to be taken, and why."""
        if other.conditions or other.domains:
            return math.inf, "; ".join(other.reasons(after))
        if model:
            gain = model.expected_gain(after.features)
            return gain - _PRICE * other.cost, f"expected gain {gain:+.1f} chrF++, cost {other.cost:g}"
        found = worry(after.features)
        return found - self.doubt + 1e-9, f"doubt {found:.2f}, a step is taken from {self.doubt:g} on"


def router_path(folder: Path, profile: str, pair: Pair) -> Path:
    """Return where the learned router of a profile and pair lies under the configuration folder."""
    return folder / "routers" / profile / f"{pair.source}-{pair.target}.json"


def as_draft(made: Translation) -> Draft:
    """Return a translation as the draft of the next worker: with confidences where it is a draft unchanged."""
    for draft in made.drafts:
        if draft.text == made.text:
            return replace(draft, spans=made.spans)
    return Draft(made.text, engine=made.method, language=made.pair.target, spans=made.spans)
