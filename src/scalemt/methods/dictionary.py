"""Dictionary: entries listed, or put into the source (Zheng et al., LlamaIT / DragFT, arXiv 2402.15061)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from scalemt.glossary import FoundTerm, wanted
from scalemt.methods.base import Kit, Method, Prepared, with_drafts
from scalemt.text.protection import protect
from scalemt.text.spans import rewrite
from scalemt.types import Demonstration, Segment, Span

Mode = Literal["list", "rephrase"]


class DictionaryMethod(Method):
    """The generalist is shown the dictionary's entries for the words of the segment.

    Of the paper only its abstracts were read: where a rephrased source keeps the words that it replaces, and that
    demonstrations are rephrased likewise, was decided here. Fine-tuning on such prompts belongs to training.

    Args:
        mode: "list" gives the entries in a line of their own; "rephrase" puts the target terms into the source,
            where `keep` leaves the source term before them: `the vírus (virus)`.
        keep: whether a rephrased source holds the original term too, in brackets.
        drafts: whether the specialist's draft is shown.
    """

    name = "dictionary"
    needs_generalist = True
    needs_glossary = True

    def __init__(self, mode: Mode = "list", keep: bool = False, drafts: bool = True) -> None:
        self.mode = mode
        self.keep = keep
        self.drafts = drafts
        self.needs_specialist = drafts

    @property
    def signature(self) -> str:
        """The name and how entries are shown."""
        told = f"{self.mode}+source" if self.mode == "rephrase" and self.keep else self.mode
        return f"{self.name}[{told}{'' if self.drafts else ',no drafts'}]"

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Render a prompt a segment."""
        if self.mode == "list" and self.drafts:
            return with_drafts(segments, kit, kit.require_road(self.name))
        rows = kit.choose_drafted(segments, 0) if self.drafts else kit.choose(segments)
        drafted = kit.require_road(self.name).draft(segments) if self.drafts else [None] * len(segments)
        prepared = []
        for segment, item, row in zip(segments, drafted, rows, strict=True):
            shown = item.shown if item else ()
            if self.mode == "list":
                prompt = kit.prompt(segment, shown, row)
            else:
                asked, likewise = self._rephrased(segment, kit.found(segment)), self._likewise(row, kit)
                prompt = kit.prompt(asked, shown, likewise, terms=())
            prepared.append(Prepared(segment, shown, item.standing if item else None, tuple(row), prompt))
        return prepared

    def _likewise(self, row: Sequence[Demonstration], kit: Kit) -> list[Demonstration]:
        """Return demonstrations with the terms in their sources that their targets have applied."""
        sources = [self._rephrased(protect(Segment(item.source)), kit.applied(item)).text for item in row]
        return [replace(item, source=source) for item, source in zip(row, sources, strict=True)]

    def _rephrased(self, segment: Segment, terms_found: Sequence[FoundTerm]) -> Segment:
        """Return the source with the target terms of the glossary in it, its protected spans as they are."""
        found = [(term, entry) for term in terms_found if (entry := wanted(term))]
        # A term is put in as a span is: `rewrite` moves all others.
        first = max((span.key for span in segment.spans), default=-1) + 1
        terms = {first + place: (term, entry) for place, (term, entry) in enumerate(found)}
        marks = [Span(term.start, term.end, "term", key) for key, (term, _) in terms.items()]
        spans = sorted((*segment.spans, *marks), key=lambda span: span.start)

        def held(span: Span, text: str) -> str:
            if span.key not in terms:
                return text
            target = terms[span.key][1].target
            return f"{target} ({text})" if self.keep and target != text else target

        text, moved = rewrite(segment.text, spans, held)
        kept = tuple(span for span in moved if span.key not in terms)
        return Segment(text, segment.id, kept, segment.breaks, segment.syntax, segment.note, segment.before)
