"""The engine of a job in one process: it takes batches of segments and gives their translations."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from scalemt.engine import Engine
from scalemt.engine.backends import build_generalist
from scalemt.engine.running import Progress
from scalemt.generalists import Generalist
from scalemt.jobs.journal import Journal, JournaledGeneralist, write_down
from scalemt.jobs.settings import Settings
from scalemt.retry import RetryBudget
from scalemt.types import Segment, Translation


class Worker:
    """Translates as the settings of a job say.

    Args:
        settings: of the job.
        journal: makes what writes down answers, given the prices of a million tokens of prompts and of answers.
        retries: tries after the first that are left to the job.
        notice: told once about each thing a user should know.
        generalist: takes the place of the one that the settings name.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Callable[[tuple[float, float]], Journal],
        retries: RetryBudget,
        notice: Callable[[str], None] | None = None,
        generalist: Generalist | None = None,
    ) -> None:
        self._settings = settings
        self._generalist: JournaledGeneralist | None = None
        if settings.asks:
            inner = generalist or build_generalist(
                settings.profile.generalist, settings.configuration, settings.profile
            )
            if hasattr(inner, "retries"):
                inner.retries = retries
            self._generalist = write_down(inner, journal(getattr(inner, "prices", (0.0, 0.0))))
        self._beside: list[JournaledGeneralist] = []
        self.engine = Engine(settings.profile, settings.configuration, generalist=self._generalist, notice=notice)

        def beside(built: Generalist) -> Generalist:
            """Write down too what a method asks other generalists, by their own prices, under the same limits."""
            if hasattr(built, "retries"):
                built.retries = retries
            self._beside.append(write_down(built, journal(getattr(built, "prices", (0.0, 0.0)))))
            return self._beside[-1]

        self.engine.assembly.beside = beside

    @property
    def _journaled(self) -> list[JournaledGeneralist]:
        """All generalists whose answers are written down."""
        return [*([self._generalist] if self._generalist else []), *self._beside]

    @property
    def signature(self) -> str:
        """One line that says what translates.

        Raises:
            UsageError: something that the profile names cannot be used.
        """
        return self.engine.plan(self._settings.source, self._settings.target).signature

    def work(
        self,
        batches: Iterable[Sequence[Segment]],
        progress: Progress | None = None,
        before: Mapping[str, str] | None = None,
    ) -> Generator[list[Translation], None, None]:
        """Yield the translations of each batch, in order; see `Engine.batches`.

        Args:
            batches: read a few ahead.
            progress: told of finished segments.
            before: what was translated before, source to translation, for prompts that show it.
        """
        source, target = self._settings.source, self._settings.target
        for generalist in self._journaled:
            generalist.open()
        known = self.engine.plan(source, target).kit.translated
        known.clear()
        known.update(before or {})
        return self.engine.batches(batches, source, target, progress)

    def warm(self) -> None:
        """Load what drafts, by having it draft something harmless."""
        road = self.engine.plan(self._settings.source, self._settings.target).kit.road
        if road is not None:
            road.draft([Segment("1")], 0)

    @contextmanager
    def awaiting(self, around: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
        """Have each wait for an answer from elsewhere stand inside of a context."""
        for generalist in self._journaled:
            generalist.awaiting = around
        try:
            yield
        finally:
            for generalist in self._journaled:
                generalist.awaiting = nullcontext

    def hurry(self) -> None:
        """Wait for nothing any more: calls under way are given up, though they may be paid for."""
        for generalist in self._journaled:
            generalist.patient = False
            generalist.cancel()
