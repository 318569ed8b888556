"""Adaptive: fuzzy matches of a memory as demonstrations (Moslem et al., EAMT 2023, arXiv 2301.13294)."""

from collections.abc import Sequence
from typing import Literal

from scalemt.memory.matching import without_drafts
from scalemt.methods.base import Kit, Method, Prepared, with_drafts
from scalemt.types import Segment

Drafts = Literal["none", "segment", "all"]


class AdaptiveMethod(Method):
    """The units of the memory most like the segment, the best last, and the specialist's draft if it is wanted.

    Of the paper its abstract and its code were read, not the text on prompts with drafts and terms: how its three
    combinations are laid out was decided here.

    Args:
        drafts: "none" shows matches only; "segment" shows the draft of the new segment and none of the matches;
            "all" shows drafts of both, as SCALE's triplets do.
    """

    name = "adaptive"
    needs_generalist = True
    needs_memory = True

    def __init__(self, drafts: Drafts = "all") -> None:
        self.drafts = drafts
        self.needs_specialist = drafts != "none"

    @property
    def signature(self) -> str:
        """The name and which drafts are shown."""
        return f"{self.name}[drafts:{self.drafts}]"

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Choose matches, draft what is to be drafted, and render prompts."""
        if self.drafts == "all":
            return with_drafts(segments, kit, kit.require_road(self.name))
        rows = without_drafts(kit.choose(segments))
        if self.drafts == "none":
            return [
                Prepared(segment, demonstrations=tuple(row), prompt=kit.prompt(segment, (), row))
                for segment, row in zip(segments, rows, strict=True)
            ]
        drafted = kit.require_road(self.name).draft(segments)
        return [
            Prepared(segment, item.shown, item.standing, tuple(row), kit.prompt(segment, item.shown, row))
            for segment, item, row in zip(segments, drafted, rows, strict=True)
        ]
