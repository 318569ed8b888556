"""A run of several plans: each piece goes to a worker, those of one worker together, and all come out in order.

Cutting, what a memory holds, windows and order are those of every run. Only what becomes of the pieces of a window
is decided by several plans: a router gives each to a worker, and neighbours of that one may go on with it.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scalemt.config import Profile
from scalemt.engine.crew import DispatchPlan, Hand
from scalemt.engine.running import Progress, Run
from scalemt.errors import BackendError
from scalemt.methods import METHODS, Kit, Method, Prepared
from scalemt.methods.route import Choice, Request, RouteMethod
from scalemt.methods.route.method import Onward, as_draft
from scalemt.specialists.road import DirectRoad, Drafted, Road
from scalemt.types import Decision, Draft, Pair, Segment, Step, Translation

_TOLD = 4  # probabilities that a decision shows


class GivenRoad(DirectRoad):
    """A direct road whose drafts of some segments have been made already; others are made as ever."""

    def __init__(self, road: DirectRoad, drafted: Mapping[Segment, Drafted]) -> None:
        super().__init__(road.specialist, road.pair, road.splitter)
        self._drafted = drafted

    def draft(self, segments: Sequence[Segment], paths: int = 0) -> list[Drafted]:
        """Hand out what is there, and draft the others; samples are always drawn."""
        missing = [segment for segment in segments if paths or segment not in self._drafted]
        made = iter(super().draft(missing, paths) if missing else [])
        return [next(made) if paths or item not in self._drafted else self._drafted[item] for item in segments]


class FoundRoad(Road):
    """Drafts of segments that have been made already, and none of others."""

    def __init__(self, pair: Pair, drafted: Mapping[Segment, Drafted]) -> None:
        self.pair = pair
        self._drafted = drafted

    @property
    def signature(self) -> str:
        """The word "given"."""
        return "given"

    def draft(self, segments: Sequence[Segment], paths: int = 0) -> list[Drafted]:
        """Hand out what is there."""
        return [self._drafted.get(segment, Drafted((), None)) for segment in segments]


@dataclass(frozen=True)
class Assigned(Prepared):
    """A piece with the worker that it was given to.

    Args:
        request: what is known of it.
        choice: who gets it; None while that is still to be asked.
        inner, third: what the worker has prepared, and its third candidate's prompt.
        told: what there is to be told of the way here.
    """

    request: Request | None = None
    choice: Choice | None = None
    inner: Prepared | None = None
    third: Prepared | None = None
    told: tuple[Decision, ...] = ()


@dataclass
class _Course:
    """A piece on its way through workers: who has it, what was made of it so far, and what was told."""

    request: Request
    choice: Choice
    worker: str
    made: Translation
    steps: list[Step] = field(default_factory=list)
    told: list[Decision] = field(default_factory=list)
    open: bool = True  # whether neighbours may still go on

    def result(self) -> Translation:
        """Return the translation, with all that was decided and spent on the way."""
        return replace(
            self.made,
            method=RouteMethod.name,
            decisions=tuple(self.told),
            usage=sum((step.usage for step in self.steps), self.choice.usage),
            steps=tuple(self.steps),
        )


class DispatchRun(Run):
    """One run of a plan that dispatches; see `Run`."""

    def __init__(self, profile: Profile, plan: DispatchPlan, progress: Progress) -> None:
        super().__init__(profile, plan, progress)
        assert isinstance(plan.method, RouteMethod)  # noqa: S101  # the crew plans no other
        self._route = plan.method
        self._crew = plan
        self._by_name = {hand.worker.name: hand for hand in plan.hands}
        self._runs = {name: self._hired(hand) for name, hand in self._by_name.items()}

    def _hired(self, hand: Hand) -> Run:
        """Return the run of one worker; specialists, and the wish to stop, are common to all."""
        run = Run(hand.profile, hand.plan, lambda _: None)
        run._specialists, run._stopped = self._specialists, self._stopped
        return run

    def _begin_anew(self) -> None:
        super()._begin_anew()
        for run in self._runs.values():
            run._begin_anew()

    # Who gets what.

    def _ready(self, pieces: Sequence[Segment]) -> tuple[Sequence[Prepared], Sequence[Prepared]]:
        if self._crew.router.asks:  # while pieces are prepared, no generalist is called
            return [Assigned(piece) for piece in pieces], []
        return self._assigned(pieces), []

    def _assigned(self, pieces: Sequence[Segment]) -> list[Assigned]:
        """Return pieces with the workers that get them, and what these have prepared."""
        drafted, told = self._drafts(pieces)
        requests = self._requests(pieces, drafted)
        choices = self._crew.router.route(requests, self._crew.workers, self._crew.general)
        done: list[Assigned] = [Assigned(piece) for piece in pieces]
        for name, places in _groups([choice.worker for choice in choices], self._by_name):
            run = self._given(name, drafted) if drafted else self._run(name)
            prepared, thirds = run._ready([pieces[place] for place in places])
            for number, place in enumerate(places):
                inner = prepared[number]
                done[place] = Assigned(
                    pieces[place],
                    inner.drafts,
                    inner.standing,
                    inner.demonstrations,
                    inner.prompt,
                    request=requests[place],
                    choice=choices[place],
                    inner=inner,
                    third=thirds[number] if thirds else None,
                    told=told,
                )
        return done

    def requests(self, segments: Sequence[Segment]) -> list[Request]:
        """Return what a router would know of segments; specialists draft them, no generalist is called."""
        return self._requests(segments, self._drafts(segments)[0])

    def _requests(self, pieces: Sequence[Segment], drafted: Mapping[Segment, Drafted]) -> list[Request]:
        drafts = [drafted[piece].standing if piece in drafted else None for piece in pieces]
        return [
            self._route.request(piece, draft, self._crew.kit) for piece, draft in zip(pieces, drafts, strict=True)
        ]

    def _drafts(self, pieces: Sequence[Segment]) -> tuple[Mapping[Segment, Drafted], tuple[Decision, ...]]:
        """Draft pieces before they are given to anybody: what the drafts tell decides who gets them."""
        drafter = self._crew.drafter
        if drafter is None or drafter.plan.kit.road is None:
            return {}, ()
        try:
            with self._specialists:
                drafted = drafter.plan.kit.road.draft(pieces)
        except BackendError as fault:
            return {}, (Decision("route", "no draft", f"nothing is known of a draft: {fault}"),)
        return dict(zip(pieces, drafted, strict=True)), ()

    def _run(self, name: str) -> Run:
        run = self._runs[name]
        run._alone = self._alone
        return run

    def _given(self, name: str, drafted: Mapping[Segment, Drafted]) -> Run:
        """Return the run of a worker with drafts that its own road would make in the same way."""
        run, road = self._run(name), self._by_name[name].plan.kit.road
        own = self._crew.drafter.plan.kit.road if self._crew.drafter else None
        if not isinstance(road, DirectRoad) or own is None or road.signature != own.signature:
            return run
        return _with_road(run, GivenRoad(road, drafted))

    # What becomes of it.

    def _judged(
        self, prepared: Sequence[Prepared], thirds: Sequence[Prepared], tick: Progress
    ) -> list[Translation]:
        self._check_wanted()
        items = [item for item in prepared if isinstance(item, Assigned)]
        if any(item.inner is None for item in items):
            items = self._assigned([item.segment for item in items])
        courses = self._begun(items, tick)
        self._mended(courses)
        for _ in range(self._route.steps - 1 if self._crew.router.follows else 0):
            if not self._gone_on(courses):
                break
        return [course.result() for course in courses]

    def _begun(self, items: Sequence[Assigned], tick: Progress) -> list[_Course]:
        """Have each piece translated by the worker that it was given to."""
        done: dict[int, _Course] = {}
        for name, places in _groups([item.choice.worker for item in items if item.choice], self._by_name):
            began = time.perf_counter()
            group = [items[place] for place in places]
            thirds = [item.third for item in group if item.third]
            made = self._run(name)._judged([item.inner for item in group if item.inner], thirds, tick)
            seconds = (time.perf_counter() - began) / len(places)
            for place, item, translation in zip(places, group, made, strict=True):
                assert item.request  # noqa: S101  # `_assigned` has set both
                assert item.choice  # noqa: S101
                course = _Course(item.request, item.choice, name, translation)
                course.told += [*item.told, *_chosen(item.choice), *translation.decisions]
                others = tuple(other for other in self._by_name if other != name)
                step = self._step(name, item.choice.router, item.choice.reason, translation, seconds)
                known = tuple(item.choice.probabilities.items())
                course.steps.append(replace(step, probabilities=known, alternatives=others))
                done[place] = course
        return [done[place] for place in range(len(items))]

    def _step(self, name: str, router: str, reason: str, made: Translation, seconds: float) -> Step:
        plan = self._by_name[name].plan
        return Step(name, router, reason, made.text, True, made.usage, seconds, plan.signature)

    def _mended(self, courses: Sequence[_Course]) -> None:
        """Give pieces that their worker failed on to the general one."""
        general = self._crew.general
        failed = [course for course in courses if course.made.error and course.worker != general]
        if not failed:
            return
        self._check_wanted()
        made, seconds = self._worked(self._run(general), [course.request.segment for course in failed])
        for course, translation in zip(failed, made, strict=True):
            why = f"{course.worker} failed: {course.made.error}"
            course.told.append(Decision("route", general, why))
            self._took(course, general, "fallback", why, translation, seconds)

    def _gone_on(self, courses: Sequence[_Course]) -> bool:
        """Have neighbours go on with what was made, where that is worth it; return whether anybody did."""
        onward = [self._onward(course) for course in courses]
        for course, step in zip(courses, onward, strict=True):
            course.open = step.worker is not None
            if step.worker is None and step.reason:
                course.told.append(Decision("route", "no further step", step.reason))
        for name, places in _groups([step.worker or "" for step in onward], self._by_name):
            self._check_wanted()
            group = [courses[place] for place in places]
            drafted = {course.request.segment: _as_drafted(as_draft(course.made)) for course in group}
            run = _taking_over(self._run(name), drafted)
            made, seconds = self._worked(run, [course.request.segment for course in group])
            for course, place, translation in zip(group, places, made, strict=True):
                why = f"goes on after {course.worker}: {onward[place].reason}"
                course.told.append(Decision("route", name, why))
                self._took(course, name, "edge", why, translation, seconds)
        return any(step.worker for step in onward)

    def _onward(self, course: _Course) -> Onward:
        hand = self._by_name[course.worker]
        if course.made.error or not course.open:
            return Onward(None, "")
        there = {name: other.worker for name, other in self._by_name.items() if _takes_drafts(other)}
        return self._route.onward(
            course.request,
            course.made,
            hand.worker,
            there,
            lambda name: self._by_name[name].plan.deferral,
            self._crew.kit,
        )

    def _worked(self, run: Run, segments: Sequence[Segment]) -> tuple[list[Translation], float]:
        began = time.perf_counter()
        prepared, thirds = run._ready(segments)
        made = run._judged(prepared, thirds, lambda _: None)
        return made, (time.perf_counter() - began) / len(segments)

    def _took(self, course: _Course, name: str, router: str, why: str, made: Translation, seconds: float) -> None:
        """Enter what another worker has made of a piece; where it failed, what there was stands."""
        step = self._step(name, router, why, made, seconds)
        course.told += made.decisions
        if made.error:
            course.steps.append(replace(step, kept=False))
            course.open = False
            course.told.append(Decision("route", "step undone", f"{name} failed: {made.error}"))
            return
        if course.made.error:
            course.steps[-1] = replace(course.steps[-1], kept=False)
        course.steps.append(step)
        drafts = course.made.drafts or made.drafts
        shown = dict.fromkeys((*course.made.demonstrations, *made.demonstrations))
        course.made, course.worker = replace(made, drafts=drafts, demonstrations=tuple(shown)), name


def _groups(names: Sequence[str], order: Mapping[str, object]) -> Iterator[tuple[str, list[int]]]:
    """Yield each worker that has something to do, in the order of the graph, with the places of what it has."""
    for name in order:
        if places := [place for place, other in enumerate(names) if other == name]:
            yield name, places


def _chosen(choice: Choice) -> list[Decision]:
    """Tell who got a piece, why, and how probable others were."""
    told = [Decision("route", "by rules", f"the router could not choose: {choice.fault}")] if choice.fault else []
    listed = sorted(choice.probabilities.items(), key=lambda item: -item[1])[:_TOLD]
    shares = f" ({', '.join(f'{name} {share:.2f}' for name, share in listed)})" if listed else ""
    return [*told, Decision("route", choice.worker, f"{choice.router}: {choice.reason}{shares}")]


def _as_drafted(draft: Draft) -> Drafted:
    return Drafted((draft,), draft)


def _takes_drafts(hand: Hand) -> bool:
    method = hand.plan.method
    return method.needs_specialist or method.drafts_where_possible


def _with_road(run: Run, road: Road, **changed: object) -> Run:
    """Return a run that shares all with another one but the road."""
    own = copy.copy(run)
    kit: Kit = replace(run._plan.kit, road=road)
    for name, value in changed.items():
        setattr(kit, name, value)
    own._plan = replace(run._plan, kit=kit)
    return own


def _taking_over(run: Run, drafted: Mapping[Segment, Drafted]) -> Run:
    """Return a run that takes translations of another worker for its drafts.

    Without a direct road nobody drafts demonstrations in the target language: then prompts show none.
    """
    plan = run._plan
    if isinstance(plan.kit.road, DirectRoad):
        return _with_road(run, GivenRoad(plan.kit.road, drafted))
    own = _with_road(run, FoundRoad(plan.pair, drafted), selector=None)
    method = plan.method
    if method.name == "pivot":  # what it is given is in the target language
        refining: Method = METHODS.load("refine")()
        refining.hints, method = method.hints, refining
    own._plan = replace(own._plan, method=method, decisions=())
    return own
