"""What workers are asked for beside translations: languages, memories, scores."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from scalemt import languages
from scalemt.config import Profile
from scalemt.errors import UnknownNameError
from scalemt.evaluation.results import Evaluation
from scalemt.memory import Match, Unit
from scalemt.memory.store import PairStats
from scalemt.serve.asking import Speech, Wish
from scalemt.serve.crew import WorkerDied
from scalemt.serve.keys import Caller
from scalemt.serve.quotas import Quotas
from scalemt.serve.refusals import InvalidRequest, Overdue, Unavailable
from scalemt.serve.scheduler import Scheduler
from scalemt.serve.settings import ServeSettings
from scalemt.serve.tongues import Tongues
from scalemt.serve.work import Variant
from scalemt.types import Pair

_WAIT = 30.0  # seconds that a request waits for the first worker of a server that has just been started
_TRIES = 2  # processes that may end over one thing that is looked up


class Lookups:
    """The part of the service layer that asks workers; the rest of it translates.

    Args:
        settings: what is served.
        scheduler: has the workers.
        quotas: count.
    """

    def __init__(self, settings: ServeSettings, scheduler: Scheduler, quotas: Quotas) -> None:
        self.settings = settings
        self.scheduler = scheduler
        self.quotas = quotas
        self.closing = False
        self._pairs: dict[str, list[Pair]] = {}
        self._tongues: dict[str, Tongues] = {}

    def profile(self, name: str | None) -> Profile:
        """Return a served profile, the first one where none is named.

        Raises:
            InvalidRequest: it is not served.
        """
        name = name or self.settings.default
        if name not in self.settings.profiles:
            raise InvalidRequest(str(UnknownNameError("served profile", name, self.settings.profiles)))
        return self.settings.profiles[name]

    @asynccontextmanager
    async def _in_time(self, *, background: bool = False) -> AsyncIterator[None]:
        limit = self.settings.capacity.seconds
        try:
            async with asyncio.timeout(None if background else limit):
                yield
        except TimeoutError:
            raise Overdue(
                f"There was no translation within {limit:g} s. Send less, or choose a profile that only drafts."
            ) from None

    async def _awaited(self, *, patient: bool = False) -> None:
        """Wait for a server that has just been started, or one whose workers are started again.

        Args:
            patient: as long as that takes.
        """
        crew = self.scheduler.crew
        if crew.ready:
            return
        until = time.monotonic() + _WAIT
        while not crew.ready:
            if self.closing or crew.fault or (time.monotonic() > until and not patient):
                raise Unavailable("No worker can translate now. The log of the server says why.", 10.0)
            await asyncio.sleep(0.05)

    # What there is

    async def pairs(self, profile: str | None = None) -> list[Pair]:
        """Return what a profile's specialists can draft, also through a third language; empty where none can tell.

        Raises:
            InvalidRequest: the profile is not served.
        """
        name = self.profile(profile).name
        if name not in self._pairs:
            self._pairs[name] = await self.call("pairs", variant=Variant(name))
        return self._pairs[name]

    async def tongues(self, profile: str | None = None) -> Tongues:
        """Return what a profile's specialists can draft, for looking up codes of others.

        Raises:
            InvalidRequest: the profile is not served.
        """
        name = self.profile(profile).name
        if name not in self._tongues:
            self._tongues[name] = Tongues(await self.pairs(name))
        return self._tongues[name]

    async def speeches(self, profile: str | None = None) -> list[Speech]:
        """Return the languages that can be translated from, each with those it can be translated into."""
        table: dict[str, set[str]] = {}
        for pair in await self.pairs(profile):
            table.setdefault(pair.source, set()).add(pair.target)
        ordered = sorted(table, key=languages.name)
        return [Speech(code, tuple(sorted(table[code], key=languages.name))) for code in ordered]

    async def call(self, name: str, **arguments: Any) -> Any:
        """Have a worker do what is neither drafting nor answering; done again where the worker dies.

        Raises:
            ScalemtError: whatever the worker says.
            Unavailable: no worker is there.
        """
        until, deaths = time.monotonic() + _WAIT, 0
        while deaths < _TRIES and time.monotonic() < until:
            await self._awaited()
            hand = next(self.scheduler.crew.with_room("asking"), None)
            if hand is None:
                await asyncio.sleep(0.02)
                continue
            try:
                return await self.scheduler.crew.send(hand, "asking", name, **arguments).future
            except WorkerDied as death:
                deaths += death.blamed
        raise Unavailable("No worker is free to do that now.", 5.0)

    # Memory

    async def remember(
        self, text: str, translation: str, pair: Pair, wish: Wish, about: Mapping[str, str] | None = None
    ) -> None:
        """Keep a correction in the first memory of a profile, and teach the specialists that learn.

        Raises:
            InvalidRequest: the profile has neither.
        """
        variant = Variant(self.profile(wish.profile).name)
        await self.call(
            "correct", variant=variant, pair=pair, text=text, translation=translation, about=dict(about or {})
        )

    async def matches(
        self, text: str, pair: Pair, profile: str | None = None, *, limit: int = 5, floor: float = 50.0
    ) -> list[Match]:
        """Return the units of a profile's memories that are most like a text, the best first.

        Args:
            text: one segment.
            pair: the direction.
            profile: by name.
            limit: the most that are returned.
            floor: the least likeness in percent.

        Raises:
            InvalidRequest: the profile has no memory.
        """
        variant = self._remembering(profile)
        found: list[Match] = await self.call(
            "matches", variant=variant, pair=pair, text=text, limit=limit, floor=floor
        )
        return found

    async def concordance(
        self, text: str, pair: Pair | None, profile: str | None = None, *, limit: int = 50
    ) -> list[Unit]:
        """Return the units of a profile's memories that hold a text on either side, the newest first.

        Raises:
            InvalidRequest: the profile has no memory.
        """
        variant = self._remembering(profile)
        found: list[Unit] = await self.call("concordance", variant=variant, pair=pair, text=text, limit=limit)
        return found

    async def memory_stats(self, profile: str | None = None) -> dict[str, list[PairStats]]:
        """Return the numbers of each memory of a profile, by the name of its file.

        Raises:
            InvalidRequest: the profile has no memory.
        """
        found: dict[str, list[PairStats]] = await self.call("memory_stats", variant=self._remembering(profile))
        return found

    def _remembering(self, name: str | None) -> Variant:
        profile = self.profile(name)
        if not profile.memories:
            raise InvalidRequest(
                f"The profile {profile.name} has no memory. Start the server with: scalemt serve --memory FILE"
            )
        return Variant(profile.name, (("method", "draft"),))

    # Evaluation

    async def evaluate(
        self,
        hypotheses: Sequence[str],
        references: Sequence[str],
        caller: Caller,
        *,
        sources: Sequence[str] | None = None,
        metrics: Sequence[str] = ("chrf++", "bleu"),
        target: str = "",
    ) -> Evaluation:
        """Score translations by metrics that need no model, with intervals and signatures.

        Args:
            hypotheses, references: N texts each.
            caller: whose limits hold.
            sources: N texts, for metrics that read them.
            metrics: by name, as `scalemt evaluate` takes them.
            target: the language, for metrics that cut words by it.

        Raises:
            InvalidRequest: counts differ, or a metric cannot be had here.
            TooLarge, RateLimited, QuotaSpent: the caller may not ask for so much.
        """
        length = sum(map(len, hypotheses)) + sum(map(len, references))
        with self.quotas.admit(caller, length, len(hypotheses)):
            # Nothing is translated: it counts against what is asked a minute, not against the month.
            self.quotas.refund(caller, length)
            async with self._in_time():
                found: Evaluation = await self.call(
                    "evaluate",
                    hypotheses=hypotheses,
                    references=references,
                    sources=sources,
                    metrics=metrics,
                    target=target,
                )
                return found
