"""Pivot: drafts in a third language, targets in the real one (SCALE, Cheng et al. 2024, pivoting)."""

from collections.abc import Sequence

from scalemt.errors import ConfigurationError
from scalemt.methods.base import Kit, Method, Prepared, with_drafts
from scalemt.specialists.road import PivotRoad, RecordedRoad
from scalemt.types import Segment


class PivotMethod(Method):
    """As `refine`, with drafts in the pivot language; chosen by itself where no specialist covers the pair."""

    name = "pivot"
    needs_specialist = True
    needs_generalist = True

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft into the pivot language, and render triplets whose drafts are in it.

        Raises:
            ConfigurationError: the road is a direct one; name a pivot language.
        """
        road = kit.require_road(self.name)
        if not isinstance(road, PivotRoad | RecordedRoad):
            raise ConfigurationError(
                f"{kit.pair} has a direct road: the method pivot must be told the third language, as --pivot LANG"
            )
        return with_drafts(segments, kit, road)
