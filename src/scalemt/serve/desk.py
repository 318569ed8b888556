"""What a worker can do: its engines, one a way of translating, over models that all of them share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.engine.backends import asks_generalist, build_generalist, build_specialists
from scalemt.errors import ConfigurationError, UsageError
from scalemt.generalists import Generalist
from scalemt.memory import Match, Memories, Unit
from scalemt.memory.store import PairStats
from scalemt.serve.work import Kind, Setup, Variant, changed, portable_translations
from scalemt.specialists import Specialist
from scalemt.specialists.road import through_pivot
from scalemt.types import Decoding, Message, Pair, Prompt, Segment
from scalemt.workers import give_up

if TYPE_CHECKING:
    from scalemt.evaluation.results import Evaluation

_MOST_ENGINES = 64  # variants that are kept planned; models are shared by all of them
_MOST_PLANS = 200  # pairs that an engine is kept with
_MOST_PLANNED = 50  # pairs of a profile that are looked at before it is served


class Backends:
    """Specialists and generalists, each built once, whatever number of profiles and variants names it.

    Args:
        setup: configuration, and threads.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._specialists: dict[tuple[str, ...], list[Specialist]] = {}
        self._generalists: dict[str, list[Generalist]] = {}
        self._turns: dict[int, Lock] = {}
        self._lock = Lock()

    def specialists(self, profile: Profile) -> list[Specialist]:
        """Return the specialists of a profile; in a list of several, those not installed are left out."""
        with self._lock:
            if profile.specialists not in self._specialists:
                chosen = _with_threads(profile, self._setup.threads)
                self._specialists[profile.specialists] = build_specialists(chosen, self._setup.configuration)
            return self._specialists[profile.specialists]

    def generalist(self, profile: Profile, lane: int) -> Generalist:
        """Return the generalist of a profile for one lane: a twin, where there is such a thing."""
        with self._lock:
            if profile.generalist not in self._generalists:
                chosen = _with_threads(profile, self._setup.answering_threads)
                built = build_generalist(profile.generalist, self._setup.configuration, chosen)
                self._generalists[profile.generalist] = [built]
            twins = self._generalists[profile.generalist]
            while len(twins) <= lane:
                twins.append(_twin_of(twins[0]))
            return twins[lane]

    def lanes(self, profile: Profile) -> int:
        """Return how many batches its generalist can have at a time, each cancelled by itself."""
        return 1 if self.generalist(profile, 1) is self.generalist(profile, 0) else self._setup.lanes

    def turn(self, generalist: Generalist) -> Lock:
        """Return what is held while a generalist is at work: one that has no twins does one thing at a time."""
        with self._lock:
            return self._turns.setdefault(id(generalist), Lock())


def _twin_of(generalist: Generalist) -> Generalist:
    made = getattr(generalist, "twin", None)
    twin: Generalist = made() if made else generalist
    return twin


def _with_threads(profile: Profile, threads: int) -> Profile:
    return profile if profile.threads else profile.model_copy(update={"threads": threads})


