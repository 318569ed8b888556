"""The one service layer: what every surface of the server calls, and the only place that knows how it is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from scalemt import languages
from scalemt.config import Profile
from scalemt.engine.backends import asks_generalist
from scalemt.errors import ConfigurationError, ScalemtError, UnknownNameError
from scalemt.methods import METHODS
from scalemt.serve.asking import AUTO, Ask, Event, Reply, Wish
from scalemt.serve.detection import Detected, detect
from scalemt.serve.documents import Documents, Job
from scalemt.serve.glossaries import Shelf
from scalemt.serve.keys import Caller, KeyRing
from scalemt.serve.line import Watch
from scalemt.serve.lookups import Lookups
from scalemt.serve.meters import Meters
from scalemt.serve.quotas import Quotas
from scalemt.serve.refusals import InvalidRequest
from scalemt.serve.scheduler import Scheduler
from scalemt.serve.settings import ServeSettings
from scalemt.serve.work import Lane, Variant
from scalemt.types import Decision, Pair, Translation


@dataclass
class _Part:
    """The segments of a request that share a source language, by their places in it."""

    pair: Pair
    places: list[int] = field(default_factory=list)


class Service(Lookups):
    """Translates, detects, remembers; every surface is a form of its methods.

    Args:
        settings: what is served.
        failed: called when no worker can ever serve it; the server is to end then.

    Raises:
        UsageError: keys, glossaries or the state folder cannot be used.
    """

    def __init__(self, settings: ServeSettings, failed: Callable[[ScalemtError], None] | None = None) -> None:
        _make(settings.state)
        self.meters = Meters()
        super().__init__(settings, Scheduler(settings, self.meters, failed), Quotas(settings.state / "usage.db"))
        self.keys = KeyRing(settings.key_file, settings.limits)
        self.shelf = Shelf(settings.state / "glossaries")
        self.documents = Documents(settings.state / "documents", self, self.quotas, settings.capacity)
        self._warming: asyncio.Task[object] | None = None
        self.meters.workers(self.scheduler.crew.processes)
        self.meters.gauge("waiting_characters", "Characters in line.", self._waiting)
        self.meters.gauge("documents_waiting", "Documents that are not done.", self.documents.waiting)
        self.meters.gauge("workers_ready", "Workers that can translate.", self.scheduler.crew.ready_count)
        self.meters.counter(
            "worker_restarts", "Times that workers were started again.", self.scheduler.crew.restarts
        )

    def _waiting(self) -> float:
        return self.scheduler.waiting("drafting") + self.scheduler.waiting("answering")

    async def start(self) -> None:
        """Start the workers, and go on with the documents of an earlier server."""
        await self.scheduler.crew.start()
        await self.documents.start(self.keys.named)
        # The model that tells languages is loaded meanwhile: the first text would wait for it.
        self._warming = asyncio.create_task(asyncio.to_thread(detect, "The first text."))

    async def close(self) -> None:
        """End the workers, and write down what is counted."""
        self.closing = True
        if self._warming is not None:
            self._warming.cancel()
        await self.documents.close()
        await self.scheduler.crew.close()
        self.quotas.close()

    @property
    def ready(self) -> bool:
        """Whether somebody can translate now."""
        return self.scheduler.crew.ready and not self.closing

    # Who asks, and how

    def caller(self, key: str | None, scope: str) -> Caller:
        """Return who asks, if that one may.

        Raises:
            Unauthorized: a key is needed.
            Forbidden: the key is unknown, or does not allow this.
        """
        caller = self.keys.caller(key)
        caller.require(scope)
        return caller

    def asks(self, profile: Profile) -> bool:
        """Whether a profile puts texts to a generalist."""
        return asks_generalist(profile)

    def variant(self, wish: Wish, caller: Caller) -> Variant:
        """Return the way of translating that somebody wants.

        Raises:
            InvalidRequest: no such profile or method.
            NotFound: no such glossary.
        """
        profile = self.profile(wish.profile)
        if wish.method is not None and wish.method not in METHODS.names():
            raise InvalidRequest(str(UnknownNameError("method", wish.method, METHODS.names())))
        changes: dict[str, Any] = {"formality": wish.formality, "variety": wish.variety, "method": wish.method}
        if wish.method not in (None, profile.method):
            changes["options"] = ()  # those of the profile are of its own method
        if wish.glossary:
            changes["glossary"] = str(self.shelf.path(caller.name, wish.glossary))
            if not self.asks(profile) and wish.method is None:
                # Drafts take no notice of terms: the specialist puts in what they miss, and the checks decide.
                changes |= {"method": "terminology", "options": ("by=specialist",), "gate": "checks"}
        return Variant.of(profile.name, **changes)

    # Translating

    async def translate(
        self, ask: Ask, caller: Caller, watch: Watch | None = None, *, background: bool = False
    ) -> Reply:
        """Translate; a segment that failed has `error` set, the others stand.

        Args:
            ask: what is wanted.
            caller: who wants it.
            watch: told of each segment as it is done.
            background: it may wait until nothing else is to be done, and is not bounded in time.

        Raises:
            InvalidRequest: it cannot be done as it is (a language, a pair, a glossary).
            TooLarge, RateLimited, QuotaSpent: the caller may not ask for so much.
            Busy: too many others ask.
            Overdue: it takes too long.
        """
        variant = self.variant(ask.wish, caller)
        # What is done in the background was admitted and counted when it was sent.
        with nullcontext() if background else self._admitted(ask, caller):
            async with self._in_time(background=background):
                return await self._translate(ask, variant, watch, background=background)

    async def stream(self, ask: Ask, caller: Caller) -> AsyncGenerator[Event, None]:
        """Yield what happens while a request is translated; see `translate` for what is raised.

        First the language that was detected, where one was to be; then, where a generalist is asked, the draft of
        each segment, as soon as it is there; the translation of each segment, in any order; "done" with all of it.
        """
        variant = self.variant(ask.wish, caller)
        events: asyncio.Queue[Event | BaseException] = asyncio.Queue()
        delivered = 0
        with self._admitted(ask, caller, lambda: delivered):
            working = asyncio.create_task(self._tell(ask, variant, events))
            try:
                while True:
                    event = await events.get()
                    if isinstance(event, BaseException):
                        raise event
                    if event.kind == "translation" and event.translation:
                        delivered += len(event.translation.segment.text)
                    yield event
                    if event.kind == "done":
                        return
            finally:
                working.cancel()

    async def _tell(self, ask: Ask, variant: Variant, events: asyncio.Queue[Event | BaseException]) -> None:
        """Put all that happens into a queue, at last "done" or what went wrong."""
        finished: set[int] = set()

        def told(index: int, item: Translation) -> None:
            finished.add(index)
            events.put_nowait(Event("translation", index, item))

        def drafted(index: int, item: Translation) -> None:
            if index not in finished and not item.error:
                events.put_nowait(Event("draft", index, item))

        try:
            async with self._in_time():
                detected = await self._detected(ask)
                if detected:
                    events.put_nowait(Event("detected", detected=detected[0]))
                # The tasks end together: when one fails, or nobody listens any more.
                async with asyncio.TaskGroup() as group:
                    drafting: asyncio.Task[None] | None = None
                    if self.scheduler.kind_of(variant) == "answering":
                        drafting = group.create_task(self._drafts(ask, variant, drafted, detected))
                    reply = await self._translate(ask, variant, told, detected=detected)
                    if drafting:
                        drafting.cancel()  # nobody looks at drafts any more
            events.put_nowait(Event("done", reply=reply))
        except asyncio.CancelledError:
            raise
        except BaseExceptionGroup as group_fault:
            events.put_nowait(group_fault.exceptions[0])
        except Exception as fault:
            events.put_nowait(fault)

    async def _drafts(self, ask: Ask, variant: Variant, watch: Watch, detected: Sequence[Detected] | None) -> None:
        """Draft what is being refined meanwhile; where that fails, the refinement says so."""
        try:
            await self._translate(ask, variant.but(method="draft"), watch, detected=detected)
        except Exception:
            return

    async def _translate(
        self,
        ask: Ask,
        variant: Variant,
        watch: Watch | None = None,
        *,
        background: bool = False,
        detected: Sequence[Detected] | None = None,
    ) -> Reply:
        began = time.perf_counter()
        await self._awaited(patient=background)
        if detected is None:
            detected = await self._detected(ask)
        parts, done = self._parts(ask, detected)
        for index, item in done.items():
            if watch:
                watch(index, item)
        futures = [
            self.scheduler.translate(
                [ask.segments[place] for place in part.places],
                Lane(variant, part.pair),
                _placed(part.places, watch),
                background=background,
            )
            for part in parts
        ]
        try:
            for part, future in zip(parts, futures, strict=True):
                done |= dict(zip(part.places, await future, strict=True))
        finally:
            for future in futures:
                future.cancel()
        pair = parts[0].pair if parts else next((item.pair for item in done.values()), self._nothing(ask))
        translations = [done[place] for place in range(len(ask.segments))]
        return Reply(translations, pair, detected, time.perf_counter() - began)

    def _nothing(self, ask: Ask) -> Pair:
        """The pair of a request without any text."""
        target = languages.parse(ask.target)
        return Pair(target if ask.source == AUTO else languages.parse(ask.source), target)

    def _parts(self, ask: Ask, detected: Sequence[Detected] | None) -> tuple[list[_Part], dict[int, Translation]]:
        """Put segments of one source together; those that are in the target language already are done."""
        target = languages.parse(ask.target)
        if detected is None:
            pair = languages.parse_pair(ask.source, ask.target)
            return [_Part(pair, list(range(len(ask.segments))))] if ask.segments else [], {}
        parts: dict[Pair, _Part] = {}
        done: dict[int, Translation] = {}
        for place, (segment, found) in enumerate(zip(ask.segments, detected, strict=True)):
            pair = Pair(found.language, target)
            if languages.base(found.language) == languages.base(target):
                why = f"the text is in {languages.name(target)} already ({found.confidence:.0%})"
                note = Decision("language", "source kept", why)
                done[place] = Translation(segment, segment.text, "none", pair, decisions=(note,))
            else:
                parts.setdefault(pair, _Part(pair)).places.append(place)
        return list(parts.values()), done

    async def _detected(self, ask: Ask) -> list[Detected] | None:
        """Return the language of each segment, or None where the request says it."""
        if ask.source != AUTO:
            return None
        target = languages.parse(ask.target)
        among = {pair.source for pair in await self.pairs(ask.wish.profile)} | {target}
        told = ask.told or [segment.text for segment in ask.segments]
        return await asyncio.to_thread(_languages_of, told, among)

    async def detect(self, text: str, profile: str | None = None) -> list[Detected]:
        """Return the likeliest languages of a text, among those that can be translated from."""
        among = {pair.source for pair in await self.pairs(profile)}
        return await asyncio.to_thread(detect, text, among)

    @contextmanager
    def _admitted(self, ask: Ask, caller: Caller, delivered: Callable[[], int] = lambda: 0) -> Iterator[None]:
        with self.quotas.admit(caller, ask.characters, len(ask.segments)):
            try:
                yield
            except BaseException:
                # Nobody pays for what was not translated, and everybody for what was sent before they hung up.
                self.quotas.refund(caller, max(0, ask.characters - delivered()))
                raise

    # Documents

    async def submit(
        self,
        caller: Caller,
        name: str,
        content: bytes,
        source: str,
        target: str,
        *,
        wish: Wish | None = None,
        format_name: str | None = None,
    ) -> Job:
        """Take a document; see `Documents.submit`.

        Raises:
            InvalidRequest: no such profile or method.
            NotFound: no such glossary.
        """
        wish = wish or Wish()
        self.variant(wish, caller)  # what is wrong with it is told now, not when its turn has come
        return await self.documents.submit(
            caller, name, content, source, target, wish=wish, format_name=format_name
        )


def _placed(places: Sequence[int], watch: Watch | None) -> Watch | None:
    """Return what tells of the segments of a part by their places in the request."""
    if watch is None:
        return None
    return lambda index, item: watch(places[index], item)


def _languages_of(texts: Sequence[str], among: set[str]) -> list[Detected]:
    """Tell the language of each text; one that says nothing is taken for that of the whole."""
    known: dict[str, Detected | None] = {}
    for text in texts:
        if text not in known:
            known[text] = next(iter(detect(text, among, 1)), None)
    whole = next(iter(detect("\n".join(known), among, 1)), None)
    fallback = replace(whole, confidence=0.0) if whole else Detected(min(among, default="en"), 0.0)
    return [known[text] or fallback for text in texts]


def _make(folder: Path) -> None:
    """Make the state folder.

    Raises:
        ConfigurationError: it cannot be made, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with TemporaryFile(dir=folder):
            pass
    except OSError as fault:
        raise ConfigurationError(
            f"The state folder {folder} cannot be used: {fault.strerror}. Make it writable, make room on its "
            "disk, or choose another by --state DIR."
        ) from None
