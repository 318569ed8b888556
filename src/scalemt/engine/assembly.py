"""Put together, once for each pair, what a profile asks for: method, road, demonstrations, gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from scalemt import languages
from scalemt.caching import FILE_NAME, CacheStore, bare, keep_generalist, keep_specialist, size_limit
from scalemt.config import Configuration, Profile
from scalemt.engine.adapting import refiner_for
from scalemt.engine.backends import build_generalist, build_method, build_specialists
from scalemt.engine.knowledge import Knowledge
from scalemt.engine.reusing import Reuse
from scalemt.engine.teaching import learn_correction, teach
from scalemt.errors import ConfigurationError, NoRoadError
from scalemt.folders import cache_dir, config_dir
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.glossary import TermFinder
from scalemt.memory.matching import MemorySelector
from scalemt.memory.recall import Memories
from scalemt.methods import METHODS, Kit, Method
from scalemt.prompts import load_template
from scalemt.quality.calibration import Calibration, calibration_path, load_calibration
from scalemt.quality.deferral import DeferralModel
from scalemt.quality.evidence import EvidenceGatherer
from scalemt.quality.gate import Gate
from scalemt.specialists import Specialist
from scalemt.specialists.learning import LearningSpecialist
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.specialists.road import DirectRoad, PivotRoad, RecordedRoad, Road, SeveralRoads, plan
from scalemt.text.splitting import check_splitter
from scalemt.types import Decision, Pair, Prompt, Segment
from scalemt.version import __version__


@dataclass(frozen=True)
class Plan:
    """How one pair is translated.

    `third` is the method whose answer the gate weighs as a third candidate. `decisions` are those that hold
    for every segment. `budget` is the largest share of segments that the generalist may be asked for, `deferral`
    what a calibration tells of the gain that is to be expected. `reuse` finds what need not be translated, and
    `memories` are those in use. `fixed` is what of the signature stays the same from segment to segment.
    """

    pair: Pair
    method: Method
    kit: Kit
    gate: Gate
    generalist: Generalist | None
    third: Method | None
    gatherer: EvidenceGatherer | None
    decisions: tuple[Decision, ...]
    backends: str
    fixed: str
    budget: float = 1.0
    deferral: DeferralModel | None = None
    reuse: Reuse | None = None
    memories: Memories | None = None

    @property
    def signature(self) -> str:
        """One line that says what produces a result now: a memory learns while a plan is in use."""
        told = [item.signature for item in (self.reuse, self.memories) if item]
        return "|".join([self.fixed, *told])

    def parts(self) -> Sequence[Plan]:
        """Return the plans that segments are translated by: itself, or, where it dispatches, those of others."""
        return (self,)

    def scoring_prompts(self, segments: Sequence[Segment]) -> list[Prompt | None]:
        """Return the prompts under which the generalist scores candidates: few-shot, without any draft."""
        if not isinstance(self.generalist, ScoringGeneralist):
            return [None] * len(segments)
        method: Method = METHODS.load("few-shot")()
        return [item.prompt.straight if item.prompt else None for item in method.prepare(segments, self.kit)]


Dispatch = Callable[["Assembly", Method, Pair, bool], Plan]
"""Makes the plan of a method that dispatches, as `Assembly.plan` makes that of others."""


class Assembly:
    """Builds backends at first use and plans each pair once; see `Engine` for the arguments.

    `dispatch` makes the plans of methods that translate nothing themselves (`Method.dispatches`).
    """

    def __init__(
        self,
        profile: Profile,
        configuration: Configuration,
        *,
        specialists: Sequence[Specialist] | None = None,
        generalist: Generalist | None = None,
        drafts: RecordedSpecialist | None = None,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        if profile.splitter != "srx":
            check_splitter(profile.splitter)
        self.profile = profile
        self.configuration = configuration
        self.drafts = drafts
        self.notice = notice or (lambda _: None)
        self.knowledge = Knowledge(profile, self.notice)
        self.store = CacheStore(cache_dir() / FILE_NAME, size_limit(), self.notice) if profile.cache else None
        if specialists is not None:
            self.specialists = [self._kept(specialist) for specialist in specialists]
        if generalist is not None:
            self.generalist = keep_generalist(generalist, self.store) if self.store else generalist
        self.calibrated = True
        self.dispatch: Dispatch | None = None
        # Around generalists beside that of the profile: a job writes down what they answer, and counts it.
        self.beside: Callable[[Generalist], Generalist] = lambda built: built
        # Makes them; a server shares them between its engines.
        self.building: Callable[[str], Generalist] = lambda spec: build_generalist(spec, configuration, profile)
        self._others: dict[str, Generalist] = {}
        self._plans: dict[tuple[Pair, bool], Plan] = {}

    @cached_property
    def specialists(self) -> list[Specialist]:
        """The profile's specialists in order; in a list of several, those not installed are left out."""
        return [self._kept(item) for item in build_specialists(self.profile, self.configuration)]

    @cached_property
    def generalist(self) -> Generalist:
        """The profile's generalist."""
        built = build_generalist(self.profile.generalist, self.configuration, self.profile)
        return keep_generalist(built, self.store) if self.store else built

    def other_generalist(self, spec: str) -> Generalist | None:
        """Return a generalist beside that of the profile, by name; None where that is it.

        Raises:
            UnknownNameError: there is none of that name.
            ConfigurationError: an option is unknown or lacks.
        """
        if spec == self.profile.generalist:
            return None
        if spec not in self._others:
            built = self.beside(self.building(spec))
            self._others[spec] = keep_generalist(built, self.store) if self.store else built
        return self._others[spec]

    @property
    def generalists(self) -> list[Generalist]:
        """The profile's generalist, and what was built beside it."""
        return [self.generalist, *self._others.values()]

    def _kept(self, specialist: Specialist) -> Specialist:
        """Have drafts and scores kept on disk, where the profile wants that."""
        return keep_specialist(specialist, self.store) if self.store else specialist

    def correct(self, text: str, translation: str, pair: Pair, about: Mapping[str, str]) -> None:
        """Keep a correction in the first memory and in the specialists that learn; see `Engine.correct`."""
        memories = self.knowledge.memories
        if memories is not None:
            # First of all: whatever is wrong with a specialist, the correction is not lost.
            memories.correct(text, translation, pair, **about)
        learners = self._learners(pair)
        if memories is None and not learners:
            raise ConfigurationError(
                "There is nothing that could learn from a correction: name a memory with --memory FILE, or a "
                "specialist that learns (thot)."
            )
        for learner in learners:
            learn_correction(learner, memories, text, translation, pair)
        self.forget()

    def forget(self) -> None:
        """Have each pair planned anew: plans have drafted demonstrations, and say what they were made with."""
        self._plans.clear()

    def _learners(self, pair: Pair) -> list[LearningSpecialist]:
        """Return the specialists of a pair that learn."""
        found = (bare(item) for item in self.specialists if item.supports(pair))
        return [item for item in found if isinstance(item, LearningSpecialist)]

    @property
    def planned(self) -> int:
        """How many pairs are planned: each keeps demonstrations, terms and indexes of its own."""
        return len(self._plans)

    def plan(self, pair: Pair, *, ask: bool = True) -> Plan:
        """Return the plan for a pair; see `Engine.plan`."""
        if (pair, ask) not in self._plans:
            self._plans[pair, ask] = self._plan(pair, ask)
        return self._plans[pair, ask]

    def _plan(self, pair: Pair, ask: bool) -> Plan:
        calibration = self._calibration(pair)
        method = self._method(pair, calibration)
        if method.dispatches and self.dispatch:
            return self.dispatch(self, method, pair, ask)
        road, missing = self._found_road(pair, method)
        if road and self.knowledge.memories:
            teach(self._learners(pair), self.knowledge.memories, pair, self.notice)
        method, decisions = self._by_road(method, road)
        decisions += missing
        _require_drafts(method, road, pair, self.profile.budget)
        ask = ask and self.profile.budget > 0
        finder = self.knowledge.finder(pair)
        _require_terms(method, finder, pair)
        generalist = self.generalist if method.needs_generalist and ask else None
        adapted = generalist and refiner_for(self.profile, method, road, pair, generalist.signature, calibration)
        if adapted:
            generalist = self.other_generalist(adapted.name)
            decisions += (adapted.decision,)
        kit = self._kit(pair, method, road, generalist, self._shots(calibration, generalist))
        kit.terms = finder
        kit.gatherer = self._gatherer(pair, road, generalist)
        kit.planner = self._road_between
        kit.builder = self.other_generalist
        backends = self._backends(road, generalist, kit.template.signature)
        if calibration and calibration.backends != backends and generalist:
            self.notice(
                f"The calibration of {pair} was made with other backends and is left aside: run scalemt calibrate."
            )
            calibration = None
        if adapted and not calibration and self.calibrated:
            calibration = adapted.calibration
        third = self._third(method, calibration)
        reuse = self._reuse(pair)
        remembers = reuse is not None or isinstance(kit.selector, MemorySelector)
        gate = kit.gate = replace(
            self._gate(calibration),
            aims_at_terms=method.aims_at_terms,
            wants_terms=method.wants_terms,
            aims_at_rules=method.aims_at_rules,
        )
        return Plan(
            pair=pair,
            method=method,
            kit=kit,
            gate=gate,
            generalist=generalist,
            third=third,
            gatherer=kit.gatherer if gate.mode == "quality" else None,
            decisions=decisions,
            backends=backends,
            fixed=self._signature(method, backends, kit, gate, third, calibration),
            budget=self.profile.budget,
            deferral=calibration.deferral.get(gate.mode) if calibration else None,
            reuse=reuse,
            memories=self.knowledge.memories if remembers else None,
        )

    def _kit(
        self, pair: Pair, method: Method, road: Road | None, generalist: Generalist | None, shots: int
    ) -> Kit:
        template = load_template(self._template_name(method, generalist))
        # Nobody is shown demonstrations where nobody may be asked.
        shown = method.needs_generalist and self.profile.budget > 0
        if method.hints and not template.shows("hints"):
            self.notice(f"The prompt template {template.name} shows no hints: they are left out.")
        return Kit(
            pair=pair,
            template=template,
            selector=self.knowledge.selector(pair, shots, method) if shown else None,
            road=road,
            paths=self.profile.paths,
            confidences=method.shows_confidences and self._confidences(template.kind),
            notice=self.notice,
            context=self._context(template.kind) if generalist else 0,
            variety=self.knowledge.variety(pair),
            splitter=self.profile.splitter,
            memories=self.knowledge.memories,
            hints=method.hints if template.shows("hints") else (),
        )

    def _reuse(self, pair: Pair) -> Reuse | None:
        """Drafts recorded elsewhere belong to all segments, one by one: then none is left out."""
        memories = self.knowledge.memories
        if memories is None or self.profile.reuse == "off" or self.drafts is not None:
            return None
        return Reuse(memories, pair, only_in_context=self.profile.reuse == "context")

    def _calibration(self, pair: Pair) -> Calibration | None:
        if self.drafts is not None or not self.calibrated:
            return None
        return load_calibration(calibration_path(config_dir(), self.profile.name, pair))

    def _method(self, pair: Pair, calibration: Calibration | None) -> Method:
        name = self.profile.method
        if calibration and "method" not in self.profile.explicit:
            name = calibration.method
        # Options are those of the profile's own method, not of one that a calibration chose.
        return build_method(name, self.profile.options if name == self.profile.method else {})

    def _found_road(self, pair: Pair, method: Method) -> tuple[Road | None, tuple[Decision, ...]]:
        """Return the road of a method that drafts; where it can do without, what is missing is a decision."""
        if method.needs_specialist:
            return self._road(pair, method), ()
        if not method.drafts_where_possible:
            return None, ()
        try:
            return self._road(pair, method), ()
        except NoRoadError:
            why = f"no specialist covers {pair}, so no draft can take the place of an answer"
            return None, (Decision("road", "none", why),)

    def _road_between(self, pair: Pair) -> Road | None:
        """Return how the specialists get from one language to another, whatever pair is translated."""
        try:
            return plan(pair, self.specialists, None, self.profile.splitter)
        except NoRoadError:
            return None

    def _road(self, pair: Pair, method: Method) -> Road:
        pivot = languages.parse(self.profile.pivot) if self.profile.pivot else None
        if self.drafts is not None:
            return RecordedRoad(self.drafts, pair, pivot)
        if (
            method.name == "multi-path"
            and len(self.profile.specialists) > 1
            and "specialists" in self.profile.explicit
        ):
            return SeveralRoads(
                [plan(pair, [specialist], pivot, self.profile.splitter) for specialist in self.specialists]
            )
        road = plan(pair, self.specialists, pivot, self.profile.splitter)
        if isinstance(road, PivotRoad) and road.second is None and not method.needs_generalist:
            raise NoRoadError(
                f"No specialist covers the second leg {road.pivot}->{pair.target} of {pair}, so there is no draft "
                f"in {languages.name(pair.target)}. The method pivot lets the generalist make that step."
            )
        return road

    def _by_road(self, method: Method, road: Road | None) -> tuple[Method, tuple[Decision, ...]]:
        """Refining drafts in another language is pivoting, whatever the method was called."""
        if not isinstance(road, PivotRoad):
            return method, ()
        second = road.second.name if road.second else "the generalist"
        why = f"{road.pair.source} to {road.pivot} by {road.first.name}, on to {road.pair.target} by {second}"
        decisions = (Decision("road", f"pivot {road.pivot}", why),)
        if method.name == "refine":
            pivoting: Method = METHODS.load("pivot")()
            pivoting.hints = method.hints
            return pivoting, decisions
        return method, decisions

    def _template_name(self, method: Method, generalist: Generalist | None) -> str:
        if self.profile.template != "auto":
            return self.profile.template
        # A dry run asks nobody: then what the profile's generalist would be is not known, and scale is shown.
        kind = "base" if generalist is not None and generalist.kind == "base" else "chat"
        own = getattr(generalist, "template", "")
        # A model that was trained on one template is best asked by it, but some methods need one of their own.
        return method.template.get(kind) or own or ("plain" if kind == "base" else "scale")

    def _confidences(self, kind: str) -> bool:
        if self.profile.confidences is not None:
            return self.profile.confidences
        return kind == "chat"

    def _context(self, kind: str) -> int:
        if self.profile.context and kind == "plain":
            self.notice("A base model only continues a text: it is shown no context. Use a chat model for that.")
            return 0
        return self.profile.context

    def _shots(self, calibration: Calibration | None, generalist: Generalist | None) -> int:
        if "shots" in self.profile.explicit:
            return self.profile.shots
        most = self.knowledge.most_shots()
        if most is not None:
            return most
        # A refiner was trained on so many: a calibration may have been made with another generalist.
        wanted: int | None = getattr(generalist, "shots", None)
        if wanted is not None:
            return wanted
        return calibration.shots if calibration else self.profile.shots

    def _third(self, method: Method, calibration: Calibration | None) -> Method | None:
        name = self.profile.third
        if calibration and "third" not in self.profile.explicit:
            name = "few-shot" if calibration.third == "few-shot" else "none"
        if name == "none" or method.name in (name, "draft") or self.profile.gate != "quality":
            return None
        third: Method = METHODS.load(name)()
        return third

    def _gate(self, calibration: Calibration | None) -> Gate:
        if calibration is None:
            return Gate(self.profile.gate)
        return Gate(self.profile.gate, calibration.scales, calibration.threshold)

    def _gatherer(self, pair: Pair, road: Road | None, generalist: Generalist | None) -> EvidenceGatherer:
        """Through a pivot, candidates are compared with the pivot draft, by specialists of the second leg."""
        compared, forward = pair, None
        if isinstance(road, DirectRoad):
            forward = road.specialist
        elif isinstance(road, PivotRoad):
            compared, forward = Pair(road.pivot, pair.target), road.second
        backward = None
        if road:
            backward = next((item for item in self.specialists if item.supports(compared.reversed)), None)
        return EvidenceGatherer(generalist, forward, backward)

    def _backends(self, road: Road | None, generalist: Generalist | None, template: str) -> str:
        parts = [f"specialist:{road.signature if road else 'none'}"]
        if generalist:
            parts += [f"generalist:{generalist.signature}", f"template:{template}"]
        return "|".join(parts)

    def _signature(
        self,
        method: Method,
        backends: str,
        kit: Kit,
        gate: Gate,
        third: Method | None,
        calibration: Calibration | None,
    ) -> str:
        shown = f"{kit.selector.name}{kit.selector.shots}" if kit.selector else "none"
        if isinstance(kit.selector, MemorySelector):
            shown += f"[floor:{kit.selector.floor:g}]"
        parts = [f"scalemt:{__version__}", f"pair:{kit.pair}", f"method:{method.signature_for(kit)}", backends]
        if method.samples_paths:
            parts.append(f"paths:{kit.paths}")
        if method.needs_generalist and kit.road:
            parts.append(f"confidences:{'shown' if kit.confidences else 'hidden'}")
        if method.needs_generalist:
            parts += [f"demonstrations:{shown}", f"seed:{self.profile.seed}", f"gate:{gate.mode}"]
        if kit.hints:
            parts.append(f"hints:{'+'.join(kit.hints)}")
        if method.needs_generalist and self.profile.budget < 1:
            parts.append(f"budget:{self.profile.budget:.6g}")
        if third:
            parts.append(f"third:{third.name}")
        if kit.context:
            parts.append(f"context:{kit.context}")
        parts += self.knowledge.signature(kit.pair, kit.terms)
        parts += self._protection()
        if calibration:
            parts.append("calibrated:yes")
        return "|".join(parts)

    def _protection(self) -> list[str]:
        """What differs from the default in how texts are cut and protected."""
        told = [] if self.profile.protect else ["protect:off"]
        if self.profile.do_not_translate:
            listed = "\n".join(self.profile.do_not_translate)
            told.append(f"kept:{sha256(listed.encode()).hexdigest()[:8]}")
        return told if self.profile.splitter == "srx" else [*told, f"splitter:{Path(self.profile.splitter).name}"]


