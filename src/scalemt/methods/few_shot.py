"""Few-shot: the generalist alone, shown pairs of source and target (Brown et al. 2020; SCALE's baseline)."""

from collections.abc import Sequence

from scalemt.methods.base import Kit, Method, Prepared
from scalemt.types import Segment


class FewShotMethod(Method):
    """The generalist translates from k demonstrations without any draft."""

    name = "few-shot"
    needs_specialist = False
    needs_generalist = True

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Render a prompt of demonstrations and the source."""
        rows = kit.choose(segments)
        return [
            Prepared(
                segment,
                demonstrations=tuple(row),
                prompt=kit.prompt(segment, (), row),
            )
            for segment, row in zip(segments, rows, strict=True)
        ]
