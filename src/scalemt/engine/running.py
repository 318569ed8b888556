"""One run over a stream of segments: windows of them are drafted, answered and judged, and come out in order.

While the generalist answers one window, the specialist drafts the next one, and where a generalist can take the
prompts of two windows at once, none of its slots waits for the last prompt of a window to be answered.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from threading import Event, Lock

from scalemt.config import Profile
from scalemt.engine.assembly import Plan, require_generalist
from scalemt.engine.deferring import Account, defer, without_deferred
from scalemt.engine.judging import Round, judge
from scalemt.engine.pieces import Cut, Cutting, cut
from scalemt.glossary import verify
from scalemt.methods import Method, Prepared, Question
from scalemt.methods.answering import Asking, answer, ask_each, unasked
from scalemt.specialists.road import RecordedRoad
from scalemt.types import Completion, Decoding, Prompt, Segment, Translation, Usage
from scalemt.workers import give_up

Progress = Callable[[int], None]
"""Called with the number of segments finished since the last call, from any thread."""

_KNOWN = 1000  # translations that are kept for the prompts of what follows in a document
_LARGEST_WINDOW = 512  # segments; a specialist alone is fastest on many, sorted by length


@dataclass(frozen=True)
class Window:
    """Segments worked on together; `start` is the number of those before them in the run.

    `fault` is what ended the reading of the input behind them: it is raised when all before it is done.
    """

    segments: Sequence[Segment]
    start: int
    fault: Exception | None = None


@dataclass(frozen=True)
class Staged:
    """A window ready for the generalist: its segments in pieces, and what was prepared for those that hold text.

    `thirds` are the prompts of the third candidate, or nothing; `began` is when the work began, in seconds,
    `known` what a memory held, and `signature` tells which memory that was.
    """

    cuts: Sequence[Cut]
    prepared: Sequence[Prepared]
    thirds: Sequence[Prepared]
    began: float
    known: Known
    signature: str


@dataclass(frozen=True)
class Known:
    """What of a window a memory holds: whole segments, and pieces of the others, by position; those are done."""

    segments: Mapping[int, Translation] = field(default_factory=dict)
    pieces: Mapping[tuple[int, int], Translation] = field(default_factory=dict)


class Run:
    """One run of one plan.

    Args:
        profile: batch, limits and decoding.
        plan: how the pair is translated.
        progress: told of finished segments.
    """

    def __init__(self, profile: Profile, plan: Plan, progress: Progress) -> None:
        self._profile = profile
        self._planned = plan
        self._plan = replace(plan, method=plan.method.begin())
        self._progress = progress
        self._preparing = Lock()
        self._specialists = Lock()  # drafting of one window and judging of another both ask them
        self._clock = Lock()
        self._last_end = 0.0
        self._stopped = Event()
        self._account = Account()  # kept by the one thread that prepares windows
        self._alone = False  # whether each window keeps to the budget by itself

    def stream(self, segments: Iterable[Segment]) -> Iterator[Translation]:
        """Yield a translation a segment, in order, as soon as its window and those before it are done."""
        for done in self._done(self.windows(segments)):
            yield from done

    def batches(self, batches: Iterable[Sequence[Segment]]) -> Generator[list[Translation], None, None]:
        """Yield the translations of each batch, in order; empty ones are passed over.

        Each batch is a window that stands alone: what becomes of it depends on no other, but for its context.
        """
        self._alone = True
        for done in self._done(_given(iter(batches))):
            if done:
                yield done

    def prompts(self, batch: Sequence[Segment]) -> Iterator[tuple[Prompt, Decoding]]:
        """Yield what a batch would ask at first, as `batches` would ask it; nobody is asked."""
        self._alone = True
        staged = self.prepare(Window(batch, 0))
        for prepared, method in ((staged.prepared, self._plan.method), (staged.thirds, self._plan.third)):
            asked = [item.prompt for item in prepared if item.prompt]
            if asked and method:
                decoding = self._decoding(prepared, method)
                yield from ((prompt, decoding) for prompt in asked)

    def _done(self, windows: Iterator[Window]) -> Iterator[list[Translation]]:
        """Yield the translations of each window, in order."""
        first, second = next(windows, None), next(windows, None)
        if first is None:
            return
        if second is None:
            yield self._finish(self.prepare(first))
            _raise(first.fault)
        elif self._plan.kit.context or self._plan.method.sequential:
            # What was translated before is shown in prompts, or decides on terms: windows wait for each other.
            yield from self._one_by_one(chain((first, second), windows))
        else:
            yield from self._overlapped(chain((first, second), windows))

    def _one_by_one(self, windows: Iterator[Window]) -> Iterator[list[Translation]]:
        known = self._plan.kit.translated
        for number, window in enumerate(windows):
            if self._alone and number:
                self._begin_anew()
            done = self._finish(self.prepare(window))
            for item in done:
                known[item.segment.text] = item.text
            while len(known) > _KNOWN:
                del known[next(iter(known))]
            yield done
            _raise(window.fault)

    def _begin_anew(self) -> None:
        """Forget what the method carries from window to window."""
        self._plan = replace(self._plan, method=self._planned.method.begin())

    def windows(self, segments: Iterable[Segment]) -> Iterator[Window]:
        """Cut the stream into windows."""
        waiting = iter(segments)
        size, start = self._profile.batch, 0
        fault: Exception | None = None
        while not fault:
            batch, fault = _take(waiting, size)
            if not batch and not fault:
                return
            yield Window(batch, start, fault)
            start += len(batch)
            size = self._next_size(size)

    def _next_size(self, size: int) -> int:
        """Windows grow where no generalist is asked: first results soon, then the specialist's full speed."""
        if self._plan.method.needs_generalist or "batch" in self._profile.explicit:
            return size
        return min(2 * size, max(size, _LARGEST_WINDOW))

    def _overlapped(self, windows: Iterator[Window]) -> Iterator[list[Translation]]:
        generalist = self._plan.generalist
        depth = 2 if generalist and getattr(generalist, "overlaps", False) else 1
        drafting, answering = ThreadPoolExecutor(1), ThreadPoolExecutor(depth)
        running: deque[Future[list[Translation]]] = deque()
        fault: Exception | None = None
        try:
            for window in windows:
                fault = window.fault
                staged = drafting.submit(self.prepare, window)
                running.append(answering.submit(self._finish_staged, staged))
                # A window counts as running until it is done: a stop must reach the backends that work on it.
                while len(running) > depth + 1:
                    yield running[0].result()
                    running.popleft()
            while running:
                yield running[0].result()
                running.popleft()
            _raise(fault)
        finally:
            if running:
                self._stopped.set()
            _end((drafting, answering), self._plan if running else None)

    def prepare(self, window: Window) -> Staged:
        """Cut, draft and render the prompts of a window; no generalist is called."""
        # Where several threads work on windows of one run, one of them prepares, and the others wait for answers.
        with self._preparing:
            return self._prepare(window)

    def _prepare(self, window: Window) -> Staged:
        began = time.perf_counter()
        plan = self._plan
        if isinstance(plan.kit.road, RecordedRoad):
            filled = [index for index, segment in enumerate(window.segments) if segment.text.strip()]
            plan.kit.road.positions = [window.start + index for index in filled]
        cuts = self._cut(window.segments)
        signature = plan.signature
        known = self._known(cuts)
        pieces = [piece for _, piece in _open_pieces(cuts, known)]
        if not pieces:
            return Staged(cuts, [], [], began, known, signature)
        prepared, thirds = self._ready(pieces)
        return Staged(cuts, prepared, thirds, began, known, signature)

    def _ready(self, pieces: Sequence[Segment]) -> tuple[Sequence[Prepared], Sequence[Prepared]]:
        """Return what is prepared for pieces, and the prompts of the third candidate or nothing."""
        plan = self._plan
        account = Account() if self._alone else self._account
        with self._specialists:
            prepared = defer(plan.method.prepare(pieces, plan.kit), plan, account)
        thirds = without_deferred(plan.third.prepare(pieces, plan.kit), prepared) if plan.third else []
        return prepared, thirds

    def _known(self, cuts: Sequence[Cut]) -> Known:
        """Look up whole segments in the memories, then, without the tags around them, the pieces of the others."""
        reuse, method = self._plan.reuse, self._plan.method.name
        if reuse is None:
            return Known()
        wholes = reuse.translations([item.whole for item in cuts], method)
        segments = {
            index: replace(item, segment=cuts[index].segment)
            for index, found in enumerate(wholes)
            if found and (item := self._verified(found))
        }
        places = [place for place, _ in _open_pieces(cuts, Known(segments))]
        pieces = reuse.translations([cuts[index].pieces[number] for index, number in places], method)
        found_pieces = {
            place: item
            for place, found in zip(places, pieces, strict=True)
            if found and (item := self._verified(found))
        }
        return Known(segments, found_pieces)

    def _verified(self, item: Translation) -> Translation | None:
        """Tell what became of the glossary's terms in a text that was confirmed before, if the method takes it."""
        found = self._plan.kit.found(item.segment)
        told = replace(item, terms=verify(found, item.text, self._plan.pair)) if found else item
        return self._plan.method.confirmed(told, self._plan.kit)

    def _cut(self, segments: Sequence[Segment]) -> list[Cut]:
        recorded = isinstance(self._plan.kit.road, RecordedRoad)
        profile = self._profile
        cutting = Cutting(
            profile.max_characters,
            profile.protect,
            profile.do_not_translate,
            recorded,
            self._plan.kit.pair.source,
            profile.splitter,
        )
        return [cut(segment, cutting) for segment in segments]

    def _finish_staged(self, staged: Future[Staged]) -> list[Translation]:
        return self._finish(staged.result())

    def _finish(self, staged: Staged) -> list[Translation]:
        """Answer and judge a window, and put its pieces together."""
        meter = _Meter(self._progress, staged)
        made = iter(self._judged(staged.prepared, staged.thirds, meter.tick) if staged.prepared else [])
        joined = [self._joined(staged, index, made) for index in range(len(staged.cuts))]
        meter.finish()
        seconds = self._seconds(staged.began) / max(1, len(staged.cuts))
        return [replace(item, signature=staged.signature, seconds=seconds) for item in joined]

    def _joined(self, staged: Staged, index: int, made: Iterator[Translation]) -> Translation:
        """Return the translation of one segment: from a memory, or of its pieces."""
        if index in staged.known.segments:
            return staged.known.segments[index]
        item = staged.cuts[index]
        return item.join(
            [
                staged.known.pieces.get((index, number)) or self._piece(piece, made)
                for number, piece in enumerate(item.pieces)
            ]
        )

    def _piece(self, piece: Segment, made: Iterator[Translation]) -> Translation:
        """A piece without text stays as it is."""
        if piece.text.strip():
            return next(made)
        return Translation(piece, piece.text, self._plan.method.name, self._plan.pair)

    def _judged(
        self, prepared: Sequence[Prepared], thirds: Sequence[Prepared], tick: Progress
    ) -> list[Translation]:
        """Ask, follow up and judge what was prepared; `tick` is told of answers."""
        plan = self._plan
        self._check_wanted()
        rounds: list[Round] = []
        if plan.method.needs_generalist:
            prepared = self._conversation(prepared, rounds, tick)
        if plan.third:
            rounds.append(self._answer(thirds, plan.third, tick))
        self._check_wanted()
        with self._specialists:
            done = judge(prepared, rounds, plan)
        plan.method.conclude(done, plan.kit)
        return done

    def _conversation(
        self, prepared: Sequence[Prepared], rounds: list[Round], tick: Progress
    ) -> Sequence[Prepared]:
        """Have a method ask what it wants to know, ask for translations, and follow them up."""
        plan = self._plan
        prepared = self._talked(prepared)
        rounds.append(self._answer(prepared, plan.method, tick))
        while following := self._followed(prepared, rounds[-1]):
            prepared = following
            if not any(item.prompt for item in prepared):
                break
            self._check_wanted()
            rounds.append(self._answer(prepared, plan.method, tick))
        return prepared

    def _followed(self, prepared: Sequence[Prepared], last: Round) -> Sequence[Prepared]:
        """Hear what a method asks next; it may have specialists measure what it has got."""
        with self._specialists:
            return self._plan.method.follow(prepared, last.answers, self._plan.kit)

    def _talked(self, prepared: Sequence[Prepared]) -> Sequence[Prepared]:
        """Put the questions of a method to the generalist, round after round."""
        places = [place for place, item in enumerate(prepared) if item.prompt]
        if not places:
            return prepared
        talk = self._plan.method.talk([prepared[place] for place in places], self._plan.kit)
        spent = [Usage()] * len(places)
        completions: Sequence[Completion] | None = None
        while True:
            try:
                with self._specialists:  # a method may ask them between two rounds
                    questions = next(talk) if completions is None else talk.send(completions)
            except StopIteration as end:
                made: list[Prepared] = end.value
                break
            self._check_wanted()
            completions = self._complete(questions)
            for question, completion in zip(questions, completions, strict=True):
                spent[question.place] += completion.usage
        done = list(prepared)
        for place, item, usage in zip(places, made, spent, strict=True):
            done[place] = replace(item, usage=item.usage + usage)
        return done

    def _complete(self, questions: Sequence[Question]) -> Sequence[Completion]:
        if not questions:
            return []
        profile = self._profile
        decoding = Decoding(temperature=profile.temperature, seed=profile.seed)
        return ask_each(questions, require_generalist(self._plan), decoding)

    def _check_wanted(self) -> None:
        """Raise if the run was stopped: what a backend was told to give up must not begin anew."""
        if self._stopped.is_set():
            raise CancelledError

    def _answer(self, prepared: Sequence[Prepared], method: Method, tick: Progress) -> Round:
        if not any(item.prompt for item in prepared):
            return Round(method.name, unasked(prepared))
        plan, decoding = self._plan, self._decoding(prepared, method)
        generalist = require_generalist(plan)
        asking = Asking(generalist, decoding, plan.kit.template, plan.pair, method.name)
        return Round(method.name, answer(prepared, asking, tick))

    def _decoding(self, prepared: Sequence[Prepared], method: Method) -> Decoding:
        bound = self._profile.max_tokens
        if "max_tokens" not in self._profile.explicit:
            # Three tokens a byte of the source is more than any pair of scripts needs, also where a tokenizer
            # falls back on bytes; it ends a model that has lost its way. Set max_tokens for one that thinks aloud.
            longest = max(len(item.segment.text.encode()) for item in prepared)
            bound = min(bound, 64 + 3 * longest)
        profile = self._profile
        return Decoding(bound, profile.temperature, seed=profile.seed, thinking=method.thinking, wait=method.wait)

    def _seconds(self, began: float) -> float:
        """Return the seconds that this window added to the run, what overlaps with the one before left out."""
        with self._clock:
            end = time.perf_counter()
            added = end - max(began, self._last_end)
            self._last_end = end
            return added