def require_generalist(plan_: Plan) -> Generalist:
    """Return the generalist of a plan, or say that there is none."""
    if plan_.generalist is None:
        raise ConfigurationError(f"The method {plan_.method.name} needs a generalist, and none is configured.")
    return plan_.generalist


def _require_drafts(method: Method, road: Road | None, pair: Pair, budget: float) -> None:
    """Refuse a budget where no draft can take the place of an answer.

    Raises:
        ConfigurationError: the method or its road gives no draft in the target language.
    """
    if budget >= 1 or not method.needs_generalist or (road is not None and _stands(road, pair)):
        return
    raise ConfigurationError(
        f"The budget is {budget:g}, but the method {method.name} has no draft in the target language of {pair} "
        "that could stand in the place of an answer. Leave the budget at 1, or choose refine with a specialist of "
        "the pair."
    )


def _require_terms(method: Method, finder: TermFinder | None, pair: Pair) -> None:
    """Refuse a method that works by terms where there are none.

    Raises:
        ConfigurationError: no glossary is named.
    """
    if method.needs_glossary and finder is None:
        raise ConfigurationError(
            f"The method {method.name} needs a glossary for {pair}. Name one with --glossary FILE "
            "(CSV, TSV, TBX or UTX), or glossary in the profile."
        )


def _stands(road: Road, pair: Pair) -> bool:
    if isinstance(road, PivotRoad):
        return road.second is not None
    return not isinstance(road, RecordedRoad) or languages.base(road.language) == languages.base(pair.target)
