"""Draft: the specialist alone, the baseline that every refinement must beat."""

from collections.abc import Sequence

from scalemt.methods.base import Kit, Method, Prepared
from scalemt.types import Segment


class DraftMethod(Method):
    """The specialist's best draft is the translation; no generalist is called."""

    name = "draft"
    needs_specialist = True
    needs_generalist = False

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft every segment on the road."""
        drafted = kit.require_road(self.name).draft(segments)
        return [
            Prepared(segment, item.shown, item.standing) for segment, item in zip(segments, drafted, strict=True)
        ]
