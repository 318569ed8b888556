"""Presentations (.pptx): slides in their order, each with its notes, charts and diagrams.

Source: ISO/IEC 29500-1, sections 19 (PresentationML) and 21 (DrawingML). Masters and layouts hold prompts
("Click to edit"), not content: they are copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from scalemt.formats.base import FormatOptions
from scalemt.formats.member import Dialect, Plain
from scalemt.formats.ooxml import OoxmlFormat


class PptxFormat(OoxmlFormat):
    """PowerPoint presentations."""

    name = "pptx"
    title = "PowerPoint presentation"
    suffixes = (".pptx", ".pptm", ".potx", ".potm", ".ppsx", ".ppsm")
    kinds: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "presentationml.slide+xml": ("a:p",),
        "presentationml.notesSlide+xml": ("a:p",),
        "presentationml.comments+xml": ("p:text",),
    }

    def _dialects(self, options: FormatOptions) -> Mapping[str, Dialect]:
        return {**super()._dialects(options), "p:text": Plain()}
