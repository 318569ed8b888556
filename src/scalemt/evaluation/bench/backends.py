"""Engines for the arms of a bench: models are loaded once and shared; what decides a result is written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from scalemt.config import Configuration, Profile
from scalemt.engine import Engine
from scalemt.engine.assembly import Plan
from scalemt.engine.backends import build_generalist, build_specialist
from scalemt.engine.crew import DispatchPlan
from scalemt.engine.judging import Round, judge
from scalemt.errors import BackendError, MissingExtraError
from scalemt.evaluation.bench.arms import Arm
from scalemt.evaluation.bench.corruption import corrupted
from scalemt.generalists import Generalist
from scalemt.methods import Answer
from scalemt.specialists import Specialist
from scalemt.types import Candidate, Decoding, Pair, Segment, Usage

_IN_PROCESS = {"llamacpp", "transformers"}  # these load a model at first use, and ask nobody for money


class Backends:
    """Builds each specialist and generalist once, whatever the number of arms that use it.

    Args:
        configuration: where names are looked up.
        notice: told each thing a user should know, once.
        specialists, generalist: take the place of every arm's, as for `Engine`.
    """

    def __init__(
        self,
        configuration: Configuration,
        notice: Callable[[str], None],
        *,
        specialists: Sequence[Specialist] | None = None,
        generalist: Generalist | None = None,
    ) -> None:
        self._configuration = configuration
        self._notice = notice
        self._given = (specialists, generalist)
        self._built: dict[Hashable, Any] = {}
        self._told: set[str] = set()

    def engine(self, arm: Arm, pair: Pair, sources: Sequence[str]) -> Engine:
        """Return an engine for one arm on one pair.

        Args:
            sources: all sources of the test set, which corruption takes its substitutes from.

        Raises:
            UsageError: the arm cannot be assembled for the pair; the message says why.
        """
        specialists = self._specialists(arm.profile)
        engine = self._engine(arm.profile, specialists)
        plan = engine.plan(*pair, ask=False)
        if arm.corruption and plan.kit.road:
            drafted = [item for _, item in plan.kit.road.makers()]
            for made in drafted:
                specialists = [corrupted(item, made, arm.corruption, sources) for item in specialists]
            engine = self._engine(arm.profile, specialists)
        if plan.method.needs_generalist:
            engine.assembly.generalist = self._generalist(arm.profile)
        return engine

    def _engine(self, profile: Profile, specialists: Sequence[Specialist]) -> Engine:
        # With the cache on, an arm's seconds would be those of reading what another arm has paid for.
        profile = profile.model_copy(update={"cache": False})
        return Engine(profile, self._configuration, specialists=specialists, notice=self._tell)

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._notice(message)

    def _specialists(self, profile: Profile) -> list[Specialist]:
        if self._given[0] is not None:
            return list(self._given[0])
        if not profile.specialists:
            return []
        found = []
        for spec in profile.specialists:
            try:
                found.append(
                    self._once(
                        ("specialist", spec, profile.seed, profile.threads), build_specialist, spec, profile
                    )
                )
            except MissingExtraError:
                # As the engine does: of several specialists those that are not installed are left out.
                if len(profile.specialists) == 1:
                    raise
        return found

    def _generalist(self, profile: Profile) -> Generalist:
        if self._given[1] is not None:
            return self._given[1]
        key = ("generalist", profile.generalist, profile.threads)
        built: Generalist = self._once(key, build_generalist, profile.generalist, profile)
        return built

    def _once(self, key: Hashable, build: Callable[..., Any], spec: str, profile: Profile) -> Any:
        if key not in self._built:
            self._built[key] = build(spec, self._configuration, profile)
        return self._built[key]


def deciding(profile: Profile, plan: Plan) -> str:
    """Return everything that decides a result besides the source: the plan's signature and what it leaves out.

    The batch is a part of it, for a segment's seconds are the mean of its batch.
    """
    found: dict[str, Any] = {
        "signature": plan.signature,
        "batch": profile.batch,
        "max_characters": profile.max_characters,
    }
    if plan.method.needs_generalist:
        found |= _of_the_generalist(profile, plan)
    if isinstance(plan, DispatchPlan):
        found["workers"] = [deciding(hand.profile, hand.plan) for hand in plan.hands]
    return json.dumps(found, sort_keys=True, ensure_ascii=False)


def _of_the_generalist(profile: Profile, plan: Plan) -> dict[str, Any]:
    kit, gate = plan.kit, plan.gate
    pool = repr(kit.selector.pool) if kit.selector else ""
    gatherer = plan.gatherer
    return {
        "temperature": profile.temperature,
        "max_tokens": profile.max_tokens if "max_tokens" in profile.explicit else None,
        "confidences": kit.confidences if kit.road else None,
        "paths": kit.paths if plan.method.name == "multi-path" else None,
        "pool": sha256(pool.encode("utf-8", "surrogatepass")).hexdigest()[:12],
        "gate": [gate.threshold, repr(gate.scales)] if gate.mode == "quality" else None,
        **({"deferral": repr(plan.deferral)} if plan.budget < 1 else {}),
        "backward": gatherer.backward.signature if gatherer and gatherer.backward else None,
    }


def warm_up(plan: Plan, text: str) -> None:
    """Load what an arm uses and draft its demonstrations, so that no segment's seconds hold that.

    A generalist in this process completes one token and scores; a server, which may charge, is asked nothing.

    Args:
        text: a source that is not empty.
    """
    for part in plan.parts():
        _warm(part, text)


def _warm(plan: Plan, text: str) -> None:
    try:
        (prepared,) = plan.method.prepare([Segment(text)], plan.kit)
        local = plan.generalist if plan.generalist and plan.generalist.name in _IN_PROCESS else None
        if local and prepared.prompt:
            local.complete([prepared.prompt], Decoding(max_tokens=1))
        gatherer = replace(plan.gatherer, generalist=local) if plan.gatherer else None
        # A text that is not the draft has the gate gather all its evidence.
        other = Answer(Candidate(plan.method.name, f"{text} {text}"), None, Usage())
        rounds = [Round(plan.method.name, [other])] if plan.method.needs_generalist else []
        judge([prepared], rounds, replace(plan, gatherer=gatherer))
    except BackendError:
        return  # what really is wrong, the segments themselves will tell
