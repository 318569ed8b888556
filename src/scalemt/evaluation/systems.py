"""What is evaluated: a test set, and the outputs of systems on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from scalemt.errors import InputError
from scalemt.types import Draft, Pair


@dataclass(frozen=True, slots=True)
class TestSet:
    """N segments to score on: sources, one or more reference sets, and what is known of each segment.

    Args:
        name: for tables and files.
        sources: N texts, or none where only references are known.
        references: one tuple of N texts a reference set; may be empty for metrics that need none.
        pair: the direction, where it is known.
        ids: N identifiers; line numbers from 1 where the files have none.
        domains: N labels, or none.

    Raises:
        InputError: the counts differ; the message names them.
    """

    __test__: ClassVar[bool] = False  # pytest would collect a class of this name

    name: str
    sources: tuple[str, ...] = ()
    references: tuple[tuple[str, ...], ...] = ()
    pair: Pair | None = None
    ids: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = {"sources": self.sources, "ids": self.ids, "domains": self.domains}
        columns |= {f"reference set {number}": texts for number, texts in enumerate(self.references, 1)}
        counts = {name: len(texts) for name, texts in columns.items() if texts}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{count} {name}" for name, count in counts.items())
            raise InputError(f"The test set {self.name} does not pair up: {told}. Give the same number of each.")
        if not counts:
            raise InputError(f"The test set {self.name} is empty. Give sources, references, or both.")

    def __len__(self) -> int:
        return len(self.sources or self.ids or self.references[0])


@dataclass(frozen=True, slots=True)
class Output:
    """What one system gave for one segment.

    `draft` is what it started from, with word confidences where known; `decision` what the gate took
    ("draft", "refine" …); `truncated` and `failed` are as the system itself told; `facts` are further numbers
    of the segment (seconds, prompt tokens …).
    """

    text: str
    draft: Draft | None = None
    decision: str = ""
    truncated: bool = False
    failed: bool = False
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class System:
    """A named translator and its N outputs on a test set."""

    name: str
    outputs: tuple[Output, ...]
    path: str = ""

    @property
    def texts(self) -> list[str]:
        """The N translations."""
        return [output.text for output in self.outputs]
