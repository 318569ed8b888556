"""Refine: the generalist improves the specialist's draft (SCALE, Cheng et al., Findings of ACL 2024)."""

from collections.abc import Sequence

from scalemt.methods.base import Kit, Method, Prepared, with_drafts
from scalemt.types import Segment


class RefineMethod(Method):
    """Triplets of source, draft with word confidences, and target; then the source and its draft."""

    name = "refine"
    needs_specialist = True
    needs_generalist = True

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft, and render triplets."""
        return with_drafts(segments, kit, kit.require_road(self.name))
