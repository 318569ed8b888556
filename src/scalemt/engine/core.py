"""The one road to a translation: an engine built from a profile.

::

    from scalemt import Engine

    engine = Engine.from_profile("default")
    for translation in engine.translate(["The house is blue."], "en", "pt"):
        print(translation.text)
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

from scalemt import languages
from scalemt.config import Configuration, Profile, load_configuration
from scalemt.engine.assembly import Assembly, Plan
from scalemt.engine.crew import Crew, DispatchPlan
from scalemt.engine.dispatching import DispatchRun
from scalemt.engine.pieces import as_segments
from scalemt.engine.running import Progress, Run
from scalemt.errors import ConfigurationError, UsageError
from scalemt.generalists import Generalist
from scalemt.specialists import Specialist
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.types import Prompt, Segment, Translation


class Engine:
    """Translates segments as a profile says; models are loaded at first use and kept.

    Args:
        profile: what to use and how.
        configuration: where names of specialists and generalists are looked up.
        specialists: take the place of the profile's, in order of preference.
        generalist: takes the place of the profile's.
        drafts: drafts made elsewhere; they take the place of every specialist.
        notice: told once about each thing a user should know.
    """

    def __init__(
        self,
        profile: Profile,
        configuration: Configuration | None = None,
        *,
        specialists: Sequence[Specialist] | None = None,
        generalist: Generalist | None = None,
        drafts: RecordedSpecialist | None = None,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        self.profile = profile
        self.assembly = Assembly(
            profile,
            configuration or Configuration(),
            specialists=specialists,
            generalist=generalist,
            drafts=drafts,
            notice=notice,
        )
        self.assembly.dispatch = Crew()
        # Plans refer to the assembly that holds them. Without them models are freed with the engine, and not
        # whenever the garbage collector next looks for circles.
        weakref.finalize(self, self.assembly.forget).atexit = False

    @classmethod
    def from_profile(cls, name: str | None = None, **overrides: Any) -> Engine:
        """Build an engine from a profile by name, with fields overridden.

        Raises:
            UnknownNameError: no such profile.
            ConfigurationError: a field is unknown or has a value it cannot have.
        """
        configuration = load_configuration()
        return cls(configuration.profile(name, **overrides), configuration)

    def translate(
        self,
        texts: Sequence[str | Segment],
        source: str,
        target: str,
        progress: Progress | None = None,
    ) -> list[Translation]:
        """Translate N texts into N translations, in order.

        Args:
            texts: strings or segments; an empty one stays empty.
            source, target: language codes of any accepted standard.
            progress: called with the number of segments finished since the last call, from any thread.

        Returns:
            One translation a text. One that failed has `error` set and an empty text; the others stand.

        Raises:
            UsageError: the request cannot be done as it is (language, pair, configuration, missing model).
            EndpointError: the generalist cannot be reached at all.
        """
        return list(self.stream(texts, source, target, progress))

    def stream(
        self,
        texts: Iterable[str | Segment],
        source: str,
        target: str,
        progress: Progress | None = None,
    ) -> Iterator[Translation]:
        """Yield translations in order as they are done; `texts` is read only a little ahead. See `translate`."""
        return self.run(source, target, progress).stream(as_segments(texts))

    def run(self, source: str, target: str, progress: Progress | None = None) -> Run:
        """Return a run, whose segments are still to come. See `translate`."""
        return self._run(self.plan(source, target), progress or (lambda _: None))

    def _run(self, plan: Plan, progress: Progress) -> Run:
        if isinstance(plan, DispatchPlan):
            return DispatchRun(self.profile, plan, progress)
        return Run(self.profile, plan, progress)

    def batches(
        self,
        batches: Iterable[Sequence[Segment]],
        source: str,
        target: str,
        progress: Progress | None = None,
    ) -> Generator[list[Translation], None, None]:
        """Yield the translations of each batch, in order; `batches` is read a few ahead. See `translate`.

        Batches that hold nothing are passed over. A batch is worked on as a whole and by itself, whatever `batch`
        says in the profile: translated again, in another order or company, it comes out the same. So a job can be
        cut anywhere between two batches.
        """
        return self.run(source, target, progress).batches(batches)

    def tells_context(self) -> bool:
        """Whether equal texts behind different ones may be translated differently, as a memory knows them."""
        return self.assembly.knowledge.tells_context()

    def prompts(
        self, texts: Iterable[str | Segment], source: str, target: str
    ) -> Iterator[tuple[Segment, Prompt]]:
        """Yield the prompts that would be sent, without calling a generalist; empty texts have none.

        Raises:
            ConfigurationError: the method sends no prompts.
        """
        plan = self.plan(source, target, ask=False)
        if not plan.method.needs_generalist:
            raise ConfigurationError(f"The method {plan.method.name} sends no prompts: no generalist is called.")
        run = self._run(plan, lambda _: None)
        for window in run.windows(as_segments(texts)):
            for item in run.prepare(window).prepared:
                if item.prompt:
                    yield item.segment, item.prompt
            if window.fault:
                raise window.fault

    def correct(self, text: str, translation: str, source: str, target: str, **about: str) -> None:
        """Keep a correction: it steers the very next segment.

        It goes into the first memory of the profile, and to each specialist of the pair that learns.

        Args:
            text, translation: a source, and its translation as somebody confirmed it.
            source, target: language codes of any accepted standard.
            about: what else the memory is to know (before, context, creator, domain, note).

        Raises:
            ConfigurationError: the profile has neither a memory nor a specialist that learns.
            UsageError: the memory cannot be written, or a text is empty.
        """
        pair = languages.parse_pair(source, target)
        if not (text.strip() and translation.strip()):
            raise UsageError("A correction needs a source and a translation that are not empty.")
        self.assembly.correct(text, translation, pair, about)

    def plan(self, source: str, target: str, *, ask: bool = True) -> Plan:
        """Return how a pair would be translated: method, road, demonstrations, gate; made once a pair.

        Args:
            ask: whether a generalist will be called; without, none needs to be installed.

        Raises:
            UsageError: unknown languages, twice the same, no road, a wrong configuration.
        """
        pair = languages.parse_pair(source, target)
        if pair.source == pair.target:
            raise UsageError(f"Source and target are both {languages.name(pair.source)} ({pair.source}).")
        return self.assembly.plan(pair, ask=ask)