class Desk:
    """Does tasks, by their name.

    Args:
        setup: what is served.
        notice: told once about each thing an operator should know.
    """

    def __init__(self, setup: Setup, notice: Callable[[str], None]) -> None:
        self._setup = setup
        self._notice = notice
        self._backends = Backends(setup)
        self._engines: OrderedDict[tuple[Variant, int], Engine] = OrderedDict()
        self._lock = Lock()

    def engine(self, variant: Variant, lane: int = 0) -> Engine:
        """Return the engine of a variant; the models are shared with all others.

        Args:
            variant: a profile, and what is changed of it.
            lane: of the batch, where a generalist is asked.

        Raises:
            ConfigurationError: a change has a value that it cannot have.
        """
        with self._lock:
            engine = self._engines.get((variant, lane))
            # Pairs are as many as clients think of regions; what is kept for each of them must not be.
            if engine is None or engine.assembly.planned > _MOST_PLANS:
                engine = self._engines[variant, lane] = self._built(variant, lane)
                while len(self._engines) > _MOST_ENGINES:
                    self._engines.popitem(last=False)
            self._engines.move_to_end((variant, lane))
            return engine

    def _built(self, variant: Variant, lane: int) -> Engine:
        profile = self._profile(variant)
        asks = self._asks(profile)
        engine = Engine(
            profile,
            self._setup.configuration,
            specialists=self._backends.specialists(profile),
            generalist=self._backends.generalist(profile, lane) if asks else None,
            notice=self._notice,
        )
        if asks and self._backends.lanes(profile) == 1:  # whoever holds its turn has what stands beside it, too

            def building(spec: str) -> Generalist:
                return self._backends.generalist(profile.model_copy(update={"generalist": spec}), 0)

            engine.assembly.building = building
        return engine

    def _profile(self, variant: Variant) -> Profile:
        return changed(self._setup.profiles[variant.profile], dict(variant.changes))

    def _asks(self, profile: Profile) -> bool:
        return self._setup.answers and asks_generalist(profile)

    def check(self) -> None:
        """Find out whether all profiles can be served as they are; no model is loaded.

        Raises:
            UsageError: a profile names what is not there, or has values that do not go together.
        """
        for name, profile in self._setup.profiles.items():
            self._check(self.engine(Variant(name)), self.pairs(Variant(name)), asks=self._asks(profile))

    def _check(self, engine: Engine, pairs: Sequence[Pair], *, asks: bool) -> None:
        first: UsageError | None = None
        for pair in pairs[:_MOST_PLANNED]:
            try:
                engine.assembly.plan(pair, ask=asks)
            except UsageError as fault:  # it may be this pair alone: a glossary is of another one
                first = first or fault
            else:
                return
        if first and len(pairs) <= _MOST_PLANNED:
            raise first

    def lanes(self) -> int:
        """Return how many batches with a generalist can be worked on at a time."""
        asking = [profile for profile in self._setup.profiles.values() if self._asks(profile)]
        return max([1, *map(self._backends.lanes, asking)])

    def warm(self) -> None:
        """Load what the first request would wait for: models that draft, and what prompts are made of."""
        variant = Variant.of(next(iter(self._setup.profiles)), method="draft")
        for pair in self.pairs(variant)[:1]:
            list(self.engine(variant).batches([[Segment("1")]], pair.source, pair.target))
        for name, profile in self._setup.profiles.items():
            if self._asks(profile):
                self._warm_prompts(Variant(name))

    def _warm_prompts(self, variant: Variant) -> None:
        for pair in self.pairs(variant)[:1]:
            list(self.engine(variant).prompts([Segment("A sentence.")], pair.source, pair.target))

    def wake(self) -> None:
        """Load the generalists that live in this process: the first request would wait for many seconds."""
        for name, profile in self._setup.profiles.items():
            if not self._asks(profile) or self._backends.lanes(profile) > 1:
                continue
            generalist = self._backends.generalist(profile, 0)
            word = "Good"
            chat = generalist.kind == "chat"
            prompt = Prompt(messages=(Message("user", word),)) if chat else Prompt(text=word)
            with self.turn(Variant(name), 0):
                generalist.complete([prompt], Decoding(max_tokens=1))

    @contextmanager
    def turn(self, variant: Variant, lane: int) -> Iterator[None]:
        """Wait until the generalist of a variant is free, and hold it."""
        profile = self._profile(variant)
        if not self._asks(profile):
            yield
            return
        with self._backends.turn(self._backends.generalist(profile, lane)):
            yield

    def give_up(self, variant: Variant, kind: Kind, lane: int) -> None:
        """Have the backends of a variant give up what they are at."""
        assembly = self.engine(variant, lane).assembly
        for backend in assembly.generalists if kind == "answering" else assembly.specialists:
            give_up(backend)

    def translate(self, variant: Variant, pair: Pair, segments: Sequence[Segment], lane: int = 0) -> Any:
        """Translate a batch."""
        (done,) = self.engine(variant, lane).batches([segments], pair.source, pair.target)
        return portable_translations(done)

    def pairs(self, variant: Variant) -> list[Pair]:
        """List what the specialists of a variant can draft, those first that need no third language."""
        specialists = self.engine(variant).assembly.specialists
        direct = [pair for item in specialists for pair in item.pairs()]
        return list(dict.fromkeys([*direct, *(pair for pair, _, _ in through_pivot(specialists))]))

    def plan(self, variant: Variant, pair: Pair) -> str:
        """Return the signature of what translates a pair; raises where nothing can."""
        return self.engine(variant).plan(pair.source, pair.target).signature

    def correct(self, variant: Variant, pair: Pair, text: str, translation: str, about: Mapping[str, str]) -> None:
        """Keep a correction."""
        self.engine(variant).correct(text, translation, pair.source, pair.target, **about)

    def matches(self, variant: Variant, pair: Pair, text: str, limit: int, floor: float) -> list[Match]:
        """Find what is like a text in the memories of a variant."""
        (found,) = self._memories(variant).search([Segment(text)], pair, limit, floor)
        return found

    def concordance(self, variant: Variant, pair: Pair | None, text: str, limit: int) -> list[Unit]:
        """Find what holds a text in the memories of a variant."""
        found = [
            unit for store in self._memories(variant).stores for unit in store.concordance(text, pair, limit=limit)
        ]
        return found[:limit]

    def memory_stats(self, variant: Variant) -> dict[str, list[PairStats]]:
        """Count the units of each memory of a variant."""
        return {store.path.name: store.stats() for store in self._memories(variant).stores}

    def evaluate(self, hypotheses: Sequence[str], references: Sequence[str], **about: Any) -> Evaluation:
        """Score translations; see `evaluated`."""
        from scalemt.serve.evaluating import evaluated

        return evaluated(hypotheses, references, **about)

    def _memories(self, variant: Variant) -> Memories:
        memories = self.engine(variant).assembly.knowledge.memories
        if memories is None:
            raise ConfigurationError(f"The profile {variant.profile} has no memory.")
        return memories
