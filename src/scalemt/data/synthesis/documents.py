"""Documents of a domain, by a generalist, then translated by an engine (LLMs-in-the-loop, arXiv 2407.12126)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from scalemt.data.synthesis.asking import chat_prompt, fault_of, said, template_of, text_of
from scalemt.data.synthesis.base import Kind, Made, Request, Setting, Side, origin_of
from scalemt.memory.units import Unit
from scalemt.text.splitting import split_sentences
from scalemt.types import Completion, Pair, Prompt


class Documents(Kind):
    """Texts of given sections in given registers, in turn; the engine translates their sentences.

    Args:
        domain: the field.
        sections: kinds of texts, or parts of documents.
        registers: for whom and how they are written.
        count: documents in all; their sections change first, then their registers.
        words: of a document, more or less; a base model writes one paragraph, however long.
    """

    name: ClassVar[str] = "documents"

    domain: Annotated[str, Field(min_length=1)]
    sections: Annotated[tuple[str, ...], Field(min_length=1)]
    registers: tuple[str, ...] = ("plain",)
    count: Annotated[int, Field(ge=1)] = 10
    words: Annotated[int, Field(ge=20, le=2000)] = 150

    @property
    def fills(self) -> Side:
        """The target."""
        return "target"

    @property
    def files(self) -> tuple[str, ...]:
        """None."""
        return ()

    def placed(self, folder: Path) -> Kind:
        """See `Kind`."""
        return self

    def check(self, pair: Pair) -> None:
        """See `Kind`."""

    def requests(self, setting: Setting) -> Iterator[Request]:
        """See `Kind`; what has had its turn comes again under another seed."""
        plan = [(section, register) for register in self.registers or ("",) for section in self.sections]
        for number in range(self.count):
            turn, place = divmod(number, len(plan))
            yield Request(number, self._prompt(*plan[place], setting), setting.seed + turn, plan[place])

    def read(self, request: Request, answer: Completion | None, setting: Setting) -> Made:
        """See `Kind`; each sentence is a pair, in the context of its document."""
        if answer is None or (why := fault_of(answer)):
            return Made(faults=["no answer" if answer is None else why])
        section, register = request.about
        template = template_of("documents", setting.teller)
        origin = origin_of(
            self.name, setting, section=section, register=register, document=request.number + 1,
            template=template.signature, seed=request.seed,
        )  # fmt: skip
        unit = Unit(
            "", "", setting.pair, context=f"document {request.number + 1}", origin=origin, creator=setting.maker,
            domain=self.domain,
        )  # fmt: skip
        texts = [sentence for line in said(answer).split("\n") for sentence in self._sentences(line, setting)]
        return Made([replace(unit, source=text) for text in texts], [] if texts else ["no sentence"])

    def _prompt(self, section: str, register: str, setting: Setting) -> Prompt:
        if setting.teller == "chat":
            data = {"domain": self.domain, "section": section, "register": register, "words": self.words}
            return chat_prompt("documents", data, setting.pair)
        told = f"{self.domain}: {section} ({register})" if register else f"{self.domain}: {section}"
        return template_of("documents", "base").render(told, (), (), setting.pair)

    def _sentences(self, line: str, setting: Setting) -> list[str]:
        text = text_of(line)
        # Headings and the marks of lists are no sentences, whatever the model was told.
        if not text or text.startswith(("#", "|", "```")) or not any(letter.isalpha() for letter in text):
            return []
        text = text.lstrip("*-• ")
        return [part for part, _ in split_sentences(text, setting.pair.source) if len(part.split()) > 1]
