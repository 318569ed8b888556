"""The one road to a translation: an engine built from a profile.

::

    from scalemt import Engine

    engine = Engine.from_profile("default")
    for translation in engine.translate(["The house is blue."], "en", "pt"):
        print(translation.text)
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from scalemt import languages
from scalemt.config import Configuration, Profile, load_configuration
from scalemt.engine.assembly import Assembly, Plan, require_generalist
from scalemt.engine.judging import Round, judge
from scalemt.engine.pieces import Cut, as_segments, cut
from scalemt.errors import ConfigurationError, UsageError
from scalemt.generalists import Generalist
from scalemt.methods import Prepared
from scalemt.methods.answering import answer
from scalemt.specialists import Specialist
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.specialists.road import RecordedRoad
from scalemt.types import Decoding, Prompt, Segment, Translation

Progress = Callable[[int], None]
"""Called with the number of segments finished since the last call."""


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
            progress: called with the number of segments finished since the last call.

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
        """Yield translations as their batches are done; see `translate`."""
        plan = self.plan(source, target)
        for batch in self._batches(texts, plan):
            yield from self._translate(batch, plan, progress or (lambda _: None))

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
        for batch in self._batches(texts, plan):
            pieces = [piece for item in self._cut(batch) for piece in item.pieces if piece.text.strip()]
            for item in plan.method.prepare(pieces, plan.kit):
                if item.prompt:
                    yield item.segment, item.prompt

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

    def _batches(self, texts: Iterable[str | Segment], plan: Plan) -> Iterator[list[Segment]]:
        """Yield segments in batches; recorded drafts are told which of their lines each batch belongs to."""
        waiting = iter(as_segments(texts))
        start = 0
        while batch := list(islice(waiting, self.profile.batch)):
            if isinstance(plan.kit.road, RecordedRoad):
                filled = [index for index, segment in enumerate(batch) if segment.text.strip()]
                plan.kit.road.positions = [start + index for index in filled]
            start += len(batch)
            yield batch

    def _cut(self, batch: Sequence[Segment]) -> list[Cut]:
        # A draft made elsewhere is one draft of the whole segment: there is nothing to cut it by.
        limit = sys.maxsize if self.assembly.drafts else self.profile.max_characters
        return [cut(segment, limit) for segment in batch]

    def _translate(self, batch: list[Segment], plan: Plan, progress: Progress) -> list[Translation]:
        started = time.perf_counter()
        cuts = self._cut(batch)
        results = iter(self._translate_pieces([piece for item in cuts for piece in item.pieces], plan))
        joined = [item.join([next(results) for _ in item.pieces]) for item in cuts]
        seconds = (time.perf_counter() - started) / len(batch)
        progress(len(batch))
        return [replace(item, signature=plan.signature, seconds=seconds) for item in joined]

    def _translate_pieces(self, pieces: Sequence[Segment], plan: Plan) -> list[Translation]:
        """Translate those that hold text; the others stay as they are."""
        made = iter(self._run([piece for piece in pieces if piece.text.strip()], plan))
        return [
            next(made) if piece.text.strip() else Translation(piece, piece.text, plan.method.name, plan.pair)
            for piece in pieces
        ]

    def _run(self, segments: list[Segment], plan: Plan) -> list[Translation]:
        if not segments:
            return []
        prepared = plan.method.prepare(segments, plan.kit)
        rounds = [self._answer(prepared, plan, plan.method.name)] if plan.method.needs_generalist else []
        if plan.third:
            thirds = plan.third.prepare(segments, plan.kit)
            rounds.append(self._answer(thirds, plan, plan.third.name))
        return judge(prepared, rounds, plan)

    def _answer(self, prepared: Sequence[Prepared], plan: Plan, origin: str) -> Round:
        bound = self.profile.max_tokens
        if "max_tokens" not in self.profile.explicit:
            # Three tokens a byte of the source is more than any pair of scripts needs, also where a tokenizer
            # falls back on bytes; it ends a model that has lost its way. Set max_tokens for one that thinks aloud.
            longest = max(len(item.segment.text.encode()) for item in prepared)
            bound = min(bound, 64 + 3 * longest)
        decoding = Decoding(bound, self.profile.temperature, seed=self.profile.seed)
        answers = answer(prepared, require_generalist(plan), decoding, plan.kit.template, plan.pair, origin)
        return Round(origin, answers)