class _Meter:
    """Tells of finished segments while prompts are being answered, and of the rest at the end."""

    def __init__(self, progress: Progress, staged: Staged) -> None:
        self._progress = progress
        self._segments = len(staged.cuts)
        self._prompts = sum(item.prompt is not None for item in (*staged.prepared, *staged.thirds))
        self._answered = self._told = 0
        self._lock = Lock()

    def tick(self, count: int) -> None:
        """Count finished prompts."""
        with self._lock:
            self._answered += count
            # The last segment is told of only when the window has been judged.
            due = min(self._segments - 1, self._segments * self._answered // max(1, self._prompts))
            self._tell(due)

    def finish(self) -> None:
        """Tell of all that is left."""
        with self._lock:
            self._tell(self._segments)

    def _tell(self, due: int) -> None:
        if due > self._told:
            self._progress(due - self._told)
            self._told = due


def _open_pieces(cuts: Sequence[Cut], known: Known) -> Iterator[tuple[tuple[int, int], Segment]]:
    """Yield position and piece of all that is to be translated."""
    for index, item in enumerate(cuts):
        for number, piece in enumerate(item.pieces if index not in known.segments else ()):
            if piece.text.strip() and (index, number) not in known.pieces:
                yield (index, number), piece


def _given(batches: Iterator[Sequence[Segment]]) -> Iterator[Window]:
    """Yield batches as windows; the fault that ends them comes last."""
    start = 0
    while True:
        try:
            batch = next(batches, None)
        except Exception as fault:
            yield Window((), start, fault)
            return
        if batch is None:
            return
        yield Window(batch, start)
        start += len(batch)


def _take(waiting: Iterator[Segment], size: int) -> tuple[list[Segment], Exception | None]:
    """Return the next segments, and the fault that kept more of them away: what was read before it is not lost."""
    batch: list[Segment] = []
    try:
        batch.extend(islice(waiting, size))
    except Exception as fault:
        return batch, fault
    return batch, None


def _raise(fault: Exception | None) -> None:
    if fault:
        raise fault


def _end(pools: Sequence[ThreadPoolExecutor], unfinished: Plan | None) -> None:
    """End the threads; backends that are still at work are told to give up, so that nobody waits for them."""
    for pool in pools:
        pool.shutdown(wait=False, cancel_futures=True)
    if unfinished:
        for part in unfinished.parts():
            for backend in (part.generalist, *part.kit.helpers(), *part.kit.makers()):
                give_up(backend)
    for pool in pools:
        pool.shutdown()
