"""Masks that a model ran together."""

from scalemt.text.masking import mask, restore
from scalemt.types import Segment, Span


def test_masks_that_were_run_together_are_damage() -> None:
    spans = (Span(5, 8, "tag", 0), Span(9, 12, "tag", 1))
    masked = mask(Segment("Open <a> <b> now", spans=spans), "word")
    one, other = masked.tokens.values()
    assert not restore(masked, f"Abra {one} {other} já").added
    restored = restore(masked, f"Abra {one}{other} já")
    assert set(restored.added) == {one, other}
