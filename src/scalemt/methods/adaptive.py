"""Adaptive: fuzzy matches of a memory as demonstrations (Moslem et al., EAMT 2023, arXiv 2301.13294)."""

from collections.abc import Sequence
from typing import Literal

from scalemt.errors import ConfigurationError
from scalemt.memory.matching import without_drafts
from scalemt.methods.base import Kit, Method, Prepared
from scalemt.specialists.road import Drafted
from scalemt.types import Decision, Demonstration, Segment

Drafts = Literal["none", "segment", "all"]


class AdaptiveMethod(Method):
    """The units of the memory most like the segment, the best last, and the specialist's draft if it is wanted.

    Of the paper its abstract and its code were read, not the text on prompts with drafts and terms: how its three
    combinations are laid out was decided here.

    Args:
        drafts: "none" shows matches only; "segment" shows the draft of the new segment and none of the matches;
            "all" shows drafts of both, as SCALE's triplets do.
        ask_from: the least likeness of the best match, in percent, from which on the generalist is asked; below it
            the draft stands. 0 always asks.

    Raises:
        ConfigurationError: `ask_from` without drafts that could stand, or not a percentage.
    """

    name = "adaptive"
    needs_generalist = True
    needs_memory = True

    def __init__(self, drafts: Drafts = "all", ask_from: float = 0.0) -> None:
        if not 0 <= ask_from <= 100:
            raise ConfigurationError(f"ask_from is {ask_from:g}; expected a likeness in percent, 0 to 100.")
        if ask_from and drafts == "none":
            raise ConfigurationError("ask_from leaves segments to their drafts, and drafts=none makes none.")
        self.drafts = drafts
        self.ask_from = ask_from
        self.needs_specialist = drafts != "none"

    @property
    def signature(self) -> str:
        """The name, which drafts are shown, and from which likeness on the generalist is asked."""
        asked = f",ask_from:{self.ask_from:g}" if self.ask_from else ""
        return f"{self.name}[drafts:{self.drafts}{asked}]"

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Choose matches, draft what is to be drafted, and render prompts."""
        rows = kit.choose(segments)
        if self.drafts == "none":
            return [
                Prepared(segment, demonstrations=tuple(row), prompt=kit.prompt(segment, (), row))
                for segment, row in zip(segments, without_drafts(rows), strict=True)
            ]
        drafted = kit.require_road(self.name).draft(segments)
        best = [max((item.likeness or 0.0 for item in row), default=0.0) for row in rows]
        shown = [row if likeness >= self.ask_from else [] for row, likeness in zip(rows, best, strict=True)]
        shown = kit.drafted(shown, 0) if self.drafts == "all" else without_drafts(shown)
        return [
            self._prepared(segment, item, row, likeness, kit)
            for segment, item, row, likeness in zip(segments, drafted, shown, best, strict=True)
        ]

    def _prepared(
        self, segment: Segment, drafted: Drafted, row: Sequence[Demonstration], likeness: float, kit: Kit
    ) -> Prepared:
        if likeness < self.ask_from:
            why = f"the best match is {likeness:.0f} % alike; the generalist is asked from {self.ask_from:g} % on"
            return Prepared(
                segment, drafted.shown, drafted.standing, decisions=(Decision("memory", "not asked", why),)
            )
        prompt = kit.prompt(segment, drafted.shown, row)
        return Prepared(segment, drafted.shown, drafted.standing, tuple(row), prompt)
