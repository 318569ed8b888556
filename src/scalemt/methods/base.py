"""What a method is: it prepares each segment for the generalist; answering and judging are shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from scalemt.errors import ConfigurationError
from scalemt.memory import Selector
from scalemt.methods.integrity import shown, shown_draft
from scalemt.prompts import Surroundings, Template
from scalemt.specialists import Specialist
from scalemt.specialists.road import Road, drafts_to_ask
from scalemt.types import Decision, Demonstration, Draft, Pair, Prompt, Segment

MOST_CONTEXT = 1500  # characters of source that a prompt shows of what stands before


@dataclass
class Kit:
    """What a method works with for one pair.

    Args:
        pair: source and target.
        template: what prompts look like.
        selector: chooses demonstrations; None when none are to be shown.
        road: how drafts are made; None when no specialist is in play.
        paths: how many sampled drafts `multi-path` shows.
        confidences: whether prompts show word confidences.
        notice: told once about each thing a user should know, such as a language without demonstrations.
        context: how many segments before one its prompt shows.
        translated: what the run has translated so far, source to translation, where context is shown.
    """

    pair: Pair
    template: Template
    selector: Selector | None = None
    road: Road | None = None
    paths: int = 0
    confidences: bool = True
    notice: Callable[[str], None] = field(default=lambda _: None)
    context: int = 0
    translated: dict[str, str] = field(default_factory=dict)
    _drafted: dict[tuple[int, int], tuple[Draft, ...]] = field(default_factory=dict)

    def require_road(self, method: str) -> Road:
        """Return the road, or say that the method needs one."""
        if self.road is None:
            raise ConfigurationError(f"The method {method} needs a specialist, and none is configured.")
        return self.road

    def prompt(self, segment: Segment, drafts: Sequence[Draft], demonstrations: Sequence[Demonstration]) -> Prompt:
        """Return the prompt for a segment: protected spans in typed form, surroundings where they are used."""
        masked = shown(segment)
        return self.template.render(
            masked.text,
            [shown_draft(draft, masked) for draft in drafts],
            demonstrations,
            self.pair,
            confidences=self.confidences,
            surroundings=Surroundings(
                protected=bool(segment.spans),
                note=segment.note if self.context else "",
                before=self.before(segment),
            ),
        )

    def before(self, segment: Segment) -> tuple[tuple[str, str], ...]:
        """Return the segments before one in its document, the nearest last, each with its translation or ""."""
        chosen: list[tuple[str, str]] = []
        size = 0
        for text in reversed(segment.before[-self.context :] if self.context else ()):
            size += len(text)
            if size > MOST_CONTEXT:
                break
            chosen.insert(0, (text, self.translated.get(text, "")))
        return tuple(chosen)

    def choose(self, texts: Sequence[str]) -> list[list[Demonstration]]:
        """Return the demonstrations for each text, without regard to drafts."""
        if self.selector is None:
            return [[] for _ in texts]
        pool = self.selector.pool
        return [[pool[index] for index in row] for row in self.selector.select(texts)]

    def choose_drafted(self, texts: Sequence[str], paths: int) -> list[list[Demonstration]]:
        """Return the demonstrations for each text, each with as many drafts as the prompt will show.

        Drafts that a demonstration brings along are used; missing ones are made by the specialists in use.
        """
        if self.selector is None:
            return [[] for _ in texts]
        rows = self.selector.select(texts)
        self._make_drafts(sorted({index for row in rows for index in row}), paths)
        pool = self.selector.pool
        return [[replace(pool[i], drafts=self._drafted[i, paths]) for i in row] for row in rows]

    def _make_drafts(self, positions: Sequence[int], paths: int) -> None:
        assert self.selector is not None  # noqa: S101  # the callers have looked
        pool = self.selector.pool
        for index in positions:
            if pool[index].drafts:
                self._drafted[index, paths] = pool[index].drafts
        missing = [index for index in positions if (index, paths) not in self._drafted]
        if not missing:
            return
        makers = self.road.makers() if self.road else []
        if not makers:
            raise ConfigurationError(
                f"The demonstration {pool[missing[0]].source[:60]!r} has no drafts, and drafts recorded "
                "elsewhere cannot make them. Add drafts to the demonstrations file."
            )
        sources = [pool[index].source for index in missing]
        columns = [self._draft_all(specialist, sources, pair, paths) for specialist, pair in makers]
        for row, index in enumerate(missing):
            self._drafted[index, paths] = tuple(draft for column in columns for draft in column[row])

    def _draft_all(self, specialist: Specialist, texts: list[str], pair: Pair, paths: int) -> list[list[Draft]]:
        return [drafts[: paths or 1] for drafts in specialist.draft(texts, pair, drafts_to_ask(paths))]


@dataclass(frozen=True)
class Prepared:
    """One segment ready for the generalist.

    `standing` is the draft that can be the translation by itself. Without a `prompt` it is the translation.
    """

    segment: Segment
    drafts: tuple[Draft, ...] = ()
    standing: Draft | None = None
    demonstrations: tuple[Demonstration, ...] = ()
    prompt: Prompt | None = None
    decisions: tuple[Decision, ...] = ()


class Method(ABC):
    """One way of translating. A subclass sets the attributes and implements `prepare`.

    `needs_specialist` and `needs_generalist` let the engine refuse early when one is missing; `samples_paths` says
    that the number of paths of the profile decides what it does.
    """

    name: str
    needs_specialist: bool
    needs_generalist: bool
    samples_paths: bool = False

    @abstractmethod
    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Return one `Prepared` a segment, in order. No segment is empty."""


def with_drafts(segments: Sequence[Segment], kit: Kit, road: Road, paths: int = 0) -> list[Prepared]:
    """Draft each segment, choose and draft its demonstrations, and render its prompt.

    Args:
        paths: 0 shows the best draft, m > 0 shows m sampled ones.
    """
    drafted = road.draft(segments, paths)
    rows = kit.choose_drafted([segment.text for segment in segments], paths)
    return [
        Prepared(segment, item.shown, item.standing, tuple(row), kit.prompt(segment, item.shown, row))
        for segment, item, row in zip(segments, drafted, rows, strict=True)
    ]
