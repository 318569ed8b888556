"""Back-translation: text of the target language, with the source that the reverse specialist makes of it.

Sennrich, Haddow and Birch (ACL 2016) for the method; Edunov et al. (EMNLP 2018) for sampled sources; Caswell,
Chelba and Grangier (WMT 2019) for the tag before each source, by which a model tells it from what people wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from scalemt.data.synthesis.base import Kind, Made, Request, Setting, Side, origin_of
from scalemt.data.synthesis.corpora import check_texts, texts_of
from scalemt.data.tables import below
from scalemt.memory.units import Unit
from scalemt.types import Completion, Pair

_BLOCK = 64  # texts in one request


class BackTranslation(Kind):
    """Text of the target language, back-translated.

    Args:
        corpus: text files, one sentence a line, or files of pairs, of which the target side counts.
        sources: the best source that the specialist finds, or one that it samples.
        tag: what is written before each source, such as "<BT>"; "" for nothing.
        most: sentences to take.
    """

    name: ClassVar[str] = "back-translation"

    corpus: Annotated[tuple[str, ...], Field(min_length=1)]
    sources: Literal["best", "sampled"] = "best"
    tag: str = ""
    most: Annotated[int, Field(ge=1)] | None = None

    @property
    def fills(self) -> Side:
        """The source."""
        return "source"

    @property
    def asks(self) -> bool:
        """No."""
        return False

    @property
    def files(self) -> tuple[str, ...]:
        """The corpora."""
        return self.corpus

    def placed(self, folder: Path) -> Kind:
        """See `Kind`."""
        return self.model_copy(update={"corpus": tuple(below(folder, file) for file in self.corpus)})

    def profile(self) -> dict[str, Any]:
        """The specialist alone."""
        return {"method": "draft"}

    def check(self, pair: Pair) -> None:
        """See `Kind`."""
        check_texts(self.corpus, "[back-translation] corpus")

    def requests(self, setting: Setting) -> Iterator[Request]:
        """See `Kind`; a request is a block of sentences."""
        texts = islice(texts_of(self.corpus, setting.pair, "target"), self.most)
        number = 0
        while block := list(islice(texts, _BLOCK)):
            yield Request(number, about=block)
            number += 1

    def read(self, request: Request, answer: Completion | None, setting: Setting) -> Made:
        """See `Kind`."""
        sampling = {"sources": self.sources, "seed": setting.seed if self.sources == "sampled" else None}
        origin = origin_of(self.name, setting, **sampling)
        return Made([Unit("", text, setting.pair, origin=origin) for text in request.about])
