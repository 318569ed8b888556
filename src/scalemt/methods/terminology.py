"""Terminology: draft, check the terms, edit only what misses some (Moslem et al., WMT 2023, arXiv 2310.14451)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from scalemt.glossary import FoundTerm, missed, verify
from scalemt.memory.matching import without_drafts
from scalemt.methods.base import Kit, Method, Prepared
from scalemt.methods.constraining import constrained
from scalemt.specialists.road import PivotRoad, Road
from scalemt.types import Decision, Segment

By = Literal["both", "generalist", "specialist"]


class TerminologyMethod(Method):
    """Terms that a draft misses are put in: by the specialist, around a mask, or by the generalist, in an edit.

    What comes of it is a candidate beside the draft; the gate takes it where more of the terms are used and it is
    not worse. The paper's prompts were not read: the template `postedit` is this project's own. Its other steps,
    synthetic data and fine-tuning, belong to training.

    Args:
        by: who puts terms in.
    """

    name = "terminology"
    needs_specialist = True
    needs_glossary = True
    aims_at_terms = True
    template = {"chat": "postedit", "base": "postedit-plain"}  # noqa: RUF012  # never written to

    def __init__(self, by: By = "both") -> None:
        self.by = by
        self.needs_generalist = by != "specialist"

    @property
    def signature(self) -> str:
        """The name and who puts terms in."""
        return f"{self.name}[by:{self.by}]"

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft, look for missed terms, and render a prompt only where some are."""
        road = kit.require_road(self.name)
        drafted = road.draft(segments)
        prepared = [
            Prepared(segment, item.shown, item.standing) for segment, item in zip(segments, drafted, strict=True)
        ]
        wrong = {index: found for index, item in enumerate(prepared) if (found := _missed(item, kit))}
        if self.by != "generalist":
            asked = [(prepared[index], found) for index, found in wrong.items()]
            for index, drafts in zip(wrong, constrained(asked, road), strict=True):
                prepared[index] = replace(prepared[index], alternatives=tuple(drafts))
        if self.needs_generalist:
            self._render(prepared, wrong, kit, road)
        return [
            replace(item, decisions=(*item.decisions, _told(wrong[index]))) if index in wrong else item
            for index, item in enumerate(prepared)
        ]

    def _render(self, prepared: list[Prepared], wrong: dict[int, list[FoundTerm]], kit: Kit, road: Road) -> None:
        """Ask for an edit of the draft that can stand; where nothing is to be put in, nobody is asked."""
        asked = {index: listed for index, found in wrong.items() if (listed := kit.listed(found))}
        segments = [prepared[index].segment for index in asked]
        # Through a pivot the drafts of demonstrations would be in another language than the one to be edited.
        direct = not isinstance(road, PivotRoad)
        rows = kit.choose_drafted(segments, 0) if direct else without_drafts(kit.choose(segments))
        for (index, listed), row in zip(asked.items(), rows, strict=True):
            item = prepared[index]
            edited = (item.standing,) if item.standing else ()
            prompt = kit.prompt(item.segment, edited, row, terms=listed)
            prepared[index] = replace(item, demonstrations=tuple(row), prompt=prompt)


def _missed(item: Prepared, kit: Kit) -> list[FoundTerm]:
    """Return the terms of a segment that its draft misses."""
    found = kit.found(item.segment)
    if not found or item.standing is None:
        return []
    uses = verify(found, item.standing.text, kit.pair)
    return [term for term, use in zip(found, uses, strict=True) if missed([use])]


def _told(found: Sequence[FoundTerm]) -> Decision:
    listed = "; ".join(f"{source} = {target}" for source, target in Kit.listed(found))
    return Decision("terms", "missed by the draft", listed or ", ".join(term.text for term in found))
