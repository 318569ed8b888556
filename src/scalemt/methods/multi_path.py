"""Multi-path: several drafts stand in the prompt (SCALE, Cheng et al. 2024, multi-path sampling)."""

from collections.abc import Sequence

from scalemt.methods.base import Kit, Method, Prepared, with_drafts
from scalemt.specialists.road import RecordedRoad, SeveralRoads
from scalemt.types import Segment


class MultiPathMethod(Method):
    """m drafts sampled from one specialist, or the best draft of each of several specialists."""

    name = "multi-path"
    needs_specialist = True
    needs_generalist = True
    samples_paths = True

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft on every path, and render triplets that hold them all."""
        road = kit.require_road(self.name)
        several = isinstance(road, SeveralRoads | RecordedRoad)
        return with_drafts(segments, kit, road, paths=0 if several else kit.paths)
