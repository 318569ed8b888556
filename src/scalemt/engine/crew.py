"""The workers of a graph as plans: each built by its own profile, with the models of the others.

A method that dispatches translates nothing itself. Its plan holds the plans of others, and who chooses among them.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from scalemt.caching import keep_specialist
from scalemt.config import Profile
from scalemt.engine.assembly import Assembly, Plan
from scalemt.engine.backends import build_method, build_specialist
from scalemt.errors import ConfigurationError, MissingExtraError, UsageError
from scalemt.folders import config_dir
from scalemt.generalists import Generalist
from scalemt.methods import Kit, Method
from scalemt.methods.route import RouteMethod, Router, Worker
from scalemt.methods.route.method import router_path
from scalemt.methods.route.rules import RuleRouter
from scalemt.prompts import load_template
from scalemt.quality.gate import Gate
from scalemt.specialists import Specialist
from scalemt.types import Pair
from scalemt.version import __version__

_RUNNING = ("cache", "threads", "budget", "batch")  # fields that say how a run works, whatever a worker does


@dataclass(frozen=True)
class Hand:
    """A worker that is there for a pair, and what it works by."""

    worker: Worker
    profile: Profile
    plan: Plan


@dataclass(frozen=True)
class DispatchPlan(Plan):
    """How a pair is translated by several workers.

    Args:
        hands: who is there, in the order of the graph.
        router: who chooses.
        general: who gets what no other is for.
        drafter: whose drafts tell of a segment before it is given to anybody; None where nobody drafts.
        left_out: why others of the graph are not there.
        graph: signature of the graph.
    """

    hands: tuple[Hand, ...] = ()
    router: Router = field(default_factory=RuleRouter)
    general: str = ""
    drafter: Hand | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    graph: str = ""

    def parts(self) -> Sequence[Plan]:
        """Return the plans of all workers."""
        return [hand.plan for hand in self.hands]

    @property
    def workers(self) -> list[Worker]:
        """The workers that are there."""
        return [hand.worker for hand in self.hands]


def worker_profile(worker: Worker, assembly: Assembly, graph: str) -> Profile:
    """Return what a worker works by: the profile that routes, or a named one, with the worker's own fields.

    Raises:
        UnknownNameError: no such profile, or no such method.
        ConfigurationError: a field or an option is unknown, has a value that it cannot have, or the worker routes.
    """
    base = assembly.profile
    kept = base.model_dump(include=base.explicit - {"method", "options", "name"})
    if worker.profile:
        kept = {name: value for name, value in kept.items() if name in _RUNNING}
        other = assembly.configuration.profile(worker.profile)
        kept = other.model_dump(include=other.explicit - {"name"}) | kept
    try:
        named = {"name": worker.profile or base.name, "method": "refine"}
        profile = Profile(**{**named, **kept, **worker.fields})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        told = "there is no such field" if fault["type"] == "extra_forbidden" else fault["msg"]
        raise ConfigurationError(
            f"In the graph {graph}, the worker {worker.name}: {place} is {fault['input']!r}: {told}."
        ) from None
    if build_method(profile.method, profile.options).dispatches:
        raise ConfigurationError(
            f"In the graph {graph} the worker {worker.name} routes in its turn, by the profile {worker.profile}. "
            "Put its workers into one graph instead."
        )
    return profile


class Crew:
    """Plans the workers of a graph, pair by pair; models are built once, whatever number of workers uses them."""

    def __init__(self) -> None:
        self._assemblies: dict[Hashable, Assembly] = {}
        self._built: dict[Hashable, Any] = {}

    def __call__(self, assembly: Assembly, method: Method, pair: Pair, ask: bool) -> DispatchPlan:
        """Return the plan of a pair; see `Assembly.plan`.

        Raises:
            UsageError: none of the workers can be built, or one of them is wrong however it is built.
        """
        if not isinstance(method, RouteMethod):
            raise ConfigurationError(f"The method {method.name} dispatches, and nobody knows to whom.")
        if assembly.drafts is not None:
            raise ConfigurationError(
                "The method route has its workers draft; drafts recorded elsewhere go with another method."
            )
        hands, left_out = self._hands(assembly, method, pair, ask)
        if not hands:
            why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
            raise ConfigurationError(f"No worker of the graph {method.graph.name} can take {pair}. {why}")
        if method.graph.name != "built-in":
            for name, reason in left_out.items():
                assembly.notice(f"The worker {name} is left out for {pair}: {reason}")
        return self._plan(assembly, method, pair, hands, left_out, ask)

    def _hands(
        self, assembly: Assembly, method: RouteMethod, pair: Pair, ask: bool
    ) -> tuple[list[Hand], dict[str, str]]:
        hands, left_out = list[Hand](), dict[str, str]()
        for worker in method.graph.workers:
            profile = worker_profile(worker, assembly, method.graph.name)
            try:
                hands.append(self._hand(assembly, worker, profile, pair, ask))
            except UsageError as fault:
                left_out[worker.name] = str(fault)
        return hands, left_out

    def _hand(self, assembly: Assembly, worker: Worker, profile: Profile, pair: Pair, ask: bool) -> Hand:
        """Return a worker at work.

        Raises:
            UsageError: it cannot be built for the pair.
        """
        if not worker.takes(pair):
            raise ConfigurationError(f"it is for other languages than {pair}.")
        asks = build_method(profile.method, profile.options).needs_generalist
        if asks and profile.budget == 0:
            raise ConfigurationError("the budget is 0, and it asks a generalist.")
        own = self._assembly(assembly, worker, profile)
        own.specialists = self._specialists(assembly, profile)
        if asks and ask:
            own.generalist = self._generalist(assembly, profile)
        plan = own.plan(pair, ask=ask)
        plan.kit.builder = partial(self._other, assembly, profile)
        return Hand(worker, profile, plan)

    def _assembly(self, assembly: Assembly, worker: Worker, profile: Profile) -> Assembly:
        key = (worker.name, profile.model_dump_json())
        if key not in self._assemblies:
            own = Assembly(profile, assembly.configuration, notice=assembly.notice)
            own.store = assembly.store
            self._assemblies[key] = own
        own = self._assemblies[key]
        own.calibrated = assembly.calibrated
        own.knowledge.share(assembly.knowledge)
        own.forget()  # what was planned before may know less than what is known now
        return own

    def _specialists(self, assembly: Assembly, profile: Profile) -> list[Specialist]:
        """Return the specialists of a worker; those that are not installed are left out, if there are others."""
        base = assembly.profile
        if profile.specialists == base.specialists and profile.seed == base.seed:
            return assembly.specialists
        if len(assembly.specialists) == len(base.specialists):
            for spec, known in zip(base.specialists, assembly.specialists, strict=True):
                self._built.setdefault(("specialist", spec, base.seed), known)
        found: list[Specialist] = []
        for spec in profile.specialists:
            key = ("specialist", spec, profile.seed)
            try:
                if key not in self._built:
                    made = build_specialist(spec, assembly.configuration, profile)
                    self._built[key] = keep_specialist(made, assembly.store) if assembly.store else made
            except MissingExtraError:
                if len(profile.specialists) == 1:
                    raise
            else:
                found.append(self._built[key])
        return found

    def _generalist(self, assembly: Assembly, profile: Profile) -> Generalist:
        return self._named(assembly, profile.generalist)

    def _other(self, assembly: Assembly, profile: Profile, spec: str) -> Generalist | None:
        """Return a generalist that a worker's method names; None where that is the worker's own."""
        return None if spec == profile.generalist else self._named(assembly, spec)

    def _named(self, assembly: Assembly, spec: str) -> Generalist:
        """Return a generalist by name: that of the profile that routes, or one beside it, built once."""
        if spec not in self._built:
            self._built[spec] = assembly.other_generalist(spec)
        built: Generalist | None = self._built[spec]
        return assembly.generalist if built is None else built

    @staticmethod
    def _plan(
        assembly: Assembly,
        method: RouteMethod,
        pair: Pair,
        hands: Sequence[Hand],
        left_out: Mapping[str, str],
        ask: bool,
    ) -> DispatchPlan:
        profile = assembly.profile
        router_asks = method.router == "token" and ask and profile.budget > 0
        asked = assembly.generalist if router_asks else None
        router = method.built_router(router_path(config_dir(), profile.name, pair), asked, profile.seed)
        drafting = [hand for hand in hands if hand.plan.kit.road]
        drafter = min(
            drafting, key=lambda hand: (hand.plan.method.name != "draft", hand.worker.cost), default=None
        )
        names = [hand.worker.name for hand in hands]
        plain = min(
            hands, key=lambda hand: (bool(hand.worker.conditions or hand.worker.domains), hand.worker.cost)
        )
        own = copy.copy(method)
        own.needs_generalist = router_asks or any(hand.plan.method.needs_generalist for hand in hands)
        own.sequential = any(hand.plan.method.sequential for hand in hands)
        kit = Kit(
            pair=pair,
            template=load_template("plain"),
            road=drafter.plan.kit.road if drafter else None,
            notice=assembly.notice,
            context=max(hand.plan.kit.context for hand in hands),
            terms=assembly.knowledge.finder(pair),
            variety=assembly.knowledge.variety(pair),
            splitter=profile.splitter,
            memories=assembly.knowledge.memories,
        )
        for hand in hands:
            hand.plan.kit.translated = kit.translated  # a worker's prompts show what others have translated before
        backends = "|".join(
            dict.fromkeys(part for hand in hands for part in hand.plan.backends.split("|") if part)
        )
        reuse = assembly._reuse(pair)
        return DispatchPlan(
            pair=pair,
            method=own,
            kit=kit,
            gate=Gate(profile.gate),
            generalist=asked or next((hand.plan.generalist for hand in hands if hand.plan.generalist), None),
            third=None,
            gatherer=None,
            decisions=(),
            backends=backends,
            fixed=_signature(assembly, own, pair, hands, backends, router),
            reuse=reuse,
            memories=assembly.knowledge.memories if reuse else None,
            hands=tuple(hands),
            router=router,
            general=method.graph.general if method.graph.general in names else plain.worker.name,
            drafter=drafter,
            left_out=left_out,
            graph=method.graph.signature,
        )


def _signature(
    assembly: Assembly, method: Method, pair: Pair, hands: Sequence[Hand], backends: str, router: Router
) -> str:
    """Return one line that says what produced a result: of each worker, the hash of its own."""
    told = "+".join(f"{hand.worker.name}:{sha256(hand.plan.fixed.encode()).hexdigest()[:8]}" for hand in hands)
    parts = [f"scalemt:{__version__}", f"pair:{pair}", f"method:{method.signature}", f"workers:{told}", backends]
    if model := getattr(router, "model", None):
        parts.append(f"router:{sha256(repr(model).encode()).hexdigest()[:8]}")
    return "|".join([*parts, *assembly._protection()])
